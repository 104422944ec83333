"""Names of entries, whatever bytes and characters they are made of."""

from __future__ import annotations

import random
import unicodedata
from itertools import groupby

from hypothesis import example, given
from hypothesis import strategies as st

from tests.drawn import any_text, stems
from utils.archives.names import (
    JOINERS,
    LEGACY,
    LONGEST,
    RawName,
    choose_encoding,
    decode_names,
    display_path,
    is_junk,
    natural_key,
    natural_order,
    unicode_path,
)

raw_names = st.builds(
    RawName,
    st.one_of(st.binary(max_size=20), any_text.map(lambda t: t.encode("utf-8", "replace"))),
    st.booleans(),
    st.one_of(st.just(b""), st.binary(max_size=20), st.binary(max_size=20).map(lambda b: b"\x75\x70" + b)),
)
paths = st.one_of(any_text, st.lists(stems, min_size=1, max_size=4).map("/".join))


@given(st.lists(raw_names, max_size=8))
def test_any_names_are_decoded_one_for_one(names: list[RawName]) -> None:
    decoded = decode_names(names)
    assert len(decoded) == len(names)
    for name, told in zip(names, decoded, strict=True):
        if name.raw.isascii() and not unicode_path(name):
            assert told == name.raw.decode()


@given(st.lists(any_text.map(lambda t: t.encode("utf-8", "replace")), max_size=8))
def test_names_that_are_valid_utf8_are_read_as_that(names: list[bytes]) -> None:
    assert decode_names([RawName(name) for name in names]) == [name.decode() for name in names]


@given(st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=12), st.randoms())
def test_the_order_of_the_names_does_not_decide_how_they_are_read(
    names: list[bytes], draw: random.Random
) -> None:
    shuffled = draw.sample(names, len(names))
    assert choose_encoding(names) == choose_encoding(shuffled)


@given(st.sampled_from(LEGACY), st.lists(stems, min_size=1, max_size=5))
def test_what_is_chosen_reads_all_names_if_any_encoding_does(encoding: str, names: list[str]) -> None:
    raw = [name.encode(encoding, "replace") for name in names]
    chosen = choose_encoding(raw)
    for name in raw:
        assert name.decode(chosen)


@given(paths)
@example("C:/D:/x.jpg")
@example("\u200d")
def test_a_shown_path_is_relative_visible_and_without_tricks(path: str) -> None:
    shown = display_path(path)
    assert shown.encode()
    for part in shown.split("/"):
        assert part not in ("", ".", "..") and len(part) <= LONGEST
    for char in shown:
        category = unicodedata.category(char)
        assert category not in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in JOINERS


@given(paths)
@example("C:/D:/x.jpg")
def test_what_is_shown_is_shown_the_same_again(path: str) -> None:
    shown = display_path(path)
    assert display_path(shown) == shown


@given(st.integers(0, 400), st.text("abc", max_size=20))
def test_a_long_name_keeps_its_beginning_and_its_ending(length: int, suffix: str) -> None:
    name = "x" * length + "." + suffix
    shown = display_path(name)
    if len(name) <= LONGEST:
        assert shown in (name, "unnamed")
    else:
        assert len(shown) == LONGEST and shown.startswith("x" * 200) and "…" in shown
        assert shown.endswith("." + suffix) or len(suffix) > 16


@given(st.lists(paths, max_size=12))
def test_the_natural_order_has_every_file_once_and_each_folder_in_one_place(paths: list[str]) -> None:
    order = natural_order(paths)
    assert sorted(order) == list(range(len(paths)))
    folders = [paths[index].rpartition("/")[0] for index in order]
    # Folders whose names differ in case, or in zeros in front, alone stand as one.
    keys = [tuple(natural_key(part) for part in folder.split("/")) for folder in folders]
    assert len([key for key, _ in groupby(keys)]) == len(set(keys))
    assert keys == sorted(keys)


@given(stems, st.lists(st.integers(0, 10**30), min_size=1, unique=True), st.integers(0, 3))
def test_numbers_in_names_count_as_numbers(stem: str, numbers: list[int], zeros: int) -> None:
    names = [f"{stem}_{'0' * zeros}{number}.jpg" for number in numbers]
    assert [numbers[index] for index in natural_order(names)] == sorted(numbers)


@given(st.lists(stems, max_size=3), stems)
def test_junk_is_junk_in_any_folder_and_in_any_case(folders: list[str], name: str) -> None:
    for junk in ("Thumbs.db", ".DS_Store", f"._{name}", f"__MACOSX/{name}"):
        path = "/".join([*folders, junk])
        assert is_junk(path) and is_junk(path.upper()) and is_junk(path.lower())
    if not any(part.startswith("._") for part in (*folders, name)):
        assert not is_junk("/".join([*folders, name]))
