"""Frozen dataclasses as JSON and back, as the journals hold them. Pure: no I/O.

JSON has no tuples, which are lists there, and no bytes, which are hexadecimal text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

#: A dataclass of int, float, str, bool, bytes, ``Literal`` texts, such dataclasses, or tuples of one kind.
T = TypeVar("T", bound="DataclassInstance")


class BadValue(ValueError):
    """A field is missing or holds what it may not. Says which and never what, as that may be a password."""


def to_json(value: DataclassInstance) -> dict[str, Any]:
    """``value`` as a JSON object with a member a field."""
    return {field.name: _to_json(getattr(value, field.name)) for field in fields(value)}


def _to_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return to_json(value) if is_dataclass(value) and not isinstance(value, type) else value


def from_json(kind: type[T], value: Mapping[str, Any]) -> T:
    """The ``kind`` that :func:`to_json` made ``value`` of; members that it does not know are ignored.

    Raises :class:`BadValue`.
    """
    hints = _hints(kind)
    known: dict[str, Any] = {}
    for field in fields(kind):
        if field.name in value:
            known[field.name] = _from_json(hints[field.name], value[field.name], field.name)
        elif field.default is MISSING:
            raise BadValue(f"{field.name} is missing")
    return kind(**known)


@cache
def _hints(kind: type[DataclassInstance]) -> dict[str, Any]:
    return get_type_hints(kind)


def _from_json(hint: Any, value: Any, name: str) -> Any:
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_from_json(get_args(hint)[0], item, name) for item in value)
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        return from_json(hint, value)
    if hint is bytes and isinstance(value, str):
        return _from_hex(value, name)
    # What is written as 2.0 may have been 2 in an older program.
    kinds = (int, float) if hint is float else (str,) if get_origin(hint) is Literal else (hint,)
    if type(value) not in kinds or (get_origin(hint) is Literal and value not in get_args(hint)):
        raise BadValue(f"{name} is not what it has to be")
    return value


def _from_hex(value: str, name: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise BadValue(f"{name} is not hexadecimal") from None
