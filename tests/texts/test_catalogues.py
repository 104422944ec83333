"""Every sentence is translated into every language, rightly put together, and nothing else is."""

from __future__ import annotations

import ast
import gettext
import io
import string
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages import Catalog

from tests.rooms.imports import sources
from tests.texts import catalogues
from tests.texts.catalogues import (
    KEYWORDS,
    PAGE,
    ROOT,
    compiled,
    messages,
    page,
    po_file,
    translations,
    written,
)
from utils.texts.languages import ENGLISH, LANGUAGES, LOCALES

sentences = cache(catalogues.sentences)
OTHERS = [code for code in LANGUAGES if code != ENGLISH]
ADVICE = "Say it in every language: see “Languages” in docs/development.md."


def fields(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, *_ in string.Formatter().parse(text) if name}


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def faults(found: Catalog, translated: Catalog) -> Iterator[str]:
    """What is wrong with ``translated``, where the code says what is in ``found``."""
    said = {forms(message.id): message for message in messages(found)}
    known = {forms(message.id): message for message in messages(translated)}
    yield from (f"missing: {key[0]}" for key in said if key not in known)
    for key, message in known.items():
        if key not in said:
            yield f"unused: {key[0]}"
        yield from (f"{fault}: {key[0]}" for fault in _wrong(key, forms(message.string), translated))
        if message.fuzzy:
            yield f"unsure: {key[0]}"


def _wrong(key: tuple[str, ...], texts: tuple[str, ...], translated: Catalog) -> Iterator[str]:
    if not all(texts):
        yield "missing"
        return
    if len(key) > 1 and len(texts) != translated.num_plurals:
        yield "plurals"
    for text in texts:
        if fields(text) != fields(key[0]):
            yield "placeholders"
        if text.count("\n") != key[0].count("\n") or text.strip() != text and key[0].strip() == key[0]:
            yield "shape"
        # By a full stop at its end a sentence is told from one of Telegram's names.
        if key[0].endswith(".") and not text.endswith("."):
            yield "full stop"
        if any(char < " " and char != "\n" for char in text):
            yield "control characters"


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_is_there_in_every_language(code: str) -> None:
    wrong = list(faults(sentences(), translations(code)))
    assert not wrong, "\n".join(wrong) + f"\n{ADVICE}"


def _without(catalog: Catalog) -> None:
    catalog.delete("It is paused already.")


def _more(catalog: Catalog) -> None:
    catalog.add("Nobody says this.", "Никто этого не говорит.")


def _empty(catalog: Catalog) -> None:
    catalog["It is paused already."].string = ""


def _placeholder(catalog: Catalog) -> None:
    catalog["⏸️ Paused: {names}"].string = "⏸️ Пауза: {name}"


def _lost_placeholder(catalog: Catalog) -> None:
    catalog["⏸️ Paused: {names}"].string = "⏸️ Пауза"


def _line(catalog: Catalog) -> None:
    catalog["It is paused already."].string = "Уже\nна паузе."


def _stop(catalog: Catalog) -> None:
    catalog["It is paused already."].string = "Уже приостановлено"


def _control(catalog: Catalog) -> None:
    catalog["It is paused already."].string = "Уже\tна паузе."


def _unsure(catalog: Catalog) -> None:
    catalog["It is paused already."].flags.add("fuzzy")


def _plurals(catalog: Catalog) -> None:
    catalog.add(("{count} thing", "{count} things"), ("{count} вещь", "{count} вещи"))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_without, "missing"),
        (_empty, "missing"),
        (_more, "unused"),
        (_placeholder, "placeholders"),
        (_lost_placeholder, "placeholders"),
        (_line, "shape"),
        (_control, "control characters"),
        (_stop, "full stop"),
        (_unsure, "unsure"),
        (_plurals, "plurals"),
    ],
)
def test_what_is_wrong_with_a_translation_is_seen(change: Callable[[Catalog], None], fault: str) -> None:
    translated = translations("ru")
    change(translated)
    assert any(found.startswith(fault) for found in faults(sentences(), translated))


@pytest.mark.parametrize("code", OTHERS)
def test_what_python_reads_is_what_the_translators_wrote(code: str) -> None:
    catalog = translations(code)
    assert po_file(code).read_bytes() == written(catalog), f"Not in its form. {ADVICE}"
    with po_file(code).with_suffix(".mo").open("rb") as file:
        read = vars(gettext.GNUTranslations(file))["_catalog"]
    wanted = vars(gettext.GNUTranslations(io.BytesIO(compiled(catalog))))["_catalog"]
    assert {**read, "": ""} == {**wanted, "": ""}, f"bot.mo is behind. {ADVICE}"


def test_there_is_a_folder_for_each_language_and_no_other() -> None:
    assert {path.name for path in LOCALES.iterdir()} == set(OTHERS)


def test_the_page_of_all_sentences_is_made_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(sentences()), (
        f"docs/sentences.md is behind: run `python -m tests.texts.catalogues`. {ADVICE}"
    )


def bad_calls(path: Path) -> Iterator[str]:
    """Where a sentence is given other values than it names, or is no plain text that can be found."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS):
            continue
        sentences = call.args[: 2 if call.func.id.endswith("_n") else 1]
        # One that is chosen among several is looked at where they are.
        glued = any(
            isinstance(sentence, ast.JoinedStr | ast.BinOp)
            or (isinstance(sentence, ast.Name) and not (sentence.id.isupper() and call.func.id == "tr"))
            for sentence in sentences
        )
        if glued or any(keyword.arg is None for keyword in call.keywords):
            yield f"{path}:{call.lineno}: a sentence is one text in the code"
        given = {str(keyword.arg) for keyword in call.keywords} | ({"count"} if len(sentences) > 1 else set())
        texts = [sentence.value for sentence in sentences if isinstance(sentence, ast.Constant)]
        for text in texts:
            # A text that stands alone may be filled later.
            if fields(str(text)) != given and not (call.func.id == "Text" and not given):
                yield f"{path}:{call.lineno}: {text!r} is given {sorted(given)}"


def test_every_sentence_is_given_what_it_names() -> None:
    wrong = [
        fault for path in sources(ROOT, "utils") if path.parent.name != "texts" for fault in bad_calls(path)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "call",
    [
        'tr("{a} and {b}", a=1)',
        'tr("nothing", a=1)',
        'tr(f"{a}")',
        'tr("one" + two)',
        "Text(told)",
        'tr("{a}", **values)',
        'tr_n("{count} file of {of}", "{count} files of {of}", 3)',
        'Text("{a}", b=1)',
    ],
)
def test_a_call_that_does_not_fit_is_seen(call: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(call)
    assert list(bad_calls(tmp_path / "a.py"))
