"""How likely a reading of foreign bytes is: what the choice of a code page goes by."""

from __future__ import annotations

import struct
import zlib

import pytest

from utils.archives.names import RawName, choose_encoding, decode_names, score

#: gb18030 has all characters, each of them in two or four bytes.
ALL = "gb18030"


def points(text: str, encoding: str) -> float:
    return score([text.encode(encoding)], encoding)


@pytest.mark.parametrize(
    ("encoding", "text", "worth"),
    [
        # What people write.
        ("cp1251", "я", 1.0),
        ("cp1251", "А", 1.0),
        ("cp1251", "ё", 1.0),
        ("cp1251", "Ё", 1.0),
        ("cp1251", "ї", 0.3),
        ("cp1252", "é", 0.7),
        ("cp1252", "–", 0.3),
        ("shift_jis", "あ", 2.2),
        ("shift_jis", "、", 0.5),
        ("shift_jis", "写", 0.9 * 2),
        ("gb18030", "一", 0.9 * 2),
        ("gb18030", "国", 0.9 * 2),
        ("euc_kr", "가", 2.0),
        ("euc_kr", "힘", 2.0),
        # What comes out of a wrong code page.
        ("cp1252", "€", -0.5),
        ("cp437", "─", -1.0),
        ("cp437", "α", -0.2),
        ("cp437", "■", -0.5),
        ("shift_jis", "ｱ", -0.3),
        ("gb18030", "\u0080", -2.0 * 2),
        ("gb18030", "\ue5e5", -2.0 * 2),
        ("gb18030", "\ue000", -2.0 * 2),
        ("gb18030", "\u0378", -2.0 * 2),
        ("gb18030", "龤", -0.4 * 2),
        ("gb18030", "龥", -0.4 * 2),
        # Each byte that can be no ASCII counts, and no other.
        ("shift_jis", "ア", 1.1),
        ("cp1251", "a", 0.0),
        ("cp1251", "яa.jpg", 1.0 - 0.8),
        ("cp1251", "я1.", 1.0),
    ],
)
def test_a_character_is_worth_what_people_write_of_it(encoding: str, text: str, worth: float) -> None:
    assert points(text, encoding) == pytest.approx(worth)


def test_what_a_code_page_cannot_read_is_out() -> None:
    assert score([b"a", b"\xff\xff"], "euc_kr") == float("-inf")
    assert score([b"a"], "euc_kr") == 0.0


COMMON = "가각간갈감갑갓갔강나다라마바사아자차카타파하개게기고구그거교겨과귀야여"


@pytest.mark.parametrize("syllable", COMMON)
def test_syllables_that_are_common_count_in_full(syllable: str) -> None:
    assert points(syllable, "euc_kr") == pytest.approx(2.0)


RARE = "까따빠싸짜걔계괘괴궈궤긔갇갉갊갖갗같갚갛"


@pytest.mark.parametrize("syllable", [each for each in RARE if len(each.encode("euc_kr")) == 2])
def test_syllables_that_are_rare_count_little(syllable: str) -> None:
    assert points(syllable, "euc_kr") == pytest.approx(0.4)


@pytest.mark.parametrize(("char", "common"), [
    ("啊", True), ("座", True), ("亍", False),  # the ends of both levels of GB 2312
    ("乙", True), ("籲", True),  # Big5
    ("亜", True), ("腕", True),  # JIS
])  # fmt: skip
def test_characters_of_the_first_level_of_any_country_are_common(char: str, common: bool) -> None:
    assert (points(char, ALL) > 0) is common


def meet(left: str, right: str) -> float:
    """What it costs that the two stand side by side."""
    return points(left + right, ALL) - points(left, ALL) - points(right, ALL)


@pytest.mark.parametrize(
    ("left", "right"),
    [("a", "я"), ("я", "é"), ("α", "я"), ("я", "가"), ("가", "写"), ("ɐ", "z"), ("ɏ", "ɐ"), ("Ͱ", "я"),
     ("Ͽ", "Ѐ"), ("힣", "国"), ("ա", "国"), ("я", "Б"), ("é", "Á")],
)  # fmt: skip
def test_what_nobody_writes_side_by_side_costs(left: str, right: str) -> None:
    assert meet(left, right) == pytest.approx(-0.8)


@pytest.mark.parametrize(
    ("left", "right"),
    [("a", "b"), ("a", "B"), ("a", "é"), ("é", "ɏ"), ("Ͱ", "α"), ("я", "ѐ"), ("Ѐ", "ԯ"), ("가", "힣"),
     ("国", "あ"), ("я", "1"), ("国", "."), ("1", "가"), ("Я", "я"), ("我", "！")],
)  # fmt: skip
def test_what_people_write_side_by_side_costs_nothing(left: str, right: str) -> None:
    assert meet(left, right) == pytest.approx(0)


def test_scripts_and_cases_that_meet_at_once_cost_both() -> None:
    assert meet("a", "Я") == pytest.approx(-1.6)


WORDS = {
    "euc_kr": "가족사진 여행 제주도 부산 바다 생일 결혼식 친구들 강아지 고양이 학교 졸업식 새해 여름 가을",
    "gb18030": "照片 相册 北京 上海 生日 婚礼 朋友 小狗 毕业 圣诞节 春天 秋天 冬天 宝宝 爬山 演唱会",
    "big5": "照片 相簿 旅遊 臺北 海邊 婚禮 朋友 貓咪 學校 畢業 聖誕節 夏天 露營 爬山 演唱會 影片 相機 資料",
    "shift_jis": "写真 アルバム 旅行 京都 大阪 海辺 誕生日 結婚式 友達 子犬 学校 卒業式 正月 春 夏 秋",
    "cp866": "Фото Альбом Поездка Москва Море Свадьба Друзья Собака Школа Весна Лето Осень Зима Горы",
    "cp1251": "Фото Альбом Поездка Москва Море Свадьба Друзья Собака Школа Весна Лето Осень Зима Горы",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_a_word_by_itself_is_read_as_its_writer_meant(encoding: str) -> None:
    for word in WORDS[encoding].split():
        name = f"{word}/1.jpg"
        assert decode_names([RawName(name.encode(encoding))]) == [name]


def test_names_of_one_archive_are_read_together() -> None:
    words = WORDS["cp866"].split()
    assert choose_encoding([word.encode("cp866") for word in words]) == "cp866"
    assert choose_encoding([b"plain.txt"]) == choose_encoding([]) == "utf-8"


RAW = b"MORE~4.JPG"
assert zlib.crc32(RAW) >= 2**31


def field(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def path_field(name: bytes, *, version: int = 1, of: bytes = RAW) -> bytes:
    return field(0x7075, struct.pack("<BI", version, zlib.crc32(of)) + name)


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        (path_field("Море.jpg".encode()), "Море.jpg"),
        (path_field(b"x"), "x"),
        (field(0x5455, b"12345") + path_field(b"x"), "x"),
        (field(0x5455, bytes(40_000)) + path_field(b"x"), "x"),
        (path_field(b"x") + field(0x5455, b"12345"), "x"),
        (path_field(b"bad\xff"), "bad�"),
        (path_field(b"x", version=2), "MORE~4.JPG"),
        (path_field(b"x", of=b"other"), "MORE~4.JPG"),
        (path_field(b"x")[:8], "MORE~4.JPG"),
        (path_field(b""), "MORE~4.JPG"),
        (field(0x7076, b"\1\0\0\0\0x"), "MORE~4.JPG"),
        (b"\x75\x70", "MORE~4.JPG"),
    ],
)
def test_the_unicode_path_is_found_among_other_fields(extra: bytes, name: str) -> None:
    assert decode_names([RawName(RAW, extra=extra)]) == [name]
