"""Puts the parts together; the only place that knows them all."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import shutil
import time
from collections.abc import Awaitable, Coroutine, Sequence, Set
from functools import partial
from pathlib import Path
from typing import TypeVar

from telethon import errors as rpc
from telethon import events
from telethon.tl import functions, types
from telethon.tl.custom import Message
from telethon.tl.tlobject import TLObject

from utils.archives import ArchiveReader, Limits, looks_like_archive, open_archive, volume_of
from utils.chat.access import Access
from utils.chat.conversation import AGAIN_WORD, HELP, Conversation, date_words, messages_of_button
from utils.constants import Settings
from utils.conversion_state import INCOMPLETE, ConversionStateManager, display_name
from utils.conversions.runner import Conversions
from utils.errors import (
    ArchiveError,
    BotError,
    ChatClosed,
    DeliveredBefore,
    DiskFull,
    NoRoom,
    NotAnArchive,
    SettingsError,
)
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.delivery import Delivery, chat_errors
from utils.jobs.intake import AlbumCaptions, Incoming, Seen, fingerprint, incoming
from utils.jobs.job import Job, JobServices
from utils.jobs.journal import JobJournal
from utils.jobs.record import JobRecord
from utils.jobs.single_file import SingleFile
from utils.jobs.split_set import SplitSet, set_title
from utils.jobs.summary import duration_words
from utils.media import Converter, EncodeSettings, Kind, MediaTools, kind_of
from utils.queue_manager import ConversionTask, QueueManager
from utils.storage.atomic import make_folder, set_aside
from utils.storage.workspace import MB, Workspace, disk_errors
from utils.telegram.client import Ask, build_client, login
from utils.telegram.remote_file import RemoteFile
from utils.telegram.status import StatusMessage
from utils.telegram.transfers import Transfers
from utils.telegram.upload import MAX_PARTS, PART_SIZE, Upload
from utils.telegram.waits import OnWait, error_name
from utils.telegram.window import Lanes

log = logging.getLogger(__name__)
T = TypeVar("T")

#: The names of jobs: chat, message, and something random where a file is handled again.
JOB_ID = re.compile(r"-?\d+_\d+(_[0-9a-f]{8})?")

#: Seconds before a job that broke off for a reason nobody foresaw is taken up again.
RETRY_PAUSES = (5.0, 60.0, 600.0)

#: Bytes that are looked at to say what a file is.
HEAD = 4096

#: Bytes in the unit of the limit for files; Telegram counts in parts of 512 KiB.
MIB = 1 << 20

#: Seconds between a message and the note that it need not come again; several share one.
PLACE_PAUSE = 0.5

#: Hours that a completed conversion is remembered, and seconds between two clean-ups.
REMEMBER_HOURS, CLEAN_UP_PAUSE = 24.0, 3600.0


class Bot:
    """One running bot: ``run`` it until ``stop`` is called."""

    def __init__(self, settings: Settings, *, ask: Ask) -> None:
        self._settings = settings
        self._ask = ask
        self._data = settings.path("DATA_DIR")
        self._jobs_dir = self._data / "jobs"
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._statuses: dict[str, StatusMessage] = {}
        self._sets: dict[str, SplitSet] = {}
        self._taking = asyncio.Lock()
        #: Chat and first message of what is to be done again and is not a job yet.
        self._repeating: set[tuple[int, int]] = set()
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._took = asyncio.Event()
        self._access = Access(settings.AUTHORIZED_USERS)
        self._captions = AlbumCaptions()
        self._seen = Seen(self._data / "intake.jsonl")
        self._boot = boot_id()

    def stop(self) -> None:
        """No new work; what is under way is left in a state that can be gone on with."""
        self._stopping.set()

    async def run(self) -> None:
        """Log in, go on with what an earlier run left, and serve until :meth:`stop`.

        Raises :class:`LoginFailed` and :class:`SettingsError` at the start; afterwards nothing ends it.
        """
        await asyncio.to_thread(self._prepare)
        self._client = build_client(self._settings, self._data / "sessions" / "bot.session")
        self._transfers = Transfers(self._client, connections=self._settings.TRANSFER_CONNECTIONS)
        self._media = MediaTools.from_settings(self._settings)
        self._converter = Converter(EncodeSettings.from_settings(self._settings), self._media.tools)
        self.conversions = Conversions(
            states=self._states,
            converter=self._converter,
            inspect=self._media.inspect,
            jobs=self._jobs,
            folder_of=lambda job: self._jobs_dir / job / "files",
            recovery=self._settings.path("RECOVERY_DIR"),
            quarantine=self._settings.path("QUARANTINE_DIR"),
            max_retries=self._settings.CONVERSION_MAX_RETRIES,
            deferred=self._settings.DEFERRED_VIDEO_CONVERSION,
        )
        self.queue = QueueManager(self.conversions.run)
        self.conversions.requeue = self.queue.add_conversion
        self._conversation = Conversation(
            self._client, self._transfers.caller, self._settings.PASSWORD_ATTEMPTS
        )
        # Before the log-in: what arrived while the bot was away is handed out as soon as it is connected.
        self._client.add_event_handler(self._on_message, events.NewMessage(incoming=True))
        self._client.add_event_handler(self._on_button, events.CallbackQuery())
        try:
            me = await self._unless_stopped(login(self._client, self._settings, self._ask))
            if me is not None:
                await self._serve(me)
        finally:
            await self._close()

    # -- start and end ------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Make the folders and read the state. Blocking."""
        for folder in (self._jobs_dir, self._settings.path("RECOVERY_DIR"), self._quarantine):
            make_folder(folder)
        self._states = ConversionStateManager(self._settings.CONVERSION_STATE_FILE, self._quarantine)
        self._seen.open()

    @property
    def _quarantine(self) -> Path:
        return self._settings.path("QUARANTINE_DIR")

    async def _unless_stopped(self, work: Coroutine[None, None, T]) -> T | None:
        """What ``work`` gives; it is ended, and there is nothing, when the bot is told to stop first."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            stop.cancel()
            task.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _serve(self, me: types.User) -> None:
        log.info("🤖 Logged in as %s (%d)", me.username or me.first_name, me.id)
        self._is_bot = bool(me.bot)
        self._target = await self._resolve_target()
        if self._is_bot:
            try:
                await self._conversation.publish_commands()
            except rpc.RPCError as error:
                # They are a convenience, and Telegram remembers those of an earlier start.
                log.warning("⚠️ The commands were not published: %s", error_name(error))
        await self._recover()
        background = [
            asyncio.create_task(self.queue.run()),
            asyncio.create_task(self._clean_up_states()),
            asyncio.create_task(self._keep_place()),
        ]
        self.ready.set()
        log.info("✅ Ready")
        try:
            await self._stopping.wait()
            log.info("🛑 Stopping")
        finally:
            for task in (*background, *self._tasks.values()):
                task.cancel()
            await asyncio.gather(*background, *self._tasks.values(), return_exceptions=True)

    async def _close(self) -> None:
        for status in self._statuses.values():
            await status.close()
        await self._transfers.close()
        await self._client.disconnect()

    async def _resolve_target(self) -> types.TypeInputPeer | None:
        name = self._settings.TARGET_CHAT
        if not name:
            return None
        try:
            return await self._client.get_input_entity(int(name) if name.lstrip("-").isdigit() else name)
        except (ValueError, rpc.ChannelPrivateError):
            raise SettingsError(
                f"TARGET_CHAT: {name} cannot be found. Write to the bot from there first; "
                "in a channel, make it an administrator."
            ) from None

    async def _clean_up_states(self) -> None:
        while True:
            clean_up = asyncio.to_thread(self._states.cleanup_completed, REMEMBER_HOURS)
            await guarded(clean_up, "The states of old conversions could not be removed")
            await asyncio.sleep(CLEAN_UP_PAUSE)

    # -- after a restart ----------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Take up every job that is not done, and its conversions with it."""
        incomplete = await asyncio.to_thread(self._states.get_incomplete_conversions)
        if incomplete:
            log.info("🔄 Found %d incomplete conversions", len(incomplete))
        unreadable: set[str] = set()
        for folder in sorted(await asyncio.to_thread(self._job_folders)):
            if not await guarded(
                self._recover_job(folder), f"{folder} cannot be taken up; it stays as it is"
            ):
                unreadable.add(folder.name)
        known = self._jobs.keys() | unreadable
        for state in incomplete:
            job = state["details"].get("job")
            if job in self._jobs:
                log.info("♻️ Queued recovery conversion: %s", display_name(state))
            elif job not in known:
                await asyncio.to_thread(self._give_up_orphan, state["file_path"], display_name(state))
        await asyncio.to_thread(self._remove_orphans, known)

    def _job_folders(self) -> list[Path]:
        """The folders of jobs, without what else somebody's machine leaves there. Blocking."""
        return [path for path in self._jobs_dir.iterdir() if path.is_dir()]

    async def _recover_job(self, folder: Path) -> None:
        workspace = Workspace(folder)
        journal = JobJournal(workspace.journal)
        record = await asyncio.to_thread(journal.open)
        if record.done or record.known_origin is None:
            # Finished, or cut off before anything was known of it; then its message comes again.
            await asyncio.to_thread(workspace.remove)
            return
        log.info("♻️ Resumed job: %s", record.origin.name)
        for item in (record.origin, *record.volumes):
            # It may have been killed before it noted that this message was taken.
            if not self._seen.has(item.job):
                await self._seen.add(item)
        self._start_job(record.origin, folder.name, workspace, journal)

    def _give_up_orphan(self, path: str, name: str) -> None:
        """A conversion whose archive is no longer known has nowhere to go: keep its source. Blocking."""
        told = "The archive that it came from is no longer known"
        log.warning("⚠️ %s: %s", name, told)
        self._states.mark_failed(path, told)
        # Somebody else's file stays where it is; one of a job that was over is gone with the job's folder.
        if self._jobs_dir in Path(path).parents and Path(path).exists():
            set_aside(Path(path), self._quarantine, f"{name}: {told}.")

    def _remove_orphans(self, known: Set[str]) -> None:
        """Segments in recovery/ that belong to none of the ``known`` jobs. Blocking."""
        for folder in self._settings.path("RECOVERY_DIR").iterdir():
            job, _, number = folder.name.rpartition("-")
            # The folder may be one that others use, too.
            if JOB_ID.fullmatch(job) and number.isdigit() and job not in known:
                shutil.rmtree(folder, ignore_errors=True)

    # -- what comes in ------------------------------------------------------------------------------

    async def _on_message(self, event: events.NewMessage.Event) -> None:
        self._client.taking_in += 1
        try:
            await self._receive(event.message)
        except asyncio.CancelledError:
            # Not taken in: the message must come again when the bot is started again.
            raise
        except Exception:  # noqa: BLE001
            log.exception("❌ A message could not be handled")
        self._client.taking_in -= 1
        self._took.set()

    async def _receive(self, message: Message) -> None:
        await self.ready.wait()
        if not await self._allows(message):
            return
        item = await incoming(message)
        if item is not None:
            await self._take(self._captions.complete(item))
        elif message.message:
            await self._on_text(message)

    async def _allows(self, sent: Message | events.CallbackQuery.Event) -> bool:
        """Whether the sender of a message, or who pressed a button, may use the bot."""
        sender = await sent.get_sender()
        usernames = [getattr(sender, "username", None)]
        usernames += [name.username for name in getattr(sender, "usernames", None) or ()]
        allowed = self._access.allows(sent.sender_id, usernames)
        if not allowed:
            log.warning("🚫 Ignored a message of %s (%s)", sent.sender_id, usernames[0] or "no username")
        return allowed

    async def _keep_place(self) -> None:
        """Soon after each message: what was taken in need not come again after a kill."""
        while True:
            await guarded(self._client.keep_place(), "The place among the updates could not be kept")
            await self._took.wait()
            self._took.clear()
            await asyncio.sleep(PLACE_PAUSE)

    async def _on_text(self, message: Message) -> None:
        text = message.message.strip()
        command = text.split()[0].partition("@")[0].lower()
        if command == "/cancel":
            answer = await self._cancel(message.chat_id)
        elif command == "/status":
            answer = self._status_of(message.chat_id)
        elif command == "/help":
            answer = HELP
        elif not self._is_bot and text.lower() == AGAIN_WORD and (archive := await self._meant(message)):
            answer = await self._again(message.chat_id, await message.get_input_chat(), [archive]) or ""
        elif self._conversation.answer(message.chat_id, text, message.reply_to_msg_id):
            return
        elif self._is_bot:
            answer = self._conversation.help(message.chat_id, text)
        else:
            # A person's chats hold more than what is said to the bot.
            return
        if answer:
            await self._conversation.say(await message.get_input_chat(), answer)

    async def _meant(self, message: Message) -> int:
        """The message with the archive that is to be done again: the one replied to, or that it is about."""
        replied = await message.get_reply_message()
        if replied is None:
            return self._conversation.offered.get(message.chat_id, 0)
        return int(replied.id if replied.file else replied.reply_to_msg_id or 0)

    async def _on_button(self, event: events.CallbackQuery.Event) -> None:
        await self.ready.wait()
        if not await self._allows(event):
            return
        notice = await self._again(
            event.chat_id, await event.get_input_chat(), messages_of_button(event.data)
        )
        await answer_button(event, notice)

    async def _again(self, chat: int, peer: TLObject, ids: Sequence[int]) -> str | None:
        """Make a new job of the files in the messages ``ids``, whatever was done with them before.

        Returns what to tell when that cannot be, or is being done.
        """
        origin = chat, ids[0]
        if origin in self._repeating or self._is_at_work_on(*origin):
            return "I am at it already."
        self._repeating.add(origin)
        try:
            found = [await incoming(message) for message in await self._messages(peer, ids)]
            items = [item for item in found if item is not None]
            if not items:
                return "That message is gone; send it again."
            await self._repeat(items)
            return None
        finally:
            self._repeating.discard(origin)

    def _is_at_work_on(self, chat: int, message: int) -> bool:
        """Whether a job of that message, which may be one of its volumes, is not at its summary yet."""
        return any(
            job.chat == chat and message in job.record.messages() and "summary" not in job.record.announced
            for job in self._jobs.values()
        )

    async def _repeat(self, items: Sequence[Incoming]) -> None:
        """Make a new job of the file, or the volumes, that were handled before."""
        is_volume = await self._is_volume(items[0])
        async with self._taking:
            job = f"{items[0].job}_{secrets.token_hex(4)}"
            await self._new_job(items[0], job, is_volume=is_volume)
            for item in items[1:]:
                if job in self._sets:  # not when the disk is full, which was told
                    await self._sets[job].add(item)

    async def _take(self, item: Incoming) -> None:
        """Make a job of a message, or a volume of a job's archive, once."""
        if self._seen.has(item.job):
            return
        is_volume = await self._is_volume(item)
        async with self._taking:
            if self._seen.has(item.job) or item.job in self._jobs:
                return
            if await self._join(item, is_volume=is_volume):
                return
            known = self._known(item)
            if not known:
                await self._new_job(item, item.job, is_volume=is_volume)
                return
            await self._seen.add(item)
        # Telegram may ask for a pause first, and other messages need not wait for that.
        await self._conversation.offer_again(item, known, buttons=self._is_bot)

    def _known(self, item: Incoming, content: str = "") -> str:
        """That the same file was delivered to this chat, or is about to be, in words; "" when it was not.

        It is told by Telegram's id or by its fingerprint.
        """
        before = self._seen.delivered_before(item, content)
        if before is not None:
            return f"I sent you what is in {before.name} on {date_words(before.date)}."
        for job in self._jobs.values():
            record = job.record
            same = record.origin.document == item.document or (content and record.print == content)
            if same and job.id != item.job and job.chat == item.chat and not record.volumes:
                return f"I am at work on {job.name} already."
        return ""

    async def _is_volume(self, item: Incoming) -> bool:
        """Whether the file is a volume of a set, by its name and by what is in it."""
        if volume_of(item.name) is None:
            return False
        try:
            source = await self._source(item)
            return await looks_like_archive(source)
        except (BotError, rpc.RPCError):
            return True  # the job meets the same error, and tells of it

    async def _join(self, item: Incoming, *, is_volume: bool) -> bool:
        """Take ``item`` into the set that misses it; returns whether there is one, or had it already."""
        if not is_volume and volume_of(item.name) is not None:
            return False
        for split in self._sets.values():
            known = split.has(item)
            if known or split.wants(item):
                if not known:
                    await split.add(item)
                    log.info("🧩 Received %s, volume of a set (%.1f MB)", item.name, item.size / MB)
                await self._seen.add(item)
                return True
        return False

    async def _new_job(self, item: Incoming, job: str, *, is_volume: bool = False) -> None:
        workspace = Workspace(self._jobs_dir / job)
        journal = JobJournal(workspace.journal)
        title = set_title(item.name) if is_volume else ""
        origin = lines.Origin.of(item, date=time.time(), title=title)
        try:
            with disk_errors():
                await asyncio.to_thread(workspace.prepare)
                await asyncio.to_thread(journal.open)
                await journal.write(origin)
                await self._seen.add(item)
        except DiskFull:
            log.error("❌ The disk is too full to take in %s", item.name)  # noqa: TRY400
            await asyncio.to_thread(workspace.remove)
            told = f"❌ My disk is full, so I cannot take {item.name} now. Please send it again later."
            await self._conversation.say(item.peer.input(), told, reply_to=item.message)
            return
        log.info("📥 Received %s (%.1f MB)", item.name, item.size / MB)
        self._start_job(item, job, workspace, journal)

    # -- jobs ---------------------------------------------------------------------------------------

    def _start_job(self, item: Incoming, job_id: str, workspace: Workspace, journal: JobJournal) -> None:
        record = journal.record
        chat = item.peer.input()
        for dc in {item.dc or self._transfers.pool.home, self._transfers.pool.home}:
            self._transfers.pool.prepare(dc)
        on_wait = partial(self._show_wait, job_id)
        delivery = Delivery(
            chat=chat,
            target=self._target or chat,
            reply_to=item.message,
            files=workspace.files,
            journal=journal,
            call=partial(self._transfers.caller, on_wait=on_wait),
            upload=lambda path, name: Upload(
                self._transfers,
                path,
                name=name,
                on_wait=on_wait,
                on_progress=partial(self._show_progress, job_id, f"📤 Sending {name}"),
            ),
        )
        status = self._statuses[job_id] = StatusMessage(
            send=partial(delivery.send_text, "status"),
            edit=lambda message, text: self._client(
                functions.messages.EditMessageRequest(chat, message, message=text, no_webpage=True)
            ),
            message=record.sent.get("status", [0])[0],
        )
        wait = self._settings.VOLUME_WAIT_MINUTES * 60.0
        split = self._sets[job_id] = SplitSet(record, delivery.write, wait=wait)
        services = JobServices(
            open_archive=lambda passwords: self._open(split, job_id, workspace, passwords),
            ask_password=partial(self._conversation.ask_password, item, delivery),
            more_volumes=split.more,
            upload_slot=partial(self.queue.upload, item.chat),
            convert=self._convert_later if self._settings.DEFERRED_VIDEO_CONVERSION else self._convert_now,
            show=status.show,
            end_status=status.end,
            media=self._media,
            boot=self._boot,
            spool_limit=self._settings.SPOOL_LIMIT_MB * MB,
            upload_limit=upload_limit_of(self._settings),
            quarantine=self._quarantine,
            deferred=self._settings.DEFERRED_VIDEO_CONVERSION,
            delivered=lambda: self._delivered(item, record),
            finished=lambda: self._finished(job_id),
        )
        job = self._jobs[job_id] = Job(job_id, workspace, record, delivery, services)
        self._tasks[job_id] = asyncio.create_task(self._run_job(job))

    async def _run_job(self, job: Job) -> None:
        """The edge of a job: whatever happens inside is reported, and the other jobs go on."""
        workspace = Workspace(self._jobs_dir / job.id)
        for pause in (*RETRY_PAUSES, None):
            try:
                with disk_errors(), chat_errors():
                    await asyncio.to_thread(workspace.prepare)
                    await job.run()
                break
            except ChatClosed as error:
                await self._give_up(job, error)
                return
            except DiskFull as error:
                if pause is None or self._never_fits(job, error):
                    await self._give_up(job, error)
                    return
                log.warning("⚠️ %s waits for disk space: %s", job.name, error.told)
                job.show(f"⏸️ Waiting for room on the disk: {error.told}")
                await asyncio.sleep(pause)
            except Exception:  # noqa: BLE001
                log.exception("❌ %s broke off; it is kept and taken up again", job.name)
                if pause is None:
                    job.show("❌ Something went wrong; the rest is tried again when the bot is restarted.")
                    return
                await asyncio.sleep(pause)

    def _never_fits(self, job: Job, error: DiskFull) -> bool:
        """Whether there is nothing that could make room while the job waits."""
        return isinstance(error, NoRoom) and len(self._jobs) == 1 and not job.record.open_conversions()

    async def _give_up(self, job: Job, error: BotError) -> None:
        try:
            await job.give_up(error)
        except OSError:
            log.exception("❌ Not even the journal of %s can be written; a restart goes on with it", job.name)

    async def _delivered(self, item: Incoming, record: JobRecord) -> None:
        # Who sends all volumes of a set again means it: only single files are looked up.
        if record.print and record.delivered and not record.volumes:
            await self._seen.add_delivered(item, record.print)

    async def _finished(self, job_id: str) -> None:
        # Of a job that ends before its time, the other half may still be at work.
        await self.queue.drop_conversions(job_id)
        task = self._tasks.pop(job_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])
        await asyncio.to_thread(self._forget_conversions, job_id)
        for known in (self._jobs, self._sets):
            known.pop(job_id, None)
        # One that rests, as Telegram asked, says how its job ended once that is over.
        self._statuses = {
            job: known for job, known in self._statuses.items() if job in self._jobs or known.busy
        }

    def _forget_conversions(self, job_id: str) -> None:
        """What is left of a job's conversions, should it have been cancelled. Blocking."""
        for state in list(self._states.states.values()):
            if state["details"].get("job") == job_id and state["status"] in INCOMPLETE:
                self._states.forget(state["file_path"])
        for folder in self._settings.path("RECOVERY_DIR").glob(f"{job_id}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    async def _open(
        self, split: SplitSet, job_id: str, workspace: Workspace, passwords: Sequence[str]
    ) -> ArchiveReader:
        items = split.take()
        captions = [password for item in items for password in caption_passwords(item.caption)]
        open_sources = partial(
            open_archive,
            scratch=workspace.scratch,
            limits=Limits.from_settings(self._settings),
            passwords=(*passwords, *captions, *self._settings.ARCHIVE_PASSWORDS),
        )
        if len(items) > 1:
            return await open_sources([await self._source(item, job_id) for item in items])
        (item,) = items
        source = await self._source(item, job_id)
        content = await fingerprint(source)
        if job_id == item.job and (known := self._known(item, content)):
            raise DeliveredBefore(known)
        await self._jobs[job_id].delivery.write(lines.Print(content))
        if await looks_like_archive(source):
            return await open_sources(source)
        if not item.size:
            raise NotAnArchive("the file is empty.")
        head = await source.read(0, HEAD)
        if kind_of(head, item.name) is Kind.OTHER:
            raise NotAnArchive("this is no archive, picture or video that I know.")
        return SingleFile(source)

    async def _source(self, item: Incoming, job_id: str = "") -> RemoteFile:
        """The file of the message; the job's status tells how far it is."""
        on_wait = partial(self._show_wait, job_id) if job_id else None

        async def refetch() -> Message:
            messages = await self._messages(item.peer.input(), [item.message], on_wait)
            if not messages or messages[0].media is None:
                raise ArchiveError("the message was deleted before everything was read.")
            return messages[0]

        return RemoteFile.of(
            self._transfers,
            await refetch(),
            refresh=refetch,
            on_wait=on_wait,
            on_progress=partial(self._show_progress, job_id, f"📥 Fetching {item.name}") if job_id else None,
        )

    async def _messages(
        self, chat: TLObject, ids: Sequence[int], on_wait: OnWait | None = None
    ) -> list[Message]:
        """Those of the messages that are still there. Waits that Telegram asks for are obeyed."""
        in_channel = isinstance(chat, types.InputPeerChannel)
        request = (
            functions.channels.GetMessagesRequest(chat, list(ids))
            if in_channel
            else functions.messages.GetMessagesRequest(list(ids))
        )
        answer = await self._transfers.caller(request, on_wait=on_wait)
        found = [message for message in answer.messages if isinstance(message, types.Message)]
        for message in found:
            # As Telethon does with those that it fetches itself, so that they know their chat.
            message._finish_init(self._client, {}, chat)
        return found

    async def _show_wait(self, job_id: str, seconds: float, reason: str) -> None:
        self._jobs[job_id].show(f"⏳ Waiting {duration_words(seconds)}: {reason}")

    async def _show_progress(self, job_id: str, step: str, done: int, total: int) -> None:
        if total >= Lanes.LARGE:
            self._jobs[job_id].show(step, 100 * done / total)

    async def _convert_later(self, file: MediaFile, cost: float, job: str) -> None:
        await self.conversions.register(job, file, cost)
        self.queue.add_conversion(job, file.number, cost)

    async def _convert_now(self, file: MediaFile, cost: float, job: str) -> None:
        await self.conversions.run(ConversionTask(cost, 0, job, file.number))

    async def _cancel(self, chat: int) -> str:
        """Stop all jobs of ``chat``; returns what to answer."""
        jobs = [job for job in self._jobs.values() if job.chat == chat and "summary" not in job.record.sent]
        tasks = [self._tasks[job.id] for job in jobs]
        # All at once: the chat's turn, which one of them leaves, must not go to the next.
        for task in tasks:
            task.cancel()
        dropped = (self.queue.drop_conversions(job.id) for job in jobs)
        await asyncio.gather(*tasks, *dropped, return_exceptions=True)
        # One of them may just have come to its end.
        jobs = [job for job in jobs if job.id in self._jobs]
        failures = await asyncio.gather(*(job.cancel() for job in jobs), return_exceptions=True)
        for job in jobs:
            # Ends it; one that could not be cancelled goes on.
            self._tasks[job.id] = asyncio.create_task(self._run_job(job))
        for failure in filter(None, failures):
            raise failure
        names = ", ".join(job.name for job in jobs)
        return f"🛑 Cancelled: {names}" if names else "There is nothing to cancel."

    def _status_of(self, chat: int) -> str:
        jobs = [job for job in self._jobs.values() if job.chat == chat]
        return "\n\n".join(job.status for job in jobs) or "I have nothing to do for you."


def upload_limit_of(settings: Settings) -> int:
    """Bytes of one file that is sent whole, at most; never more than Telegram takes."""
    return min(settings.UPLOAD_LIMIT_MB * MIB, MAX_PARTS * PART_SIZE)


def caption_passwords(caption: str) -> list[str]:
    """The password in a caption such as "pass: secret" (or "password: secret")."""
    return re.findall(r"(?im)^\s*pass(?:word)?\s*[:=]\s*(\S.*?)\s*$", caption)


async def answer_button(event: events.CallbackQuery.Event, notice: str | None) -> None:
    """End the waiting of whoever pressed a button; after some seconds it is too late for that."""
    try:
        await event.answer(notice)
    except rpc.RPCError as error:
        log.info("A button was not answered: %s", error_name(error))


async def guarded(work: Awaitable[object], told: str) -> bool:
    """An edge: whether ``work`` succeeded. An error that nobody foresaw is logged, and the rest goes on."""
    try:
        await work
    except Exception:  # noqa: BLE001
        log.exception("❌ %s", told)
        return False
    return True


def boot_id() -> str:
    """Names the machine's current run, so that a power cut can be told from a killed process. Blocking."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return secrets.token_hex(16)
