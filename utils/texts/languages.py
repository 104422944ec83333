"""The languages that the bot speaks, which of them is spoken now, and how each writes numbers."""

from __future__ import annotations

import gettext
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

#: Where the translations are, a folder for each language, as gettext wants them.
LOCALES = Path(__file__).parent / "locales"
DOMAIN = "bot"


@dataclass(frozen=True)
class Language:
    """``code`` is gettext's, ``name`` what its speakers call it.

    Numbers have ``group`` between thousands, ``point`` before decimals, and are written with ``digits``.
    """

    code: str
    name: str
    group: str = ","
    point: str = "."
    digits: str = "0123456789"
    right_to_left: bool = False

    @cached_property
    def catalogue(self) -> gettext.NullTranslations:
        """What English sentences are in this language. Reads a file of some kilobytes the first time."""
        if self.code == ENGLISH:
            return gettext.NullTranslations()
        return gettext.translation(DOMAIN, LOCALES, [self.code])

    def number(self, written: str) -> str:
        """A number that is ``written`` as in English."""
        return written.translate(self._figures)

    @cached_property
    def _figures(self) -> dict[int, int]:
        return str.maketrans("0123456789,.", f"{self.digits}{self.group}{self.point}")


ENGLISH = "en"
LANGUAGES = {
    language.code: language
    for language in (
        Language(ENGLISH, "English"),
        Language("es", "Español", ".", ","),
        Language("ru", "Русский", "\u00a0", ","),
        Language("id", "Bahasa Indonesia", ".", ","),
        Language("pt_BR", "Português (Brasil)", ".", ","),
        Language("fa", "فارسی", "٬", "٫", "۰۱۲۳۴۵۶۷۸۹", right_to_left=True),
    )
}

#: Codes that clients use for what has another one here.
_OTHERWISE = {"in": "id", "pt": "pt_BR"}

_current: ContextVar[str | Callable[[], str]] = ContextVar("language", default=ENGLISH)


def known(code: str | None) -> str:
    """The code of the language that Telegram, or a person, calls ``code`` ("pt-br"); "": none of ours.

    https://core.telegram.org/constructor/user, ``lang_code``
    """
    language, _, region = (code or "").strip().replace("-", "_").partition("_")
    language = language.lower()
    for candidate in (f"{language}_{region.upper()}", language, _OTHERWISE.get(language, "")):
        if candidate in LANGUAGES:
            return candidate
    return ""


def choose(*codes: str | None) -> str:
    """The first of ``codes`` that is one of our languages, else English."""
    return next((found for code in codes if (found := known(code))), ENGLISH)


def current() -> Language:
    """The language that is spoken."""
    code = _current.get()
    return LANGUAGES.get(code if isinstance(code, str) else code(), LANGUAGES[ENGLISH])


@contextmanager
def speaking(code: str | Callable[[], str]) -> Iterator[None]:
    """Inside, also in tasks that are begun there, this language is spoken; English where it is not known.

    It may be asked for each time that something is said.
    """
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)
