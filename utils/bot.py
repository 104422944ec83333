"""The life of the process: prepare, log in, go on, serve, close. Knows each room and does nothing itself."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import utils.telegram  # noqa: F401  # before whatever loads Telethon
from utils import VERSION
from utils.archives import Limits
from utils.chat.commands import MENU_FILE, publish_commands
from utils.chat.conversation import Conversation
from utils.chat.reception import Reception
from utils.chat.restarting import RESTART_FILE, Restarting
from utils.chat.served import Served
from utils.chat.serving import Serving
from utils.cluster.farm import ProcessFarm
from utils.constants import ROOT, Settings, load_settings
from utils.conversion_state import ConversionStateManager
from utils.conversions.leftovers import Leftovers
from utils.conversions.runner import Conversions
from utils.jobs.building import JobBuilder
from utils.jobs.desk import Desk
from utils.jobs.failures import FAILURES_FILE, Failures
from utils.jobs.intake import Seen
from utils.jobs.opening import Opening
from utils.jobs.recovery import Recovery, boot_id
from utils.jobs.wishes import WishesOfChats
from utils.media import Converter, EncodeSettings, MediaTools
from utils.owner.eyes import Eyes, Where
from utils.owner.looking import Start, looked_on
from utils.owner.reloading import Follows, Reread, reload
from utils.owner.watch import Watch
from utils.queue_manager import QueueManager
from utils.storage.atomic import make_folder
from utils.storage.bindings import FILE_NAME, Bindings
from utils.storage.users import USERS_FILE, Users, split_names
from utils.storage.version import carry_over, program_in
from utils.telegram.account import Account
from utils.telegram.archive_client import ArchiveBotClient
from utils.telegram.arrivals import Arrivals
from utils.telegram.client import Ask, login, open_client
from utils.telegram.reactions import Reactions
from utils.telegram.transfers import Transfers
from utils.telegram.until import unless, until_gone
from utils.texts import choose

if TYPE_CHECKING:
    from telethon.tl import types

log = logging.getLogger(__name__)


class Bot:
    """One running bot: ``run`` it until ``stop`` is called."""

    def __init__(
        self, settings: Settings, *, ask: Ask, killed: str = "", farm: ProcessFarm | None = None
    ) -> None:
        """``killed``: how the last run ended, if not by itself. ``farm``: machines that convert as well."""
        self._settings, self._farm = settings, farm
        self._ask = ask
        self._killed = killed
        self._data = settings.path("DATA_DIR")
        self._jobs_dir = self._data / "jobs"
        self._recovery, self._quarantine = settings.path("RECOVERY_DIR"), settings.path("QUARANTINE_DIR")
        self._seen = Seen(self._data / "intake.jsonl", self._quarantine)
        self.watch = Watch()
        #: Whether whoever runs it is to run it again.
        self.to_restart = False
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        #: What goes by settings that are read again.
        self._following: list[Follows] = []

    def stop(self) -> None:
        """No new work; what is under way is left in a state that can be gone on with."""
        self._stopping.set()

    def restart(self) -> None:
        """The same, and then be started again."""
        self.to_restart = True
        self.stop()

    async def reload(self) -> Reread:
        """Read the settings again: of those that changed, what is in force, and what takes a restart."""
        async with self._reloading:
            found = await reload(self._settings, load_settings, self._following)
            self._settings = found.settings
        return found

    async def run(self) -> None:
        """Log in, go on with what an earlier run left, and serve until :meth:`stop`.

        Raises :class:`LoginFailed` and :class:`SettingsError` at the start; afterwards only
        :class:`LoginFailed`, when the log-in was ended. What was under way is gone on with by the next run.
        """
        with self.watch.listening():
            await self._run()

    async def _run(self) -> None:
        await asyncio.to_thread(self._prepare)
        where = Where.from_settings(self._settings)
        client = await open_client(self._settings, self._data, self._quarantine)
        self.transfers = Transfers(client, connections=self._settings.TRANSFER_CONNECTIONS)
        self._account = Account(client, self.transfers.caller)
        arrivals = Arrivals(client)
        try:
            me = await unless(self._stopping, login(client, self._settings, self._ask))
            if me is not None:
                await until_gone(client, self._serve(me, client, arrivals, where))
        finally:
            await self.transfers.close()
            await client.disconnect()

    def _prepare(self) -> None:
        """Make the folders and read the state. Blocking. Raises :class:`TooNew`."""
        make_folder(self._data)
        now = program_in(ROOT, VERSION)
        self._start = Start(self._killed, carry_over(self._data, now), now)
        for folder in (self._jobs_dir, self._recovery, self._quarantine):
            make_folder(folder)
        settings = self._settings
        self._users = Users(self._data / USERS_FILE, self._quarantine, settings.AUTHORIZED_USERS)
        self._bindings = Bindings(self._data / FILE_NAME, self._quarantine, split_names(self._users.all())[1])
        self._failures = Failures(self._data / FAILURES_FILE, self._quarantine)
        self._restarting = Restarting(self._data / RESTART_FILE, self.restart)
        self._wishes = WishesOfChats.under(settings)
        file, pause = settings.CONVERSION_STATE_FILE, settings.CONVERSION_STATE_SAVE_INTERVAL
        self._states = ConversionStateManager(file, self._quarantine, save_interval=pause)
        self._leftovers = Leftovers(
            self._states,
            jobs=self._jobs_dir,
            recovery=self._recovery,
            quarantine=self._quarantine,
            days=settings.QUARANTINE_DAYS,
        )
        self._seen.open()

    def _assemble(self, me: types.User, target: types.TypeInputPeer | None) -> None:
        """Put together what serves the account ``me``; results go to ``target``, or where they came from."""
        settings = self._settings
        media = self._media = MediaTools.from_settings(settings)
        self.conversation = Conversation(self._account.call, settings.PASSWORD_ATTEMPTS)
        self.conversions = Conversions(
            states=self._states,
            converter=Converter(EncodeSettings.from_settings(settings), media.tools, farm=self._farm),
            inspect=media.inspect,
            jobs=self._jobs_dir,
            recovery=self._recovery,
            quarantine=self._quarantine,
            max_retries=settings.CONVERSION_MAX_RETRIES,
            deferred=settings.DEFERRED_VIDEO_CONVERSION,
        )
        self.queue = QueueManager(self.conversions.run)
        builder = JobBuilder(
            settings=settings,
            wishes=self._wishes,
            opening=Opening(
                self._account, self.transfers, Limits.from_settings(settings), settings.ARCHIVE_PASSWORDS
            ),
            conversation=self.conversation,
            queue=self.queue,
            conversions=self.conversions,
            media=media,
            target=target,
            boot=boot_id(),
            is_bot=bool(me.bot),
        )
        self.desk = Desk(
            folder=self._jobs_dir,
            seen=self._seen,
            builder=builder,
            queue=self.queue,
            conversions=self._leftovers,
            reactions=Reactions(self._account.call),
            failures=self._failures,
        )
        self.conversions.connect(self.desk.jobs, self.queue.add_conversion, self.queue.let_next)
        self._following += [self.desk, self.conversions, media, self.conversation, self._wishes]
        self._reception = self._receive(me, has_target=target is not None)

    def _receive(self, me: types.User, *, has_target: bool) -> Reception:
        serving = Serving(
            settings=self._settings,
            users=self._users,
            bindings=self._bindings,
            wishes=self._wishes,
            restarting=self._restarting,
            account=self._account,
            conversation=self.conversation,
            desk=self.desk,
            language=self._language,
            is_bot=bool(me.bot),
            name=me.username or "",
            farm=self._farm,
        )
        self._following.append(Served(self._users, serving.access))
        return serving.reception(has_target=has_target)

    def _language(self, chat: int, code: str) -> str:
        """The language spoken in ``chat`` with somebody with whom Telegram speaks ``code``."""
        return choose(self._wishes.language_of(chat), code, self._settings.LANGUAGE)

    async def _serve(
        self, me: types.User, client: ArchiveBotClient, arrivals: Arrivals, where: Where | None
    ) -> None:
        log.info("🤖 Logged in as %s (%d)", me.username or me.first_name, me.id)
        self._assemble(me, await self._account.target(self._settings.TARGET_CHAT))
        if me.bot:
            menu = self._data / MENU_FILE
            await publish_commands(self._account, me.id, choose(self._settings.LANGUAGE), menu)
        eyes = Eyes(
            self._settings,
            line=client,
            desk=self.desk,
            queue=self.queue,
            states=lambda: self._states.states,
            machines=lambda: self._farm.machines if self._farm else (),
        )
        self._following.append(eyes)
        account, language = self._account, self._language
        async with looked_on(account, eyes, self.watch, where, start=self._start, language=language):
            await self._at_work(arrivals)

    async def _at_work(self, arrivals: Arrivals) -> None:
        await self._recover()
        background = [
            asyncio.create_task(work)
            for work in (
                *(self.queue.run(), arrivals.keep_place()),
                *(self._leftovers.clean_up(), self._leftovers.keep_written()),
                *([self._farm.run()] if self._farm else []),
            )
        ]
        arrivals.open(self._reception)
        self.ready.set()
        log.info("✅ Ready")
        await self._restarting.tell(self._account.tell)
        try:
            await self._stopping.wait()
            log.info("🛑 Stopping")
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, self.desk.stop(), return_exceptions=True)
            await self.desk.close()
            await self._leftovers.write()
            await self._media.close()

    async def _recover(self) -> None:
        """Take up every job that is not done, and its conversions with it."""
        incomplete = await self._leftovers.incomplete()
        recovery = Recovery(self._jobs_dir, self._quarantine, seen=self._seen, desk=self.desk)
        unreadable = await recovery.take_up()
        await self._leftovers.sort_out(incomplete, jobs=self.desk.jobs, unreadable=unreadable)
