"""Which settings may count while the bot works."""

from __future__ import annotations

from dataclasses import replace

from utils.constants import SETTINGS, load_settings
from utils.owner.reloading import AT_START, reread


def test_what_is_read_at_the_start_alone_waits_and_the_rest_counts() -> None:
    now = load_settings({"SECRETS_FILE": "/none"})
    new = replace(now, PROXY="socks5://a:1", VIDEO_CRF=30, AUTHORIZED_USERS=("5",))
    found = reread(now, new)
    assert set(found.taken) == {"VIDEO_CRF", "AUTHORIZED_USERS"} and found.waiting == ("PROXY",)
    assert (found.settings.VIDEO_CRF, found.settings.PROXY) == (30, "")
    # It waits still when they are read once more.
    assert reread(found.settings, new).waiting == ("PROXY",)
    assert {info.name for info in SETTINGS} > AT_START
