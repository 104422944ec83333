"""Files that are not what they say: each ends in a plan that works or in one sentence, and nothing hangs."""

from __future__ import annotations

import asyncio
import http.server
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media.makers import (
    AAC,
    H264,
    TOOLS,
    clip,
    convert,
    decodes_without_a_word,
    ffmpeg,
    shown_times,
    streams,
)
from utils.errors import ConversionFailed, NotMedia
from utils.media import Inspection, Verdict, inspect, make_thumbnail
from utils.media.probe import probe

MPEG4 = ("-c:v", "mpeg4", "-q:v", "4")


async def look(path: Path, name: str = "") -> Inspection:
    inspection = await asyncio.wait_for(inspect(path, name or path.name, tools=TOOLS), 30)
    assert inspection.reason.endswith("."), inspection.reason
    assert "\n" not in inspection.reason
    return inspection


async def refused(path: Path, name: str = "") -> str:
    """The sentence with which ``path`` is refused."""
    inspection = await look(path, name)
    assert inspection.verdict is Verdict.OTHER, inspection
    return inspection.reason


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"hello " * 500, b"\x00\x00\x00\x18ftypisom"])
async def test_what_is_no_video_is_refused_whatever_its_name(tmp_path: Path, content: bytes) -> None:
    for name in ("a.mp4", "a.avi", "a.jpg", "a.ts"):
        (tmp_path / "file").write_bytes(content)
        await refused(tmp_path / "file", name)


async def sound_alone(path: Path, name: str = "") -> str:
    """The sentence with which ``path`` is taken for no video."""
    inspection = await look(path, name)
    assert inspection.verdict is Verdict.MUSIC, inspection
    return inspection.reason


async def test_sound_alone_is_no_video_under_any_name(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", tmp_path / "a.m4a")
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-f", "matroska", tmp_path / "a.mkv")
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-f", "mp4", tmp_path / "a.mp4")
    assert "sound" in await sound_alone(tmp_path / "a.m4a", "film.mp4")
    assert "sound" in await sound_alone(tmp_path / "a.mkv")
    assert "sound" in await sound_alone(tmp_path / "a.mp4")


async def test_a_song_with_a_cover_is_no_video(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=red:s=300x300", "-frames:v", "1", tmp_path / "cover.jpg")
    ffmpeg(
        *("-f", "lavfi", "-i", "sine=d=1", "-i", tmp_path / "cover.jpg", "-map", "0", "-map", "1"),
        *("-c:v", "copy", "-disposition:v:0", "attached_pic", tmp_path / "song.mp4"),
    )
    assert "sound" in await sound_alone(tmp_path / "song.mp4")


async def test_without_its_index_an_mp4_is_refused_with_the_reason(tmp_path: Path) -> None:
    source = clip(tmp_path / "late.mp4", *H264, *AAC)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    assert "index" in await refused(source)


async def test_a_cut_off_mp4_with_its_index_keeps_what_is_there(tmp_path: Path) -> None:
    source = clip(tmp_path / "early.mp4", *H264, *AAC, "-movflags", "+faststart")
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    before, after = await convert(source, tmp_path / "out.mp4")
    assert "cut off" in before.reason
    assert after.verdict is Verdict.READY
    assert 20 < len(shown_times(tmp_path / "out.mp4")) < 50
    assert after.duration < 1.8


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.ts"])
async def test_a_cut_off_file_is_converted_as_far_as_it_goes(tmp_path: Path, name: str) -> None:
    source = clip(tmp_path / name, "-c:v", "mpeg2video", "-q:v", "4", "-c:a", "mp2", seconds=3)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    _, after = await convert(source, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert len(shown_times(tmp_path / "out.mp4")) > 20


async def test_damage_in_the_middle_costs_only_what_is_damaged(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mkv", "-c:v", "mpeg4", "-g", "10", "-q:v", "4", *AAC, seconds=4)
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    source.write_bytes(data)
    _, after = await convert(source, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert decodes_without_a_word(tmp_path / "out.mp4")
    assert after.duration == pytest.approx(4.0, abs=0.3)
    assert len(shown_times(tmp_path / "out.mp4")) > 70


def mpegh(path: Path) -> None:
    """Call the AC-3 in an MP4 what ffmpeg knows and cannot decode."""
    path.write_bytes(path.read_bytes().replace(b"ac-3", b"mhm1"))


@pytest.mark.parametrize("codec", [H264, MPEG4], ids=["copied", "encoded"])
@pytest.mark.parametrize("first", ["aac", "ac3"])
async def test_a_sound_that_cannot_be_decoded_is_left_out(
    tmp_path: Path, codec: tuple[str, ...], first: str, caplog: pytest.LogCaptureFixture
) -> None:
    plain = clip(tmp_path / "plain.mkv", *codec, "-c:a", "pcm_s16le", seconds=1)
    source = tmp_path / "two.mp4"
    second = "ac3" if first == "aac" else "aac"
    ffmpeg(
        *("-i", plain, "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c:v", "copy"),
        *("-c:a:0", first, "-c:a:1", second, source),
    )
    mpegh(source)
    with caplog.at_level("INFO"):
        before, after = await convert(source, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert [s["codec_type"] for s in streams(tmp_path / "out.mp4")] == ["video", "audio"]
    assert f"Sound track {1 if first == 'ac3' else 2} (MPEGH_3D_AUDIO) cannot be decoded" in caplog.text
    assert "it is encoded" not in caplog.text
    assert decodes_without_a_word(tmp_path / "out.mp4")


@pytest.mark.parametrize("codec", [H264, MPEG4], ids=["copied", "encoded"])
async def test_an_empty_sound_is_left_out(tmp_path: Path, codec: tuple[str, ...]) -> None:
    source = clip(tmp_path / "empty.mkv", *codec, "-c:a", "mp2", "-af", "atrim=end=0", seconds=1)
    _, after = await convert(source, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert len(shown_times(tmp_path / "out.mp4")) == 25


async def test_when_the_only_sound_is_noise_the_picture_is_kept(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", *MPEG4, sound=False, seconds=1)
    noise = tmp_path / "noise.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "sine=d=1", "-i", source, "-map", "1:v", "-map", "0:a", "-c:v", "copy"),
        *("-c:a", "aac", "-bsf:a", "noise=1", noise),
    )
    _, after = await convert(noise, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert len(shown_times(tmp_path / "out.mp4")) == 25


class Server:
    """Counts what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.server.serve_forever)
    thread.start()
    yield server
    server.server.shutdown()
    server.server.server_close()
    thread.join()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "dash": '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{target}</BaseURL></MPD>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("name", ["a.avi", "a.m3u8"])
async def test_a_playlist_opens_nothing(tmp_path: Path, server: Server, kind: str, name: str) -> None:
    secret = clip(tmp_path / "secret.mp4", *H264, sound=False, seconds=1)
    for target in (f"file://{secret}", str(secret), f"{server.url}/{kind}"):
        playlist = tmp_path / name
        playlist.write_text(PLAYLISTS[kind].format(target=target))
        await refused(playlist)
        # Also where nothing has looked at its first bytes before ffprobe does.
        with pytest.raises(NotMedia):
            await probe(playlist, TOOLS)
    assert await make_thumbnail(playlist, tmp_path / "thumb.jpg", duration=0.0, tools=TOOLS) is None
    assert server.asked == []


async def test_a_movie_that_refers_to_another_file_does_not_get_it(tmp_path: Path) -> None:
    """QuickTime may keep the media elsewhere: a data reference of type alis or url instead of "self"."""
    source = clip(tmp_path / "a.mov", *H264, sound=False)
    data = source.read_bytes()
    assert data.count(b"url \0\0\0\x01") + data.count(b"alis\0\0\0\x01") >= 1
    for mark in (b"url \0\0\0\x01", b"alis\0\0\0\x01"):
        data = data.replace(mark, mark[:-1] + b"\0")
    source.write_bytes(data)
    await look(source)


async def test_absurd_sizes_are_refused_with_the_figures(tmp_path: Path) -> None:
    """A GIF may promise any size up to 65535 in its header, and two frames make it an animation."""
    frame = (
        b"\x21\xf9\x04\x00\x0a\x00\x00\x00"
        + b"\x2c"
        + struct.pack("<4HB", 0, 0, 1, 1, 0)
        + b"\x02\x02D\x01\x00"
    )
    header = b"GIF89a" + struct.pack("<2HBBB", 30_000, 30_000, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    (tmp_path / "huge.gif").write_bytes(header + frame * 2 + b";")
    assert "30000" in await refused(tmp_path / "huge.gif")


async def test_an_absurd_size_in_a_video_is_refused_with_the_figures(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.avi", *MPEG4, sound=False, seconds=1)
    data = source.read_bytes().replace(struct.pack("<2I", 320, 240), struct.pack("<2I", 30_000, 30_000))
    source.write_bytes(data)
    inspection = await look(source)
    if inspection.verdict is not Verdict.OTHER:  # the decoder knows better than the header
        _, after = await convert(source, tmp_path / "out.mp4")
        assert after.height == 240


async def test_many_streams_are_borne(tmp_path: Path) -> None:
    plain = clip(tmp_path / "plain.mkv", *MPEG4, "-c:a", "mp2", seconds=1)
    source = tmp_path / "many.mkv"
    ffmpeg(
        "-i",
        plain,
        "-map",
        "0:v",
        *(part for _ in range(100) for part in ("-map", "0:a")),
        "-c",
        "copy",
        source,
    )
    _, after = await convert(source, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.flv"])
async def test_times_that_jump_do_not_make_hours_of_nothing(tmp_path: Path, name: str) -> None:
    """Two recordings one after the other in one file, the second an hour later by its clock."""
    codec = ("-c:v", "flv1", "-c:a", "libmp3lame", "-ar", "44100") if name.endswith("flv") else (
        "-c:v", "mpeg2video", "-c:a", "mp2"
    )  # fmt: skip
    if name == "a.ts":
        one = clip(tmp_path / "1.ts", *codec)
        two = clip(tmp_path / "2.ts", *codec, "-output_ts_offset", "3600")
        (tmp_path / name).write_bytes(one.read_bytes() + two.read_bytes())
    else:
        gap = "setpts='PTS+gt(N,25)*3600/TB'"
        clip(tmp_path / name, *codec, "-fps_mode", "passthrough", picture_filter=gap)
    _, after = await convert(tmp_path / name, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert len(shown_times(tmp_path / "out.mp4")) >= 48
    if name == "a.ts":
        assert after.duration < 10


async def test_a_clock_that_jumps_is_no_reason_to_encode_what_can_be_copied(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = clip(tmp_path / "1.ts", *H264, *AAC)
    two = clip(tmp_path / "2.ts", *H264, *AAC, "-output_ts_offset", "3600")
    (tmp_path / "a.ts").write_bytes(one.read_bytes() + two.read_bytes())
    with caplog.at_level("INFO"):
        _, after = await convert(tmp_path / "a.ts", tmp_path / "out.mp4")
    assert "encoded" not in caplog.text
    assert after.verdict is Verdict.READY
    assert after.duration == pytest.approx(4, abs=0.5)
    assert len(shown_times(tmp_path / "out.mp4")) == 100


async def test_a_stream_without_container_is_converted(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.m2v", "-c:v", "mpeg2video", "-q:v", "4", sound=False)
    _, after = await convert(source, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert len(shown_times(tmp_path / "out.mp4")) == 50


async def test_an_index_that_lies_is_found_out(tmp_path: Path) -> None:
    """The header of an MP4 with only noise where the pictures should be."""
    source = clip(tmp_path / "a.mp4", *H264, sound=False, seconds=1)
    data = bytearray(source.read_bytes())
    at = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[at:end] = bytes((n * 7919) % 251 for n in range(end - at))
    source.write_bytes(data)
    inspection = await look(source)
    if inspection.verdict is not Verdict.OTHER:
        with pytest.raises(ConversionFailed):
            await convert(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("form", ["avi", "webp"])
async def test_strange_names_are_names(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "concat:a|b [x], 'y'; %d é #1 100%41?"
    folder.mkdir()
    codec = MPEG4 if form == "avi" else ("-c:v", "libwebp_anim")
    source = clip(
        folder / "-i http:x.avi#?", *codec, "-f", form, size="160x120", rate="10", sound=False, seconds=3
    )
    _, after = await convert(source, folder / "it's: out.mp4#?")
    assert after.verdict is Verdict.READY
    thumb = await make_thumbnail(folder / "it's: out.mp4#?", folder / "100%d.jpg", duration=1.0, tools=TOOLS)
    assert thumb is not None
    assert thumb.exists()


async def test_names_are_those_of_the_folder_that_it_is_called_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(tmp_path / "a.avi", *MPEG4, sound=False, seconds=1)
    monkeypatch.chdir(tmp_path)
    _, after = await convert(Path("a.avi"), Path("out.mp4"))
    assert after.verdict is Verdict.READY


def element(number: str, *content: bytes | int) -> bytes:
    """One of Matroska's, of bytes and of numbers of one byte."""
    body = b"".join(bytes([one]) if isinstance(one, int) else one for one in content)
    return bytes.fromhex(number) + (len(body) | 1 << 28).to_bytes(4) + body


def webm(*of_the_track: bytes) -> bytes:
    """A film of one picture that nothing can be made of."""
    shape = element("e0", element("b0", 64), element("ba", 64))
    track = element(
        "ae",
        element("d7", 1),
        element("73c5", 1),
        element("83", 1),
        element("86", b"V_VP9"),
        shape,
        *of_the_track,
    )
    pictures = element("1f43b675", element("e7", 0), element("a3", b"\x81\0\0\x80" + bytes(range(99, 255))))
    head = element("1a45dfa3", element("4282", b"webm"))
    return head + element("18538067", element("1549a966"), element("1654ae6b", track), pictures)


async def test_of_what_is_encrypted_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    encodings = element(
        "6d80", element("6240", element("5031", 0), element("5033", 1), element("5035", element("47e1", 5)))
    )
    for content, words in ((webm(encodings), "It is encrypted (DRM)"), (webm(), "can be decoded")):
        path.write_bytes(content)
        found = await inspect(path, path.name, tools=TOOLS)
        assert found.verdict is Verdict.OTHER and words in found.reason
