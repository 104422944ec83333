"""TL bodies of messages: requests read, answers written. Large ones are copied as seldom as can be."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import TLObject, TLRequest, types

from ..rpc import Result, RpcError
from .envelope import Piece
from .readable import know_requests

know_requests()

CONTAINER: Final = 0x73F1F8DC
GZIP_PACKED: Final = 0x3072CFA1
_RPC_RESULT: Final = 0xF35C6D01
_VECTOR: Final = 0x1CB5C415
_TRUE: Final = 0x997275B5
_FALSE: Final = 0xBC799737
_FILE: Final = types.upload.File.CONSTRUCTOR_ID

#: Requests whose list of numbers is of longs; every other one's is of ints.
_LONGS: Final = {"ReceivedQueueRequest", "DeletePhotosRequest"}
#: Answers shorter than this are not worth packing, longer bodies are not let out of a gzip.
_WORTH_PACKING: Final = 512
_LARGEST_UNPACKED: Final = 8 << 20


#: What Telethon's reader raises over bytes that are no TL object.
NOT_READABLE: Final = (
    BufferError,
    struct.error,
    zlib.error,
    TypeNotFoundError,
    RuntimeError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    ValueError,
)


class BadBody(ValueError):
    """No TL object that is known here."""


@dataclass(frozen=True)
class Inner:
    """One message of a container, or the only one: its body is `data[start:end]`."""

    msg_id: int
    seqno: int
    data: bytes
    start: int
    end: int


def constructor(message: Inner) -> int:
    """The number that a body begins with."""
    return int(struct.unpack_from("<I", message.data, message.start)[0])


def messages_of(outer: Inner) -> Iterator[Inner]:
    """The messages of a container. Raises BadBody."""
    data, position = outer.data, outer.start + 8
    for _ in range(struct.unpack_from("<i", data, outer.start + 4)[0]):
        if position + 16 > outer.end:
            raise BadBody("container")
        msg_id, seqno, length = struct.unpack_from("<qii", data, position)
        position += 16
        if length < 4 or position + length > outer.end:
            raise BadBody("container")
        yield Inner(msg_id, seqno, data, position, position + length)
        position += length


def read_object(message: Inner) -> TLObject:
    """A body, out of its gzip if it is in one. Raises BadBody."""
    try:
        reader = BinaryReader(message.data)
        reader.set_position(message.start)
        end = message.end
        if constructor(message) == GZIP_PACKED:
            reader.seek(4)
            reader = BinaryReader(_unpack(reader.tgread_bytes()))
            end = len(reader.get_bytes())
        read = reader.tgread_object()
        if reader.tell_position() > end:
            raise BadBody("the body ends early")
        return read
    except NOT_READABLE as error:
        raise BadBody(f"{type(error).__name__}: {error}") from error


def _unpack(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    data = unpacker.decompress(packed, _LARGEST_UNPACKED)
    if not unpacker.eof:
        raise BadBody("gzip")
    return data


def write_result(request_id: int, request: TLRequest, result: Result) -> list[Piece]:
    """An rpc_result, in pieces; packed where that pays."""
    head = struct.pack("<Iq", _RPC_RESULT, request_id)
    if isinstance(result, types.upload.File):
        return [head, *_file(result)]
    return [head, _packed(write_value(request, result))]


def write_error(request_id: int, error: RpcError) -> list[Piece]:
    """An rpc_result that holds an rpc_error."""
    return [struct.pack("<Iq", _RPC_RESULT, request_id), bytes(types.RpcError(error.code, error.message))]


def write_update(update: TLObject) -> list[Piece]:
    """A body that answers nothing; packed where that pays."""
    return [_packed(bytes(update))]


def write_value(request: TLRequest, result: Result) -> bytes:
    """A result as the request's read_result() expects it."""
    if isinstance(result, bool):
        return struct.pack("<I", _TRUE if result else _FALSE)
    if isinstance(result, int):
        return struct.pack("<i", result)
    if isinstance(result, bytes):
        return bytes(TLObject.serialize_bytes(result))
    if isinstance(result, list):
        return _vector(request, result)
    return bytes(result)


def _vector(request: TLRequest, items: list[TLObject] | list[int]) -> bytes:
    head = struct.pack("<Ii", _VECTOR, len(items))
    number = "<q" if type(request).__name__ in _LONGS else "<i"
    return head + b"".join(
        struct.pack(number, item) if isinstance(item, int) else bytes(item) for item in items
    )


def _file(file: types.upload.File) -> list[Piece]:
    """upload.file by hand: Telethon's way copies the bytes four times."""
    size = len(file.bytes)
    head = struct.pack("<I", _FILE) + bytes(file.type) + struct.pack("<i", file.mtime)
    length = bytes((size,)) if size < 254 else b"\xfe" + size.to_bytes(3, "little")
    return [head + length, file.bytes, bytes(-(len(length) + size) % 4)]


def _packed(data: bytes) -> bytes:
    if len(data) <= _WORTH_PACKING:
        return data
    packed = struct.pack("<I", GZIP_PACKED) + TLObject.serialize_bytes(gzip.compress(data, 3, mtime=0))
    return packed if len(packed) < len(data) else data
