"""Answers as bytes, read back by Telethon's own requests."""

from __future__ import annotations

import pytest
from telethon.extensions import BinaryReader
from telethon.tl import TLRequest, functions, types
from telethon.tl.core import RpcResult

from sandbox.mtproto.bodies import BadBody, Inner, messages_of, read_object, write_error, write_result
from sandbox.rpc import Result, RpcError

USERS = functions.users.GetUsersRequest([])


def read(body: bytes) -> RpcResult:
    reader = BinaryReader(body)
    assert reader.read_int(signed=False) == RpcResult.CONSTRUCTOR_ID
    return RpcResult.from_reader(reader)


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (functions.upload.SaveFilePartRequest(1, 2, b""), True),
        (functions.upload.SaveFilePartRequest(1, 2, b""), False),
        (USERS, [types.UserEmpty(1), types.UserEmpty(2)]),
        (USERS, []),
        (functions.contacts.GetContactIDsRequest(0), [1, 2, 2_000_000_000]),
        (functions.messages.ReceivedQueueRequest(0), [1, 1 << 40]),
        (functions.photos.DeletePhotosRequest([]), [3]),
        (functions.photos.DeletePhotosRequest([]), []),
        (USERS, [types.UserEmpty(number) for number in range(1000)]),
    ],
)
def test_every_kind_of_result_is_read_as_it_was_given(request_: TLRequest, result: Result) -> None:
    got = read(b"".join(write_result(7, request_, result)))
    assert got.req_msg_id == 7
    assert request_.read_result(BinaryReader(got.body)) == result


def test_bare_numbers_and_bytes() -> None:
    assert BinaryReader(read(b"".join(write_result(7, USERS, -5))).body).read_int() == -5
    assert BinaryReader(read(b"".join(write_result(7, USERS, b"abcdef"))).body).tgread_bytes() == b"abcdef"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 253, 254, 255, 256, 4096, 1 << 20])
def test_a_files_bytes_are_written_as_telethon_writes_them(size: int) -> None:
    file = types.upload.File(
        types.storage.FileJpeg(), 99, bytes(range(256)) * (size // 256) + bytes(size % 256)
    )
    assert b"".join(write_result(7, USERS, file))[12:] == bytes(file)


def test_errors() -> None:
    error = read(b"".join(write_error(7, RpcError(420, "FLOOD_WAIT_3")))).error
    assert (error.error_code, error.error_message) == (420, "FLOOD_WAIT_3")


def test_a_bomb_is_not_unpacked() -> None:
    import gzip

    from telethon.tl.core import GzipPacked

    bomb = GzipPacked(b"")
    body = bytes(bomb)[:4] + bomb.serialize_bytes(gzip.compress(bytes(20 << 20)))
    with pytest.raises(BadBody, match="gzip"):
        read_object(Inner(4, 1, body, 0, len(body)))


def test_a_body_is_not_read_beyond_its_end() -> None:
    body = bytes(functions.PingRequest(5))
    with pytest.raises(BadBody):
        read_object(Inner(4, 1, body, 0, len(body) - 4))


@pytest.mark.parametrize("length", [2, 100, -4])
def test_a_container_whose_lengths_do_not_fit_is_refused(length: int) -> None:
    body = b"\xdc\xf8\xf1\x73" + (1).to_bytes(4, "little") + bytes(12)
    body += length.to_bytes(4, "little", signed=True) + bytes(8)
    with pytest.raises(BadBody):
        list(messages_of(Inner(4, 1, body, 0, len(body))))
