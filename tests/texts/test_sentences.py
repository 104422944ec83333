"""How sentences are put together: language, plurals, numbers, and names in scripts of another direction."""

from __future__ import annotations

import asyncio
import copy
import gettext

import pytest

from utils.errors import NotAFile
from utils.jobs.codec import to_json
from utils.jobs.lines import Failed
from utils.texts import LANGUAGES, Text, choose, current, found_in, listed, said, speaking, tr, tr_n

PAUSED = "⏸️ Paused: {names}"


def test_the_language_of_telegram_decides_if_it_is_spoken_here() -> None:
    assert choose("fa") == "fa"
    assert choose("pt-br") == choose("pt-pt") == choose("PT_br") == choose("pt") == "pt_BR"
    assert choose("es-419") == "es"
    assert choose("in") == choose("id") == "id"
    assert choose("", None, "uk", "ru", "fa") == "ru"
    assert choose("../../etc", "tlh") == choose() == "en"


async def test_each_task_speaks_its_own_language() -> None:
    async def say(code: str) -> str:
        with speaking(code):
            await asyncio.sleep(0)
            return await asyncio.create_task(asyncio.to_thread(lambda: tr("It is paused already.")))

    assert await asyncio.gather(*map(say, ("ru", "en", "es", "tlh"))) == [
        *("Уже приостановлено.", "It is paused already."),
        *("Ya está en pausa.", "It is paused already."),
    ]
    assert current().code == "en"


def test_names_in_english_stay_as_they_are_and_others_are_kept_in_their_direction() -> None:
    assert tr(PAUSED, names="a.zip") == "⏸️ Paused: a.zip"
    assert tr(PAUSED, names="عکس‌ها.zip") == "⏸️ Paused: \u2068عکس‌ها.zip\u2069"
    with speaking("fa"):
        assert tr(PAUSED, names="2024-01.zip") == "⏸️ مکث شد: \u20682024-01.zip\u2069"
        assert tr(PAUSED, names=listed(["a", "b"])) == "⏸️ مکث شد: \u2068a\u2069، \u2068b\u2069"
        # What is said already is of the same direction.
        assert tr(PAUSED, names=tr("It is paused already.")).count("\u2068") == 0


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_control_character_reaches_a_sentence(code: str) -> None:
    with speaking(code):
        shown = tr(PAUSED, names="a\x1b[31m\u202egpj.\u2069\x00b\nc\u200dd")
    assert shown.replace("\u200d", "").replace("\u2068", "").replace("\u2069", "").isprintable()
    assert "a[31mgpj.b c\u200dd" in shown
    assert shown.count("\u2068") == shown.count("\u2069") == LANGUAGES[code].right_to_left


def test_a_reason_is_english_until_it_is_said() -> None:
    error = NotAFile("x.lnk")
    assert f"{error}" == error.told == "it is x.lnk; those are not followed."
    nested = Text("❌ {reason}", reason=error.told)
    assert nested == "❌ it is x.lnk; those are not followed."
    with speaking("ru"):
        assert said(error.told) == "это x.lnk; по таким я не перехожу."
        assert said(nested) == tr("❌ {reason}", reason=error.told) == "❌ это x.lnk; по таким я не перехожу."
        assert said(copy.deepcopy(nested)) == said(nested)
        assert said(said(nested)) == said(nested)
        # What is not known stays, a known one without values is found.
        assert said("PHOTO_INVALID {x}") == "PHOTO_INVALID {x}"
        assert said("It is paused already.") == "Уже приостановлено."
        assert said("") == ""
        assert to_json(Failed(said(nested))) == {"told": "❌ это x.lnk; по таким я не перехожу."}


def test_numbers_are_written_as_the_language_does() -> None:
    text = Text("{size:,.1f} MB of {all:,} in {name}", size=1234.5, all=9876543, name="1,234.5.zip")
    assert text == "1,234.5 MB of 9,876,543 in 1,234.5.zip"
    shown = {}
    for code in LANGUAGES:
        with speaking(code):
            shown[code] = said(text)
    assert shown == {
        "en": "1,234.5 MB of 9,876,543 in 1,234.5.zip",
        "es": "1.234,5 MB of 9.876.543 in 1,234.5.zip",
        "id": "1.234,5 MB of 9.876.543 in 1,234.5.zip",
        "pt_BR": "1.234,5 MB of 9.876.543 in 1,234.5.zip",
        "ru": "1\u00a0234,5 MB of 9\u00a0876\u00a0543 in 1,234.5.zip",
        "fa": "۱٬۲۳۴٫۵ MB of ۹٬۸۷۶٬۵۴۳ in \u20681,234.5.zip\u2069",
    }


def test_a_number_decides_on_the_form() -> None:
    assert tr_n("{count} file", "{count} files", 1) == "1 file"
    assert tr_n("{count} file in {name}", "{count} files in {name}", 1000, name="a") == "1000 files in a"


def test_what_was_said_can_be_found_again() -> None:
    with speaking("fa"):
        sentence = tr(PAUSED, names="a.zip")
        assert found_in(f"{sentence} and more", PAUSED) is not None
        assert found_in("something else", PAUSED) is None
        found = found_in(said(Text("❌ {reason}", reason="WebP")), "❌ {reason}")
    assert found is not None


def test_a_clone_needs_no_more_than_python_to_speak() -> None:
    for code, language in LANGUAGES.items():
        assert isinstance(language.catalogue, gettext.GNUTranslations) is (code != "en")
