"""What the API answers, as the bytes that stand behind ``rpc_result``."""

from __future__ import annotations

import gzip
import struct

from telethon.tl import TLObject, types

from ..rpc import Result, RpcError

VECTOR, RPC_RESULT, GZIP_PACKED = 0x1CB5C415, 0xF35C6D01, 0x3072CFA1
BOOL_TRUE, BOOL_FALSE = 0x997275B5, 0xBC799737

#: Answers above this size are tried to be compressed; a file's bytes never are.
GZIP_FROM = 1024


def rpc_result(message_id: int, result: Result) -> bytes:
    """``result`` as the answer to the request in message ``message_id``."""
    body = serialize(result)
    if len(body) > GZIP_FROM and not isinstance(result, types.upload.File):
        packed = struct.pack("<I", GZIP_PACKED) + TLObject.serialize_bytes(gzip.compress(body, 1))
        body = min(body, packed, key=len)
    return struct.pack("<Iq", RPC_RESULT, message_id) + body


def rpc_error(message_id: int, error: RpcError) -> bytes:
    """``error`` as the answer to the request in message ``message_id``."""
    return struct.pack("<Iq", RPC_RESULT, message_id) + bytes(types.RpcError(error.code, error.message))


def serialize(result: Result) -> bytes:
    """A result in TL's binary form. A vector's bare numbers are ints where they fit, else longs."""
    if isinstance(result, bool):
        return struct.pack("<I", BOOL_TRUE if result else BOOL_FALSE)
    if isinstance(result, int):
        return struct.pack("<i", result)
    if isinstance(result, bytes):
        return bytes(TLObject.serialize_bytes(result))
    if isinstance(result, list):
        head = struct.pack("<Ii", VECTOR, len(result))
        numbers = [item for item in result if isinstance(item, int)]
        if numbers:
            long = any(not -(2**31) <= number < 2**31 for number in numbers)
            return head + struct.pack(f"<{len(numbers)}{'q' if long else 'i'}", *numbers)
        return head + b"".join(bytes(item) for item in result)
    return bytes(result)
