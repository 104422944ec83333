"""The sentences of the program and their translations, brought up to date.

    .venv/bin/python -m tests.texts.catalogues

takes the sentences out of ``utils/``, adds new ones to each ``bot.po`` (without a translation, which is then
to be written in), drops those that are gone, compiles what Python reads (``bot.mo``), and writes
docs/sentences.md.
``-m tests.texts.catalogues fa`` begins a new language.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from utils.texts.languages import DOMAIN, ENGLISH, LANGUAGES, LOCALES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sentences.md"

#: What takes a sentence, and which of its arguments are some.
KEYWORDS = {"tr": None, "Text": None, "tr_n": (1, 2), "text_n": (1, 2)}

#: What begins a file: no dates and no versions, which would change each time.
HEAD = """# What is said in the chat: docs/development.md says how this is changed.
msgid ""
msgstr ""
"Language: {code}\\n"
"Plural-Forms: {plurals}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""

#: Where Babel has a form that only numbers like a million take.
PLURALS = {"es": "nplurals=2; plural=(n != 1);", "pt_BR": "nplurals=2; plural=(n > 1);"}

INTRODUCTION = """# What the bot says

All sentences that it says in a chat, in English, by the file that says them; `{name}` stands for what is put
in. Made from the code by `python -m tests.texts.catalogues`, like the translations in `utils/texts/locales`.
"""


def sentences(root: Path = ROOT) -> Catalog:
    """Those in the code below ``root / "utils"``, with the files that say them."""
    found = Catalog(domain=DOMAIN)
    for file, _, message, comments, _ in extract_from_dir(
        str(root / "utils"), [("**.py", "python")], keywords=KEYWORDS, directory_filter=lambda _: True
    ):
        # Without the line, which changes with every edit above it.
        found.add(message, locations=[(f"utils/{file}", 0)], auto_comments=comments)
    return found


def po_file(code: str, locales: Path = LOCALES) -> Path:
    return locales / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def translations(code: str, locales: Path = LOCALES) -> Catalog:
    """What is translated into that language."""
    with po_file(code, locales).open("rb") as file:
        return read_po(file, locale=code, domain=DOMAIN)


def written(catalog: Catalog) -> bytes:
    """``catalog`` as ``bot.po`` holds it."""
    file = io.BytesIO()
    write_po(file, catalog, 100, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    code = str(catalog.locale_identifier)
    head = HEAD.format(code=code, plurals=PLURALS.get(code, catalog.plural_forms))
    return head.encode() + file.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """``catalog`` as ``bot.mo`` holds it; without the time, the same each time."""
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def messages(catalog: Catalog) -> Iterator[Message]:
    """Without the header."""
    return (message for message in catalog if message.id)


def page(found: Catalog) -> str:
    """docs/sentences.md."""
    by_file: dict[str, list[str]] = {}
    for message in messages(found):
        if not any(map(str.isalpha, re.sub(r"\{.*?\}", "", str(message.id)))):
            continue  # only signs
        sentence = " / ".join(message.id) if isinstance(message.id, tuple) else message.id
        for file in sorted({file for file, _ in message.locations}):
            by_file.setdefault(file, []).append(f"- {sentence}".replace("\n", "\n  "))
    parts = [INTRODUCTION]
    for file, said in sorted(by_file.items()):
        parts += [f"\n## {file.removeprefix('utils/').removesuffix('.py')}\n\n", "\n".join(said), "\n"]
    return "".join(parts)


def update(*new: str) -> None:
    """Write all of it anew, with the languages ``new`` as well."""
    found = sentences()
    for code in (*(code for code in LANGUAGES if code != ENGLISH), *new):
        path = po_file(code)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalog = translations(code) if path.exists() else Catalog(code, DOMAIN)
        catalog.update(found, no_fuzzy_matching=True)
        path.write_bytes(written(catalog))
        path.with_suffix(".mo").write_bytes(compiled(translations(code)))
    PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    update(*sys.argv[1:])
