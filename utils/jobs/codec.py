"""Frozen dataclasses as JSON and back, as the journals hold them. Pure: no I/O.

JSON has no tuples, which are lists there, and no bytes, which are hexadecimal text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

#: A dataclass of int, float, str, bool, bytes, ``Literal`` texts, such dataclasses, or tuples of one kind.
T = TypeVar("T", bound="DataclassInstance")
_Read = Callable[[Any, str], Any]
#: The types that JSON has.
_AS_THEY_ARE = frozenset((int, float, str, bool))


class BadValue(ValueError):
    """A field is missing or holds what it may not. Says which and never what, as that may be a password."""


def to_json(value: DataclassInstance) -> dict[str, Any]:
    """``value`` as a JSON object with a member a field."""
    return {name: _to_json(getattr(value, name)) for name in _names(type(value))}


def _to_json(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return to_json(value) if is_dataclass(value) and not isinstance(value, type) else value


@cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def from_json(kind: type[T], value: Mapping[str, Any]) -> T:
    """The ``kind`` that :func:`to_json` made ``value`` of; members that it does not know are ignored.

    Raises :class:`BadValue`.
    """
    known: dict[str, Any] = {}
    for name, read, required in _readers(kind):
        if name in value:
            known[name] = read(value[name], name)
        elif required:
            raise BadValue(f"{name} is missing")
    return kind(**known)


@cache
def _readers(kind: type[DataclassInstance]) -> tuple[tuple[str, _Read, bool], ...]:
    """The fields of ``kind``: name, how it is read, and whether it must be there."""
    hints = get_type_hints(kind)
    return tuple((field.name, _reader(hints[field.name]), field.default is MISSING) for field in fields(kind))


def _reader(hint: Any) -> _Read:
    """What reads a value of the type ``hint``; made once, as journals have many lines."""
    if get_origin(hint) is tuple:
        return _tuple_reader(_reader(get_args(hint)[0]))
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda value, name: from_json(hint, value) if isinstance(value, Mapping) else _refuse(name)
    if hint is bytes:
        return lambda value, name: _from_hex(value, name) if isinstance(value, str) else _refuse(name)
    if get_origin(hint) is Literal:
        texts = get_args(hint)
        return lambda value, name: value if type(value) is str and value in texts else _refuse(name)
    # What is written as 2.0 may have been 2 in an older program.
    kinds = (int, float) if hint is float else (hint,)
    return lambda value, name: value if type(value) in kinds else _refuse(name)


def _tuple_reader(read: _Read) -> _Read:
    def reader(value: Any, name: str) -> Any:
        return tuple([read(item, name) for item in value]) if isinstance(value, list) else _refuse(name)

    return reader


def _refuse(name: str) -> NoReturn:
    raise BadValue(f"{name} is not what it has to be")


def _from_hex(value: str, name: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise BadValue(f"{name} is not hexadecimal") from None
