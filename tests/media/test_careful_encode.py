"""What a full conversion must not lose or spoil."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from tests.media.makers import (
    AAC,
    H264,
    QUICK,
    clip,
    convert,
    decodes_without_a_word,
    describe,
    ffmpeg,
    largest_time_error,
    shown_times,
    streams,
    turn,
)
from utils.media import Action, Verdict

MPEG4 = ("-c:v", "mpeg4", "-q:v", "4")


def picture(path: Path, at: float = 0.0) -> Image.Image:
    """The picture that ``path`` shows at ``at`` seconds."""
    shot = path.with_suffix(f".{at}.png")
    ffmpeg("-ss", str(at), "-i", path, "-frames:v", "1", shot)
    with Image.open(shot) as image:
        return image.convert("RGB")


def kinds(path: Path) -> list[str]:
    return [f"{s['codec_type']}:{s.get('codec_name')}" for s in streams(path) if s["codec_type"] != "data"]


async def test_samples_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    source = clip(tmp_path / "pal.mkv", *MPEG4, picture_filter="setsar=16/11", seconds=1)
    before, after = await convert(source, tmp_path / "out.mp4")
    assert (before.width, before.height) == (465, 240)
    assert (after.width, after.height) == (464, 240)
    assert streams(tmp_path / "out.mp4")[0]["sample_aspect_ratio"] in ("1:1", None)


@pytest.mark.parametrize("degrees", [90, 180, 270])
async def test_a_video_on_its_side_is_turned_upright(tmp_path: Path, degrees: int) -> None:
    corner = "drawbox=x=0:y=0:w=80:h=60:color=white:t=fill"
    lying = clip(
        tmp_path / "lying.mp4", *MPEG4, picture_filter=f"lutyuv=y=40:u=128:v=128,{corner}", seconds=1
    )
    source = turn(lying, degrees)
    before, after = await convert(source, tmp_path / "out.mp4")
    shape = (320, 240) if degrees == 180 else (240, 320)
    assert (before.width, before.height) == (after.width, after.height) == shape
    expected = picture(source)  # ffmpeg itself turns what it decodes
    got = picture(tmp_path / "out.mp4")
    assert got.size == expected.size == shape
    for corner_at in ((5, 5), (shape[0] - 5, 5), (5, shape[1] - 5), (shape[0] - 5, shape[1] - 5)):
        assert abs(got.getpixel(corner_at)[0] - expected.getpixel(corner_at)[0]) < 30  # type: ignore[index]


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("GIF", "RGBA"), ("WEBP", "RGBA")]
)
async def test_a_transparent_animation_is_on_white(tmp_path: Path, form: str, mode: str) -> None:
    shown = []
    for number in range(4):
        image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        image.paste((0, 0, 0, 255), (0, 0, 32, 8 + number))
        shown.append(image.convert(mode))
    source = tmp_path / f"a.{form.lower()}"
    shown[0].save(
        source, form, save_all=True, append_images=shown[1:], duration=100, lossless=True, disposal=2
    )
    await convert(source, tmp_path / "out.mp4")
    result = picture(tmp_path / "out.mp4")
    assert min(result.getpixel((48, 48))) > 240  # type: ignore[arg-type]
    assert max(result.getpixel((4, 4))) < 20  # type: ignore[arg-type]


async def test_rotation_survives_a_rewrap(tmp_path: Path) -> None:
    lying = clip(tmp_path / "lying.mov", *H264, *AAC, seconds=1)
    source = turn(lying, 90)
    before, after = await convert(source, tmp_path / "out.mp4")
    assert before.plan is not None
    assert before.plan.action is Action.REMUX
    assert (before.width, before.height) == (after.width, after.height) == (240, 320)


async def test_odd_sides_become_even_and_nothing_is_enlarged(tmp_path: Path) -> None:
    source = clip(tmp_path / "odd.mkv", "-c:v", "ffv1", size="161x121", seconds=1)
    _, after = await convert(source, tmp_path / "out.mp4")
    assert (after.width, after.height) == (160, 120)


async def test_higher_than_allowed_is_made_smaller(tmp_path: Path) -> None:
    source = clip(tmp_path / "high.mkv", *MPEG4, seconds=1)
    _, after = await convert(source, tmp_path / "out.mp4", settings=replace(QUICK, max_height=120))
    assert (after.width, after.height) == (160, 120)


@pytest.mark.parametrize("muxer", ["mpegts", "webm"])
async def test_a_picture_that_changes_its_size_is_kept_whole(tmp_path: Path, muxer: str) -> None:
    parts, source = [], tmp_path / "changes"
    for number, size in enumerate(("320x180", "160x90")):
        part = tmp_path / f"{number}.part"
        codec: tuple[str, ...]
        if muxer == "webm":
            codec = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-f", "ivf")
        else:
            codec = ("-c:v", "mpeg2video", "-output_ts_offset", str(number), "-f", muxer)
        parts.append(clip(part, *codec, size=size, seconds=1, sound=False).read_bytes())
    if muxer == "mpegts":
        source.write_bytes(b"".join(parts))
    else:
        joined = tmp_path / "joined.ivf"
        joined.write_bytes(parts[0] + later(parts[1][32:], 25))
        ffmpeg("-i", joined, "-c", "copy", "-f", muxer, source)
    await convert(source, tmp_path / "out.mp4", settings=replace(QUICK, segment_seconds=30))
    # ffmpeg's decoder of MPEG-2 loses the last picture before the change.
    assert len(shown_times(source)) >= 49
    assert largest_time_error(source, tmp_path / "out.mp4") <= 0.002


def later(frames: bytes, by: int) -> bytes:
    """The frames of an IVF, each with its size and its time before it, ``by`` units later."""
    moved, at = b"", 0
    while at < len(frames):
        size, time = struct.unpack_from("<IQ", frames, at)
        moved += struct.pack("<IQ", size, time + by) + frames[at + 12 : at + 12 + size]
        at += 12 + size
    return moved


async def test_variable_frame_times_are_kept(tmp_path: Path) -> None:
    uneven = "setpts='(N/25+0.3*floor(N/20)+0.008*mod(N,3))/TB'"
    codec = ("-c:v", "ffv1", "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    source = clip(
        tmp_path / "vfr.mkv", *codec, picture_filter=f"settb=1/1000,{uneven}", seconds=4, sound=False
    )
    times = shown_times(source)
    gaps = {round(b - a, 3) for a, b in itertools.pairwise(times)}
    assert len(gaps) > 3
    await convert(source, tmp_path / "out.mp4")
    assert largest_time_error(source, tmp_path / "out.mp4") <= 0.002


async def test_sixty_frames_a_second_stay_sixty(tmp_path: Path) -> None:
    source = clip(tmp_path / "60.mkv", *MPEG4, rate="60", seconds=2)
    await convert(source, tmp_path / "out.mp4")
    assert len(shown_times(tmp_path / "out.mp4")) == 120


async def test_interlaced_pictures_lose_their_combs(tmp_path: Path) -> None:
    """A white bar that moves fast: in an interlaced frame its edges are combs of alternating lines."""
    bar = "geq=lum='if(between(X-mod(N*8,280),0,40),235,16)':cb=128:cr=128"
    source = tmp_path / "tv.ts"
    ffmpeg(
        *("-f", "lavfi", "-i", f"color=black:s=320x240:r=50:d=3,{bar},tinterlace=4,setfield=tff"),
        *("-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "3", "-bf", "0", source),
    )
    before, _ = await convert(source, tmp_path / "out.mp4")
    assert "interlaced" in before.reason or "MPEG-2" in before.reason
    assert combs(source) > 20 * max(1.0, combs(tmp_path / "out.mp4") / 20)
    assert largest_time_error(source, tmp_path / "out.mp4") <= 0.02
    # No trace of it at the cuts either: there the deinterlacer had to be given what came before.
    assert all(combs(tmp_path / "out.mp4", at) < 5 for at in (0.0, 0.96, 1.0, 1.04, 2.0, 2.04, 2.9))


def combs(path: Path, at: float = 0.48) -> float:
    """How much neighbouring lines differ more than lines two apart."""
    image = picture(path, at).convert("L")
    width, height = image.size
    near = far = 0.0
    for y in range(0, height - 2, 2):
        a, b, c = (image.crop((0, row, width, row + 1)).tobytes() for row in (y, y + 1, y + 2))
        near += sum(abs(p - q) for p, q in zip(a, b, strict=True))
        far += sum(abs(p - q) for p, q in zip(a, c, strict=True))
    return (near - far) / height


async def test_hdr_is_mapped_to_what_a_plain_screen_shows(tmp_path: Path) -> None:
    """Grey of 203 nits, white paper in HDR, is 58 % in PQ: it must come out as nearly white, not as grey."""
    source = tmp_path / "hdr.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=gray:s=320x240:r=25:d=2,format=yuv420p10le,lutyuv=y=573:u=512:v=512"),
        *("-c:v", "libx265", "-preset", "ultrafast", "-colorspace", "bt2020nc", "-color_primaries", "bt2020"),
        *("-color_trc", "smpte2084", "-color_range", "tv", "-tag:v", "hvc1"),
        *("-x265-params", "log-level=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc", source),
    )
    await convert(source, tmp_path / "out.mp4")
    video = streams(tmp_path / "out.mp4")[0]
    assert video["pix_fmt"] == "yuv420p"
    assert video["color_transfer"] == video["color_space"] == video["color_primaries"] == "bt709"
    plain = ImageStat.Stat(picture(tmp_path / "out.mp4").convert("L")).mean[0]
    assert 170 < plain < 250


async def test_colour_tags_are_kept(tmp_path: Path) -> None:
    # Said of the frames: encoders of ffmpeg 8 and later no longer heed options that say otherwise.
    tags = "format=yuv420p,setparams=range=tv:colorspace=bt470bg:color_primaries=bt470bg:color_trc=bt470bg"
    source = clip(tmp_path / "pal.mkv", "-c:v", "mpeg2video", "-q:v", "4", "-vf", tags, seconds=1)
    await convert(source, tmp_path / "out.mp4")
    video = streams(tmp_path / "out.mp4")[0]
    assert (video["color_space"], video["color_primaries"], video["color_range"]) == (
        "bt470bg",
        "bt470bg",
        "tv",
    )


@pytest.mark.parametrize("pixels", ["bgr0", "yuvj420p"])
async def test_what_was_converted_says_its_new_colours(tmp_path: Path, pixels: str) -> None:
    codec = "ffv1" if pixels == "bgr0" else "mjpeg"
    source = clip(tmp_path / "a.mkv", "-c:v", codec, "-pix_fmt", pixels, seconds=0.4, sound=False)
    await convert(source, tmp_path / "out.mp4")
    video = streams(tmp_path / "out.mp4")[0]
    assert video["color_range"] == "tv"
    if pixels == "bgr0":
        assert video["color_space"] == video["color_primaries"] == video["color_transfer"] == "bt709"


async def test_full_range_becomes_what_players_expect(tmp_path: Path) -> None:
    source = clip(tmp_path / "full.mkv", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", seconds=1)
    await convert(source, tmp_path / "out.mp4")
    video = streams(tmp_path / "out.mp4")[0]
    assert video["color_range"] == "tv"
    before, after = (ImageStat.Stat(picture(p)) for p in (source, tmp_path / "out.mp4"))
    assert before.mean == pytest.approx(after.mean, abs=4)


async def test_surround_sound_becomes_stereo_and_the_default_track_comes_first(tmp_path: Path) -> None:
    source = tmp_path / "tracks.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x240:d=2", "-f", "lavfi", "-i", "sine=300:d=2"),
        *("-f", "lavfi", "-i", "sine=900:d=2", "-map", "0:v", "-map", "1:a", "-map", "2:a", *MPEG4),
        *("-c:a:0", "libopus", "-c:a:1", "ac3", "-ac:a:1", "6", "-disposition:a:0", "0"),
        *(
            "-disposition:a:1",
            "default",
            "-metadata:s:a:0",
            "language=deu",
            "-metadata:s:a:1",
            "language=jpn",
        ),
        source,
    )
    await convert(source, tmp_path / "out.mp4")
    first, second = (s for s in streams(tmp_path / "out.mp4") if s["codec_type"] == "audio")
    assert (first["codec_name"], first["channels"], first["profile"]) == ("aac", 2, "LC")
    assert first["tags"]["language"] == "jpn"  # type: ignore[index]
    assert second["tags"]["language"] == "deu"  # type: ignore[index]
    assert first["disposition"]["default"] == 1  # type: ignore[index]
    assert second["disposition"]["default"] == 0  # type: ignore[index]


async def test_of_several_channels_the_sound_is_that_of_the_picture(tmp_path: Path) -> None:
    source = tmp_path / "channels.ts"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=160x90:d=1", "-f", "lavfi", "-i", "sine=300:d=1"),
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:d=1", "-f", "lavfi", "-i", "sine=900:d=1"),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", *H264, *AAC),
        *("-metadata:s:1", "language=deu", "-metadata:s:3", "language=fra"),
        *("-program", "title=one:st=0:st=1", "-program", "title=two:st=2:st=3", source),
    )
    _, after = await convert(source, tmp_path / "out.mp4")
    assert (after.width, after.height) == (320, 180)
    sounds = [s for s in streams(tmp_path / "out.mp4") if s["codec_type"] == "audio"]
    assert [sound["tags"]["language"] for sound in sounds] == ["fra"]  # type: ignore[index]


async def test_subtitles_chapters_and_title_are_kept(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nHello\n\n")
    (tmp_path / "m.txt").write_text(
        ";FFMETADATA1\ntitle=Holiday\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n"
    )
    plain = clip(tmp_path / "plain.mkv", *MPEG4, *AAC)
    source = tmp_path / "rich.mkv"
    ffmpeg(
        *("-i", plain, "-i", tmp_path / "t.srt", "-i", tmp_path / "m.txt", "-map", "0", "-map", "1"),
        *("-map_metadata", "2", "-map_chapters", "2", "-c", "copy", "-c:s", "srt", source),
    )
    await convert(source, tmp_path / "out.mp4")
    assert kinds(tmp_path / "out.mp4") == ["video:h264", "audio:aac", "subtitle:mov_text"]
    found = describe(tmp_path / "out.mp4", "-show_format", "-show_chapters")
    assert found["format"]["tags"]["title"] == "Holiday"  # type: ignore[index]
    assert [c["tags"]["title"] for c in found["chapters"]] == ["One", "Two"]  # type: ignore[attr-defined]
    ffmpeg("-i", tmp_path / "out.mp4", "-map", "0:s", tmp_path / "back.srt")
    assert "00:00:00,500 --> 00:00:01,500\nHello" in (tmp_path / "back.srt").read_text()


async def test_cover_art_is_not_the_video(tmp_path: Path) -> None:
    Image.new("RGB", (600, 600), "red").save(tmp_path / "cover.jpg")
    plain = clip(tmp_path / "plain.mkv", *MPEG4, *AAC, seconds=1)
    source = tmp_path / "covered.mp4"
    ffmpeg(
        *("-i", plain, "-i", tmp_path / "cover.jpg", "-map", "1", "-map", "0", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", source),
    )
    before, after = await convert(source, tmp_path / "out.mp4")
    assert (before.width, before.height) == (after.width, after.height) == (320, 240)
    assert len(shown_times(tmp_path / "out.mp4")) == 25


async def test_an_encoder_that_does_not_work_here_is_replaced_by_libx264(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = clip(tmp_path / "a.avi", *MPEG4, seconds=1)
    _, after = await convert(source, tmp_path / "out.mp4", settings=replace(QUICK, encoder="h264_v4l2m2m"))
    assert after.verdict is Verdict.READY
    assert "h264_v4l2m2m" in caplog.text
    assert "libx264" in caplog.text


async def test_a_single_picture_is_a_video_too(tmp_path: Path) -> None:
    source = clip(tmp_path / "one.avi", "-c:v", "mjpeg", "-frames:v", "1", sound=False)
    _, after = await convert(source, tmp_path / "out.mp4")
    assert after.verdict is Verdict.READY
    assert decodes_without_a_word(tmp_path / "out.mp4")
    assert len(shown_times(tmp_path / "out.mp4")) == 1
