"""Names: decoded for an archive as a whole, safe to show, ordered, told from junk."""

from __future__ import annotations

import itertools
import struct
import unicodedata
import zlib

import pytest

from utils.archives.names import (
    LONGEST,
    RawName,
    decode_names,
    display_path,
    is_junk,
    natural_order,
)


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp866", ["Отпуск/Море и солнце.jpg", "Отпуск/Пляж.jpg", "Дача.mp4"]),
        ("cp866", ["Привет.jpg"]),
        ("cp1251", ["Отпуск/Море и солнце.jpg", "Отпуск/Пляж.jpg", "Дача.mp4"]),
        ("cp1251", ["Фото 12.jpg"]),
        ("shift_jis", ["写真/旅行の思い出.jpg", "写真/カメラ.jpg", "花火.mp4"]),
        ("shift_jis", ["テスト.txt"]),
        ("gb18030", ["照片/我们的旅行.jpg", "照片/北京大学.jpg", "视频.mp4"]),
        ("gb18030", ["新建文件夹/图片.jpg"]),
        ("gb18030", ["新建文件夹/1.jpg"]),
        ("gb18030", ["相册/IMG_001.jpg", "相册/IMG_002.jpg"]),
        ("gb18030", ["北京旅游/长城.jpg"]),
        ("gb18030", ["截图.png"]),
        ("gb18030", ["妈妈.jpg"]),
        ("shift_jis", ["東京/浅草.jpg"]),
        ("shift_jis", ["動画.mp4"]),
        ("shift_jis", ["結婚式/1.jpg"]),
        ("euc_kr", ["새 폴더/1.jpg"]),
        ("euc_kr", ["고양이.jpg"]),
        ("cp1251", ["Київ/Їжак.jpg"]),
        ("cp866", ["Новая папка/1.jpg"]),
        ("cp437", ["Straße.jpg"]),
        ("cp437", ["niño.jpg"]),
        ("cp850", ["São.jpg"]),
        ("cp1252", ["Verão.jpg"]),
        ("big5", ["相片/我們的旅遊.jpg", "相片/台北市.jpg", "影片.mp4"]),
        ("euc_kr", ["사진/여름 휴가.jpg", "사진/우리 가족.jpg", "동영상.mp4"]),
        ("cp437", ["Café/Größe.jpg", "Müller & Söhne.jpg"]),
        ("utf-8", ["Отпуск/写真.jpg", "사진.jpg"]),
    ],
)
def test_legacy_names_are_read_as_their_writer_meant(encoding: str, names: list[str]) -> None:
    assert decode_names([RawName(name.encode(encoding)) for name in names]) == names


def test_one_telling_name_decides_for_the_short_ones() -> None:
    names = ["я.jpg", "Фотографии с моря/Мы на пляже.jpg", "ё.jpg"]
    assert decode_names([RawName(name.encode("cp866")) for name in names]) == names


@pytest.mark.parametrize(
    ("encoding", "telling", "short"),
    [
        ("shift_jis", "写真/旅行の思い出.jpg", ["犬.jpg", "ｶﾒﾗ.jpg"]),
        ("gb18030", "照片/我们的旅行.jpg", ["山.jpg", "海.jpg", "猫.jpg", "我.jpg"]),
        ("cp1251", "Отпуск/Море и солнце.jpg", ["Ё.jpg"]),
        ("big5", "相片/我們的旅遊.jpg", ["貓.jpg", "花.jpg"]),
    ],
)
def test_what_says_nothing_by_itself_is_read_as_the_others_are(
    encoding: str, telling: str, short: list[str]
) -> None:
    for name in short:
        raw = RawName(name.encode(encoding))
        assert decode_names([raw]) != [name]
        assert decode_names([raw, RawName(telling.encode(encoding))]) == [name, telling]
        assert decode_names([RawName(telling.encode(encoding)), raw]) == [telling, name]


def test_the_order_of_the_names_does_not_decide_how_they_are_read() -> None:
    names = [b"A\xc0", b"\xbd\xc0\xc0", b"A\xc0a\xc0\xc0\xc0\xc0"]
    read = [decode_names([RawName(name) for name in order]) for order in itertools.permutations(names)]
    assert len({tuple(sorted(each)) for each in read}) == 1


def test_a_marked_name_is_utf8_whatever_the_others_are() -> None:
    names = [RawName("Ünïcode.jpg".encode(), utf8=True), RawName("Море.jpg".encode("cp866"))]
    assert decode_names(names) == ["Ünïcode.jpg", "Море.jpg"]


def test_the_unicode_path_field_is_believed_only_for_its_own_name() -> None:
    raw = b"MORE~1.JPG"

    def field(of: bytes) -> bytes:
        content = struct.pack("<BI", 1, zlib.crc32(of)) + "Море.jpg".encode()
        return struct.pack("<HH", 0x7075, len(content)) + content

    assert decode_names([RawName(raw, extra=field(raw))]) == ["Море.jpg"]
    assert decode_names([RawName(raw, extra=field(b"other"))]) == ["MORE~1.JPG"]


def test_any_bytes_at_all_become_some_name() -> None:
    raw = [bytes(range(start, start + 64)) for start in range(0, 256, 64)]
    names = decode_names([RawName(name) for name in raw] + [RawName(b"\xff\xfe", utf8=True)])
    assert len(names) == 5
    assert all(display_path(name).encode() for name in names)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a\\b\\c.jpg", "a/b/c.jpg"),
        ("C:\\Users\\x.jpg", "Users/x.jpg"),
        ("C:/x.jpg", "x.jpg"),
        ("/C:/D:/x.jpg", "x.jpg"),
        ("x/C:/y.jpg", "x/C:/y.jpg"),
        ("a/./b//c.jpg", "a/b/c.jpg"),
        ("a/../b.jpg", "a/b.jpg"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("line\nbreak\x1b[31m.jpg", "line�break�[31m.jpg"),
        ("photo\u202egpj.exe", "photo�gpj.exe"),
        ("nul\0.jpg", "nul�.jpg"),
        ("\udcff.jpg", "�.jpg"),
        ("two\u2028lines\u2029.jpg", "two�lines�.jpg"),
        ("a/b\\c.jpg", "a/b\\c.jpg"),
        ("cafe\u0301.jpg", "café.jpg"),
        ("👨\u200d👩\u200d👧.jpg", "👨\u200d👩\u200d👧.jpg"),
    ],
)
def test_tricks_in_names_are_not_shown(name: str, shown: str) -> None:
    assert display_path(name) == shown


def test_a_long_name_keeps_its_ending() -> None:
    shown = display_path("x" * 300 + ".jpeg")
    assert len(shown) == LONGEST
    assert shown.endswith("….jpeg")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 254 + "…"),
        ("x" * 251 + ".jpg", "x" * 251 + ".jpg"),
        ("x" * 252 + ".jpg", "x" * 250 + "….jpg"),
        ("a." + "x" * 300 + ".jpg", "a." + "x" * 248 + "….jpg"),
        ("x" * 300 + "." + "s" * 16, "x" * 237 + "…." + "s" * 16),
        ("x" * 300 + "." + "s" * 17, "x" * 254 + "…"),
        ("x." + "s" * 300, "x." + "s" * 252 + "…"),
    ],
)
def test_a_long_name_is_cut_in_front_of_its_ending(name: str, shown: str) -> None:
    assert display_path(name) == shown


def test_what_is_shown_has_no_control_characters_whatever_the_name() -> None:
    shown = display_path("".join(chr(code) for code in range(0x3000)))
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\u200c\u200d"]


@pytest.mark.parametrize(
    "path",
    [
        "__MACOSX/._a.jpg",
        "a/.DS_Store",
        "Thumbs.db",
        "x/thumbs.DB",
        "a/._b.jpg",
        "desktop.ini",
        "@eaDir/a.jpg",
        "DCIM/100GOPRO/GX010001.LRV",
        "DCIM/100GOPRO/GX010001.THM",
        "DJI_0001.LRF",
        "DCIM/.thumbnails/1.jpg",
        "Camera/.trashed-1712345678-IMG_1.jpg",
        "#recycle/a.jpg",
        "x/@Recycle/b/a.jpg",
        "$RECYCLE.BIN/S-1-5/a.jpg",
        ".Trash-1000/files/a.jpg",
    ],
)
def test_junk_is_known(path: str) -> None:
    assert is_junk(path)


@pytest.mark.parametrize(
    "path",
    [
        "a.jpg",
        "trashed-1.jpg",
        "recycle/a.jpg",
        "thumbnails/a.jpg",
        "a.thm.jpg",
        ".hidden.jpg",
        "_a.jpg",
        "macosx/a.jpg",
        "Thumbs.db.jpg",
    ],
)
def test_what_only_looks_like_junk_is_kept(path: str) -> None:
    assert not is_junk(path)


def test_order_is_natural_and_keeps_folders_together() -> None:
    paths = [
        "b/img10.jpg",
        "b/IMG2.jpg",
        "z.jpg",
        "a10/x.jpg",
        "b/img1.jpg",
        "a2/x.jpg",
        "b/c/img3.jpg",
        "a.jpg",
    ]
    ordered = [paths[index] for index in natural_order(paths)]
    assert ordered == [
        "a.jpg", "z.jpg", "a2/x.jpg", "a10/x.jpg", "b/img1.jpg", "b/IMG2.jpg", "b/img10.jpg", "b/c/img3.jpg"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.jpg", "a.jpg"],
        ["aa.jpg", "b.jpg"],
        ["a2.jpg", "ab.jpg"],
        ["img1.jpg", "img09.jpg", "img10.jpg"],
        ["img1.jpg", "img200.jpg", "img300.jpg", "img1000.jpg"],
        ["img20.jpg", "img200.jpg"],
        ["a/x/1.jpg", "a b/1.jpg"],
        ["A.jpg", "b.jpg", "C.jpg"],
    ],
)
def test_names_stand_where_people_look_for_them(ordered: list[str]) -> None:
    assert [ordered[::-1][index] for index in natural_order(ordered[::-1])] == ordered


def test_numbers_of_any_length_can_be_ordered() -> None:
    paths = ["img" + "9" * 5000 + ".jpg", "img007.jpg", "img7.jpg", "img٣.jpg", "img².jpg", "", "7", "a"]
    assert sorted(natural_order(paths)) == list(range(len(paths)))
