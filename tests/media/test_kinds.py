"""What a file is by its first bytes, whatever it is called."""

from __future__ import annotations

import pytest

from utils.media import Kind, kind_of

TS_PACKET = b"\x47" + bytes(187)
M2TS_PACKET = bytes(4) + TS_PACKET


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a.mp4", Kind.PHOTO),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a", Kind.PHOTO),
        (b"GIF89a\x01\x00\x01\x00", "a.txt", Kind.PHOTO),
        (b"II*\x00\x08\x00\x00\x00", "a.tif", Kind.PHOTO),
        (b"MM\x00*\x00\x00\x00\x08", "a.tif", Kind.PHOTO),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "a.avi", Kind.PHOTO),
        (b"BM\x36\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "a.bmp", Kind.PHOTO),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "a.jpg", Kind.PHOTO),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00", "a.heif", Kind.PHOTO),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "a.avif", Kind.PHOTO),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00", "a.jpg", Kind.VIDEO),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", "a", Kind.VIDEO),
        (b"\x00\x00\x00\x14ftyp3gp4\x00\x00\x02\x00", "a", Kind.VIDEO),
        (b"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat", "old.mov", Kind.VIDEO),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00", "a.pdf", Kind.VIDEO),
        (b"RIFF\x10\x00\x00\x00AVI LIST", "a.png", Kind.VIDEO),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "a", Kind.VIDEO),
        (b"FLV\x01\x05\x00\x00\x00\x09", "a", Kind.VIDEO),
        (b".RMF\x00\x00\x00\x12", "a", Kind.VIDEO),
        (b"OggS\x00\x02" + bytes(22) + b"\x80theora", "a.ogg", Kind.VIDEO),
        (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d", "a", Kind.VIDEO),
        (b"\x00\x00\x01\xba\x44\x00", "a", Kind.VIDEO),
        (TS_PACKET * 6, "a", Kind.VIDEO),
        (M2TS_PACKET * 6, "a", Kind.VIDEO),
        (b"\x00\x00\x00\x01\x67\x42", "clip.264", Kind.VIDEO),
        (b"\x12\x34\x00\x56" * 20, "holiday.MPG", Kind.VIDEO),
        (b"DKIF\x00\x00\x20\x00AV01", "a.ivf", Kind.VIDEO),
        (b"NSVf\x00\x00", "a", Kind.VIDEO),
        (b"\x10\x00\x00\x00\x12\xaf\x02\x00", "a.flc", Kind.VIDEO),
        (b"\x10\x00\x00\x00\x12\xaf\x02\x00", "a.bin", Kind.OTHER),
        # Sound, text and the rest.
        (b"OggS\x00\x02" + bytes(22) + b"\x01vorbis", "a.ogv", Kind.OTHER),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00", "a.mp4", Kind.VIDEO),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00", "a.m4a", Kind.OTHER),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "a.avi", Kind.CALLED),
        (b"ID3\x04\x00", "a.mp4", Kind.CALLED),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n", "a.avi", Kind.CALLED),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a.mp4", Kind.CALLED),
        (b"export const answer: number = 42;\n", "answer.ts", Kind.OTHER),
        (b"BM is a good beginning for a letter", "letter.bmp", Kind.CALLED),
        (b"PK\x03\x04", "a.mp4", Kind.CALLED),
        (b"G" * 200, "a.ts", Kind.OTHER),
        (b"", "a.mp4", Kind.CALLED),
        (b"\x00", "a.jpg", Kind.CALLED),
    ],
)
def test_the_content_decides(head: bytes, name: str, kind: Kind) -> None:
    assert kind_of(head, name) is kind


def test_only_the_first_bytes_are_looked_at() -> None:
    assert kind_of(b"x" * 4096 + b"OggS\x80theora", "a.bin") is Kind.OTHER
