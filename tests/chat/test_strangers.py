"""Strangers are news once a day."""

from __future__ import annotations

import pytest

from utils.chat.strangers import DAY, REMEMBERED, Strangers
from utils.telegram.arrivals import Sender


def test_each_is_logged_and_answered_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    strangers, silent = (Strangers(answer=answer, clock=lambda: now) for answer in (True, False))
    eve, mallory = Sender(1, ("eve",)), Sender(2)
    assert strangers.came(eve) and strangers.came(mallory) and not silent.came(eve)
    now = DAY - 1
    assert not strangers.came(eve)
    assert caplog.messages.count("🚫 Ignored a message of 1 (eve)") == 2
    now = DAY
    assert strangers.came(eve)
    assert caplog.messages.count("🚫 Ignored a message of 1 (eve)") == 3
    # An anonymous post is nobody's.
    assert not strangers.came(Sender(None))


def test_a_crowd_takes_no_more_memory() -> None:
    strangers = Strangers(answer=True)
    for number in range(REMEMBERED + 1):
        assert strangers.came(Sender(number))
    assert strangers.came(Sender(0)) and not strangers.came(Sender(REMEMBERED))
