"""What is said at the end of a job."""

from __future__ import annotations

import logging

from telethon import errors as rpc

from utils.errors import BotError, ChatClosed
from utils.jobs.buttons import Offers
from utils.jobs.only import failed_keys
from utils.jobs.record import JobRecord
from utils.jobs.refusals import chat_errors
from utils.jobs.services import JobServices
from utils.jobs.summary import all_names, came_as_media, is_single, says_it_all, summary_text, with_words

log = logging.getLogger(__name__)


async def say_last(name: str, record: JobRecord, services: JobServices) -> None:
    """The summary of the job ``name``, with what else can be had of it; nothing where the results say it."""
    text, buttons_work = summary_text(name, record), services.settings.buttons
    offers = Offers(
        record.messages(),
        again=bool(record.failed),
        others=services.wishes().other_files == "ask" and bool(record.others),
        # Of the whole, not of what was left of it.
        failed=not record.failed and bool(failed_keys(record)),
        files=not record.failed and not is_single(record) and came_as_media(record),
    )
    words = offers.in_words(reply=not buttons_work)
    buttons = offers.buttons() if buttons_work else None
    text = text if buttons else with_words(text, words)
    try:
        with chat_errors():
            if says_it_all(record):
                await services.last_word.say_nothing()
                return
            if listing := all_names(record):
                await _attach(name, listing, services)
            await services.last_word.say(text, buttons, instead=words)
    except ChatClosed as error:
        log.warning("⚠️ %s ends without a summary: %s", name, error.told)


async def _attach(name: str, listing: str, services: JobServices) -> None:
    """Send all names of which the summary shows only some; without it the summary is good enough."""
    try:
        await services.last_word.attach(f"{name}.txt", listing)
    except (rpc.RPCError, BotError) as error:
        log.warning("⚠️ The names in %s could not be sent: %s", name, type(error).__name__)
