"""Telegram's limits, one table a rule."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image
from telethon import password as client_side
from telethon.tl import types

from sandbox import limits, mp4, password, pictures
from sandbox.rpc import RpcError
from sandbox.uploads import Upload

KB, MB = 1024, 1024 * 1024


def test_a_part_sent_again_replaces_the_first(tmp_path: Path) -> None:
    upload = Upload(tmp_path / "data", tmp_path / "index")
    for data in (b"long", b"new"):
        upload.add(0, len(data))
        upload.write(0, data)
    upload.join(1, tmp_path / "joined")
    assert (tmp_path / "joined").read_bytes() == b"new"


def refused(check: object, *values: object, **named: object) -> str | None:
    try:
        check(*values, **named)  # type: ignore[operator]
    except RpcError as error:
        return error.message
    return None


@pytest.mark.parametrize(
    ("index", "size", "total", "error"),
    [
        (0, 512 * KB, 4000, None),
        (3999, 1, 4000, None),
        (0, 1 * KB, None, None),
        (0, 0, 1, "FILE_PART_EMPTY"),
        (0, 512 * KB + 1, 2, "FILE_PART_TOO_BIG"),
        (0, 3 * KB, 2, "FILE_PART_SIZE_INVALID"),
        (0, 1000, 2, "FILE_PART_SIZE_INVALID"),
        (0, 1000, 1, None),
        (0, KB, 4001, "FILE_PARTS_INVALID"),
        (0, KB, 0, "FILE_PARTS_INVALID"),
        (2, KB, 2, "FILE_PART_INVALID"),
        (-1, KB, 2, "FILE_PART_INVALID"),
        (4000, KB, None, "FILE_PART_INVALID"),
    ],
)
def test_a_part_by_itself(index: int, size: int, total: int | None, error: str | None) -> None:
    assert refused(limits.check_part, index, size, total) == error


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([(0, 128), (1, 128), (2, 5)], None),
        ([(2, 5), (0, 128), (1, 128)], None),
        ([(1, 128), (0, 128), (2, 5)], None),
        ([(0, 128), (0, 128), (1, 64)], None),
        ([(0, 128), (1, 64), (2, 64)], "FILE_PART_SIZE_CHANGED"),
        ([(0, 64), (1, 128)], "FILE_PART_SIZE_CHANGED"),
        ([(1, 128), (0, 64)], "FILE_PART_SIZE_CHANGED"),
        ([(0, 3), (1, 3)], "FILE_PART_SIZE_INVALID"),
    ],
)
def test_parts_beside_each_other(tmp_path: Path, parts: list[tuple[int, int]], error: str | None) -> None:
    upload = Upload(tmp_path / "data", tmp_path / "index")

    def add_all() -> None:
        for index, size in parts:
            upload.add(index, size * KB)

    assert refused(add_all) == error


@pytest.mark.parametrize(
    ("offset", "limit", "precise", "error"),
    [
        (0, 1 * MB, False, None),
        (512 * KB, 512 * KB, False, None),
        (4 * KB, 4 * KB, False, None),
        (1 * KB, 1 * KB, True, None),
        (1 * KB, 1023 * KB, True, None),
        (1 * KB, 4 * KB, False, "OFFSET_INVALID"),
        (512, 1 * KB, True, "OFFSET_INVALID"),
        (-4 * KB, 4 * KB, False, "OFFSET_INVALID"),
        (0, 5000, False, "LIMIT_INVALID"),
        (0, 12 * KB, False, "LIMIT_INVALID"),
        (0, 12 * KB, True, None),
        (0, 2 * MB, False, "LIMIT_INVALID"),
        (0, 2 * MB, True, "LIMIT_INVALID"),
        (0, 0, False, "LIMIT_INVALID"),
        (768 * KB, 512 * KB, False, "LIMIT_INVALID"),
        (1 * KB, 1 * MB, True, "LIMIT_INVALID"),
    ],
)
def test_a_range(offset: int, limit: int, precise: bool, error: str | None) -> None:
    assert refused(limits.check_range, offset, limit, precise=precise) == error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a" * 4096, None),
        ("a" * 4097, "MESSAGE_TOO_LONG"),
        ("\N{GRINNING FACE}" * 2048, None),
        ("\N{GRINNING FACE}" * 2049, "MESSAGE_TOO_LONG"),
        (" \n", "MESSAGE_EMPTY"),
    ],
)
def test_text_counts_in_utf16(text: str, error: str | None) -> None:
    assert refused(limits.check_text, text) == error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a" * 1024, None),
        ("a" * 1025, "MEDIA_CAPTION_TOO_LONG"),
        ("\N{GRINNING FACE}" * 512, None),
        ("", None),
    ],
)
def test_caption(text: str, error: str | None) -> None:
    assert refused(limits.check_caption, text) == error


@pytest.mark.parametrize(
    ("groups", "error"),
    [
        (["visual"], None),
        (["visual"] * 10, None),
        (["document"] * 2, None),
        (["visual"] * 11, "MULTI_MEDIA_TOO_LONG"),
        (["visual", "document"], "MEDIA_INVALID"),
        (["gif", "gif"], "MEDIA_INVALID"),
        ([], "MEDIA_EMPTY"),
    ],
)
def test_album(groups: list[str], error: str | None) -> None:
    assert refused(limits.check_album, groups) == error


def picture(path: Path, width: int, height: int, form: str = "JPEG") -> Path:
    Image.new("RGB", (width, height), "teal").save(path, form)
    return path


@pytest.mark.parametrize(
    ("width", "height", "form", "error"),
    [
        (100, 100, "JPEG", None),
        (100, 100, "PNG", None),
        (5000, 5000, "PNG", None),
        (5001, 5000, "PNG", "PHOTO_INVALID_DIMENSIONS"),
        (2000, 100, "JPEG", None),
        (2001, 100, "JPEG", "PHOTO_INVALID_DIMENSIONS"),
        (100, 2001, "JPEG", "PHOTO_INVALID_DIMENSIONS"),
        (100, 100, "TIFF", "IMAGE_PROCESS_FAILED"),
    ],
)
def test_photo(tmp_path: Path, width: int, height: int, form: str, error: str | None) -> None:
    path = picture(tmp_path / "photo", width, height, form)
    assert refused(pictures.photo_sizes, path) == error


def test_a_cut_picture_is_no_photo(tmp_path: Path) -> None:
    path = picture(tmp_path / "photo", 400, 400)
    path.write_bytes(path.read_bytes()[:700])
    assert refused(pictures.photo_sizes, path) == "IMAGE_PROCESS_FAILED"


@pytest.mark.parametrize(
    ("name", "size", "error"),
    [
        ("a.jpg", 10 * MB, None),
        ("a.JPEG", 1, None),
        ("a.jpg", 10 * MB + 1, "PHOTO_SAVE_FILE_INVALID"),
        ("a.heic", 1, "PHOTO_EXT_INVALID"),
        ("jpg", 1, "PHOTO_EXT_INVALID"),
    ],
)
def test_photo_file(name: str, size: int, error: str | None) -> None:
    assert refused(pictures.check_photo_file, name, size) == error


def test_photo_sizes_grow_up_to_the_picture_itself(tmp_path: Path) -> None:
    sizes = pictures.photo_sizes(picture(tmp_path / "photo", 1000, 500))
    assert [(s.letter, s.width, s.height) for s in sizes] == [
        ("m", 320, 160),
        ("x", 800, 400),
        ("y", 1000, 500),
    ]
    assert sizes[-1].data is None  # the uploaded bytes themselves


def test_photo_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.new("RGB", (1000, 500)).save(tmp_path / "photo", "JPEG", exif=exif)
    sizes = pictures.photo_sizes(tmp_path / "photo")
    assert (sizes[-1].width, sizes[-1].height) == (500, 1000)
    assert sizes[-1].data is not None


@pytest.mark.parametrize(
    ("side", "form", "kept"), [(320, "JPEG", True), (321, "JPEG", False), (320, "PNG", False)]
)
def test_thumbnail(tmp_path: Path, side: int, form: str, kept: bool) -> None:
    path = picture(tmp_path / "thumb", side, 100, form)
    assert pictures.thumbnail(path, path.stat().st_size) == ((side, 100) if kept else None)
    assert pictures.thumbnail(path, 200 * KB + 1) is None


def box(kind: bytes, data: bytes, *, large: bool = False) -> bytes:
    if large:
        return struct.pack(">I4sQ", 1, kind, len(data) + 16) + data
    return struct.pack(">I4s", len(data) + 8, kind) + data


def track(handler: bytes) -> bytes:
    return box(
        b"trak", box(b"mdia", box(b"mdhd", b"\0" * 24) + box(b"hdlr", b"\0" * 8 + handler + b"\0" * 12))
    )


@pytest.mark.parametrize(
    ("tracks", "silent"),
    [(track(b"vide"), True), (track(b"vide") + track(b"soun"), False), (track(b"soun"), False), (b"", False)],
)
def test_silent_mp4(tmp_path: Path, tracks: bytes, silent: bool) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(
        box(b"ftyp", b"isom") + box(b"free", b"") + box(b"mdat", b"x" * 99, large=True) + box(b"moov", tracks)
    )
    assert mp4.is_silent(path) is silent


def test_rubbish_is_not_silent(tmp_path: Path) -> None:
    for data in (b"", b"\0" * 50, b"abc", struct.pack(">I4s", 4, b"moov")):
        (tmp_path / "video.mp4").write_bytes(data)
        assert mp4.is_silent(tmp_path / "video.mp4") is False


@pytest.mark.parametrize(("given", "right"), [("pässword", True), ("password", False)])
def test_password_is_proved_without_being_sent(given: str, right: bool) -> None:
    salt1, salt2 = b"1" * 32, b"2" * 16
    kept = password.verifier("pässword", salt1, salt2)
    question = password.challenge(kept)
    asked = types.account.Password(
        new_algo=types.PasswordKdfAlgoUnknown(),
        new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
        secure_random=b"",
        current_algo=password.algorithm(salt1, salt2),
        srp_B=question.public,
        srp_id=question.id,
    )
    proof = client_side.compute_check(asked, given)
    assert password.answers(question, kept, salt1, salt2, proof.A, proof.M1) is right
    assert not password.answers(question, kept, salt1, salt2, b"\0" * 256, proof.M1)


def test_pictures_of_other_decoders_are_refused(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.new("RGB", (10, 10)).save(data, "PPM")
    (tmp_path / "photo").write_bytes(data.getvalue())
    assert refused(pictures.photo_sizes, tmp_path / "photo") == "IMAGE_PROCESS_FAILED"
