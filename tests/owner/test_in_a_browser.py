"""The owner's page in a real browser: what is seen, heard and pressed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.files import photo, video, zip_of
from tests.owner.browser import PROGRAM, Browser, browser
from tests.ports import free_port
from tests.world import World, until

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

log = logging.getLogger("utils.jobs.steps")

#: A name that would do something if it was not taken as a name.
NAME = "<img src=x onerror=hacked=1>.zip"


async def test_the_page_is_seen_heard_and_used_by_keyboard(world: World, tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    async with world.running(STATUS_PORT=port), browser(tmp_path / "profile") as page:
        await page.show(address)
        await press(page, "Pause conversions")
        await page.until("said.textContent === 'Done: Pause conversions'")
        assert await focused(page) == "pause "
        await world.send(
            zip_of(tmp_path / NAME, {"a.jpg": photo(), "b.jpg": photo(1), "c.avi": video("avi")})
        )
        await page.until("document.querySelectorAll('#conversions progress').length === 1")
        await page.until("document.querySelectorAll('#albums img').length === 2")
        await page.until("[...document.images].every(image => image.complete && image.naturalWidth)")
        assert await page.ask("document.querySelector('#jobs .told').textContent.includes('<img src=x')")
        assert not await page.ask("'hacked' in window")
        await hears(page)
        await fits(page)
        # A part that was not there before comes in its place, and the others go on being renewed.
        log.error("☠️ %s: passed over: %s (step “%s”)", NAME, "The bot died 3 times", "opening")
        first = "document.querySelector('#figures + #alerts li')"
        await page.until(f"{first}?.textContent.includes('<img src=x')")
        # What is under way is paused, gone on with and cancelled, each by its own button.
        await press(page, f"Pause: {NAME}")
        assert (await focused(page)).startswith("pause-job ")
        await press(page, f"Go on: {NAME}")
        await press(page, f"Cancel: {NAME}")
        await page.until("document.querySelector('#jobs p')?.textContent === 'Nothing to do.'")
        assert await focused(page) == "#jobs"
        before = len(world.media())
        await press(page, "Go on with conversions")
        await press(page, f"Do it again: {NAME}")
        await until(lambda: len(world.media()) == before + 3)
        await page.until("document.querySelectorAll('#over li').length === 2")
        assert all(asked.startswith((address, "data:")) for asked in page.asked), set(page.asked)
        assert page.complaints == []


async def press(page: Browser, label: str) -> None:
    """Go to the button with Tab alone, and press it."""
    button = f"[...document.querySelectorAll('button')].find(b => labelOf(b) === {label!r})"
    await page.ask("labelOf = b => b.ariaLabel ?? b.textContent")
    await page.until(f"{button} !== undefined")
    await page.ask("document.activeElement.blur(); said.textContent = ''")
    for _ in range(2 * await page.ask("document.querySelectorAll('button').length") + 2):
        await page.press("Tab")
        if await page.ask(f"document.activeElement === {button}"):
            break
    else:
        raise AssertionError(f"{label} cannot be reached with Tab")
    await page.press("Enter")
    await page.until("said.textContent.startsWith('Done')")


async def focused(page: Browser) -> str:
    """Where the keyboard is: at which button, or in which part."""
    found = await page.ask(
        "(at => at.closest('form')?.dataset.key ?? '#' + at.closest('section')?.id)(document.activeElement)"
    )
    return str(found)


async def hears(page: Browser) -> None:
    """Everything has a name that says what it is."""
    heard = await page.spoken()
    assert [name for role, name in heard if role in ("button", "image", "progressbar") and not name] == []
    buttons = [name for role, name in heard if role == "button"]
    assert len(buttons) == len(set(buttons)) == 3, buttons
    assert {name for role, name in heard if role == "region"} >= {
        "Archives under way",
        "Quarantine",
        "The last day",
    }
    assert ("progressbar", "c.avi") in heard and ("image", "1 of 2") in heard
    assert any(role == "image" and name.startswith("Memory over the last day: ") for role, name in heard)
    assert sum(role == "status" for role, _ in heard) == 2 and ("main", "") in heard


async def fits(page: Browser) -> None:
    """On a phone nothing sticks out, and buttons are as large as a thumb; in the dark it is dark."""
    await page.tell(
        "Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True
    )
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    await page.tell("Emulation.setEmulatedMedia", features=dark)
    assert await page.ask("document.documentElement.scrollWidth") <= 390
    assert (
        await page.ask("Math.min(...[...document.querySelectorAll('button')].map(b => b.offsetHeight))") >= 44
    )
    assert (
        await page.ask("getComputedStyle(document.querySelector('section')).backgroundColor")
        == "rgb(18, 20, 23)"
    )
    await page.tell("Emulation.clearDeviceMetricsOverride")
