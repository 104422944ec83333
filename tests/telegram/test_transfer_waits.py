"""What is done about each kind of error, and for how long."""

from __future__ import annotations

import pytest
from telethon import errors
from telethon.tl import functions, types

from utils.telegram.pauses import SERVER_ATTEMPTS, Pause, Reason, error_name, is_repeatable, pause_after
from utils.telegram.waits import repeated


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (errors.FloodWaitError(None, 3600), Pause(3600, Reason.FLOOD)),
        (errors.FloodWaitError(None, 0), Pause(1, Reason.FLOOD)),
        (errors.FloodPremiumWaitError(None, 7), Pause(7, Reason.FLOOD)),
        (errors.SlowModeWaitError(None, 30), Pause(30, Reason.SLOW_MODE)),
        (errors.ServerError(None, "No workers running", -500), Pause(1, Reason.SERVER)),
        (errors.RpcCallFailError(None), Pause(1, Reason.SERVER)),
        (errors.TimedOutError(None, "Timeout", -503), Pause(1, Reason.SERVER)),
        (ConnectionResetError(), Pause(1, Reason.CONNECTION)),
        (TimeoutError(), Pause(1, Reason.CONNECTION)),
        (EOFError(), Pause(1, Reason.CONNECTION)),
        (errors.FilePartsInvalidError(None), None),
        (errors.RandomIdDuplicateError(None), None),
        (errors.AuthKeyUnregisteredError(None), None),
    ],
)
def test_each_error_has_its_pause(error: Exception, pause: Pause | None) -> None:
    assert pause_after(error, 1) == pause


def test_pauses_grow_and_end_for_the_server_but_never_for_the_connection() -> None:
    assert [pause_after(ConnectionError(), n).seconds for n in range(1, 8)] == [1, 2, 4, 8, 15, 30, 30]  # type: ignore[union-attr]
    assert [pause_after(errors.RpcCallFailError(None), n).seconds for n in (1, 3, 7)] == [1, 4, 30]  # type: ignore[union-attr]
    assert pause_after(ConnectionError(), 10_000) is not None
    waited = [pause_after(errors.ServerError(None, "x", 500), n) for n in range(1, SERVER_ATTEMPTS)]
    assert 200 < sum(pause.seconds for pause in waited if pause is not None) < 300
    assert pause_after(errors.ServerError(None, "x", 500), SERVER_ATTEMPTS) is None


async def run(outcomes: list[Exception | str], *, repeatable: bool = True) -> tuple[str, list[Pause]]:
    pauses: list[Pause] = []

    async def call() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def wait(pause: Pause) -> None:
        pauses.append(pause)

    return await repeated(call, wait=wait, repeatable=repeatable), pauses


async def test_a_request_is_repeated_until_it_is_answered() -> None:
    result, pauses = await run(
        [
            ConnectionError(),
            errors.FloodWaitError(None, 5),
            ConnectionError(),
            errors.RpcCallFailError(None),
            "yes",
        ]
    )
    assert result == "yes"
    assert [pause.seconds for pause in pauses] == [1, 5, 2, 1]


async def test_pauses_grow_while_the_trouble_goes_on() -> None:
    _, pauses = await run([*(ConnectionError() for _ in range(8)), "yes"])
    assert [pause.seconds for pause in pauses] == [1, 2, 4, 8, 15, 30, 30, 30]


async def test_what_must_not_happen_twice_is_repeated_only_after_a_refusal() -> None:
    assert (await run([errors.FloodWaitError(None, 5), "yes"], repeatable=False))[0] == "yes"
    with pytest.raises(ConnectionError):
        await run([ConnectionError(), "yes"], repeatable=False)


def single(random_id: int) -> types.InputSingleMedia:
    return types.InputSingleMedia(types.InputMediaEmpty(), "", random_id=random_id)


@pytest.mark.parametrize(
    ("request_", "repeatable"),
    [
        (functions.messages.SendMessageRequest(types.InputPeerSelf(), "x", random_id=5), True),
        (functions.messages.SendMultiMediaRequest(types.InputPeerSelf(), [single(1), single(2)]), True),
        (functions.messages.SendMultiMediaRequest(types.InputPeerSelf(), [single(1), single(0)]), False),
        (functions.upload.SaveBigFilePartRequest(1, 1, 1, b""), True),
        (functions.messages.UploadMediaRequest(types.InputPeerSelf(), types.InputMediaEmpty()), True),
        (functions.messages.GetMessagesRequest([]), True),
        (functions.messages.EditMessageRequest(types.InputPeerSelf(), 1), True),
        (functions.channels.CreateChannelRequest("x", "y"), False),
        (functions.auth.LogOutRequest(), False),
    ],
)
def test_only_what_does_no_harm_twice_is_repeatable(request_: object, repeatable: bool) -> None:
    assert is_repeatable(request_) is repeatable


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (errors.FilePartsInvalidError(None), "FILE_PARTS_INVALID"),
        (errors.FilePartMissingError(None, 3), "FILE_PART_3_MISSING"),
        (errors.PhotoInvalidDimensionsError(None), "PHOTO_INVALID_DIMENSIONS"),
        (errors.BadRequestError(None, "SOMETHING_NEW", 400), "SOMETHING_NEW"),
    ],
)
def test_an_error_has_telegrams_name(error: errors.RPCError, name: str) -> None:
    assert error_name(error) == name
