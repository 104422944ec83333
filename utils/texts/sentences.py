"""Sentences in the language that is spoken, with names and figures put in."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from utils.texts.languages import ENGLISH, LANGUAGES, Language, current

#: Between these a name is written in its own direction, whatever is around it: https://www.unicode.org/reports/tr9/
ISOLATE, END = "\u2068", "\u2069"

#: Characters without a shape that belong to some scripts, and to some emoji.
_JOINERS = "\u200c\u200d"


class Said(str):
    """What is in the reader's language already, so that it needs no marks within another sentence."""

    __slots__ = ()


class Text(str):
    """A sentence that travels, such as an error's reason: English, and knows how it is said otherwise.

    ``key`` is the English sentence with names in braces for the ``values``, which may be texts themselves;
    ``many`` the one for other numbers than 1, where ``{count}`` decides.
    """

    key: str
    many: str
    values: Mapping[str, object]

    def __new__(cls, key: str, /, **values: object) -> Text:
        return cls._of(key, "", values)

    @classmethod
    def _of(cls, key: str, many: str, values: Mapping[str, object]) -> Text:
        english = _Plain(LANGUAGES[ENGLISH])
        text = super().__new__(cls, english.fill(english.form(key, many, values), values))
        text.key, text.many, text.values = key, many, values
        return text


def text_n(one: str, many: str, /, count: int, **values: object) -> Text:
    """A :class:`Text` where a number decides on the form, as in :func:`tr_n`."""
    return Text._of(one, many, {"count": count, **values})


def tr(key: str, /, **values: object) -> Said:
    """The English sentence ``key`` in the language that is spoken, with ``values`` for what is in braces."""
    return _said(key, "", values)


def tr_n(one: str, many: str, /, count: int, **values: object) -> Said:
    """The same where a number decides on the form; ``{count}`` is that number in both sentences."""
    return _said(one, many, {"count": count, **values})


def _said(key: str, many: str, values: Mapping[str, object]) -> Said:
    filler = _Filler(current())
    return Said(filler.fill(filler.form(key, many, values), values))


def said(text: str) -> Said:
    """``text`` in the language that is spoken, if it is a :class:`Text`, or a sentence without values."""
    if isinstance(text, Said):
        return text
    if isinstance(text, Text):
        return _said(text.key, text.many, text.values)
    return Said(current().catalogue.gettext(str(text)) if text else "")


def listed(names: Iterable[str]) -> Said:
    """ "a, b, c"."""
    filler = _Filler(current())
    return Said(tr(", ").join(filler.format_field(name, "") for name in names))


def figure(written: str) -> Said:
    """A number that is ``written`` as in English, as the language that is spoken writes it."""
    return Said(current().number(written))


def found_in(sentence: str, key: str) -> dict[str, str] | None:
    """The values with which ``key`` was said as (the beginning of) ``sentence``; None: it is another one.

    What comes behind it is the value ``rest``.
    """
    pieces = string.Formatter().parse(current().catalogue.gettext(key))
    pattern = "".join(re.escape(text) + (f"(?P<{name}>.+?)" if name else "") for text, name, *_ in pieces)
    found = re.match(f"{pattern}(?P<rest>.*)", sentence, re.DOTALL)
    return {name: value.strip(ISOLATE + END) for name, value in found.groupdict().items()} if found else None


class _Filler(string.Formatter):
    """Puts values into a sentence of ``language``."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def form(self, key: str, many: str, values: Mapping[str, object]) -> str:
        """The sentence in the language, in the form that ``count`` among ``values`` calls for."""
        catalogue, count = self._language.catalogue, values.get("count")
        return (
            catalogue.ngettext(key, many, count)
            if many and isinstance(count, int)
            else catalogue.gettext(key)
        )

    def fill(self, sentence: str, values: Mapping[str, object]) -> str:
        return self.vformat(sentence, (), values) if values else sentence

    def format_field(self, value: Any, spec: str) -> str:
        if isinstance(value, int | float):
            return self._language.number(super().format_field(value, spec))
        return self._text(value)

    def _text(self, value: str) -> str:
        if isinstance(value, Said):
            return value
        if isinstance(value, Text):
            return self.fill(self.form(value.key, value.many, value.values), value.values)
        return _isolated(str(value), always=self._language.right_to_left)


class _Plain(_Filler):
    """The same for whoever reads the log."""

    def _text(self, value: str) -> str:
        return str(value)


def _isolated(name: str, *, always: bool) -> str:
    """``name`` without control characters, in marks where its direction, or that around it, needs them."""
    shown = name if name.isprintable() else "".join(map(_shown, name))
    if shown and (always or any(unicodedata.bidirectional(char) in ("R", "AL") for char in shown)):
        return f"{ISOLATE}{shown}{END}"
    return shown


def _shown(char: str) -> str:
    if char.isspace():
        return " "
    return "" if unicodedata.category(char)[0] == "C" and char not in _JOINERS else char
