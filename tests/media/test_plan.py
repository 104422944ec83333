"""From what ffprobe says to what has to be done: tables, without any file."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from utils.media import Action
from utils.media.boxes import Layout
from utils.media.geometry import Size, display_size, encode_size
from utils.media.picture import lead_in, output_time_base, video_filters, video_options
from utils.media.plan import ConversionPlan, plan_conversion
from utils.media.probe import Probe, parse_probe
from utils.media.recipe import first_way
from utils.media.settings import EncodeSettings
from utils.media.tools import Features

MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
FRONT = Layout()
ALL = Features("ffmpeg", frozenset({"zscale", "tonemap", "bwdif", "yadif"}))
FEW = Features("ffmpeg", frozenset({"yadif"}))


def video(codec: str = "h264", **more: object) -> dict[str, object]:
    plain = {"codec_type": "video", "codec_name": codec, "profile": "High", "pix_fmt": "yuv420p"}
    return {**plain, "width": 640, "height": 360, "time_base": "1/12800", "avg_frame_rate": "25/1", **more}


def audio(codec: str = "aac", **more: object) -> dict[str, object]:
    return {
        "codec_type": "audio",
        "codec_name": codec,
        "profile": "LC",
        "channels": 2,
        "sample_rate": "48000",
        **more,
    }


def subtitle(codec: str) -> dict[str, object]:
    return {"codec_type": "subtitle", "codec_name": codec}


def described(
    *streams: dict[str, object], container: str = MP4, brand: str = "isom", duration: str = "10"
) -> Probe:
    numbered = [{"index": number, **stream} for number, stream in enumerate(streams)]
    form = {"format_name": container, "duration": duration, "start_time": "0", "tags": {"major_brand": brand}}
    return parse_probe(json.dumps({"streams": numbered, "format": form}).encode())


def planned(probe: Probe, layout: Layout | None = FRONT, size: int = 1_000_000) -> ConversionPlan:
    plan = plan_conversion(probe, layout, size=size)
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    ("probe", "layout", "action", "reason"),
    [
        (described(video(), audio()), FRONT, Action.SEND, "plays as it is"),
        (described(video()), FRONT, Action.SEND, "plays as it is"),
        (described(video(pix_fmt="yuvj420p"), audio(profile="HE-AAC")), FRONT, Action.SEND, "plays as it is"),
        (described(video(), audio(), audio()), FRONT, Action.SEND, "plays as it is"),
        (described(video(sample_aspect_ratio="1:1"), audio()), FRONT, Action.SEND, "plays as it is"),
        (described(video(sample_aspect_ratio="0:1"), audio()), FRONT, Action.SEND, "plays as it is"),
        (described(video(sample_aspect_ratio="101:100")), FRONT, Action.SEND, "plays as it is"),
        (described(video(sample_aspect_ratio="102:100")), FRONT, Action.FULL, "not square"),
        # Another container, or the same one in another order.
        (described(video(), audio()), Layout(index_first=False), Action.REMUX, "index is at the end"),
        (described(video(), audio()), Layout(fragmented=True), Action.REMUX, "in fragments"),
        (described(video(), audio()), Layout(cut_off=True), Action.REMUX, "cut off"),
        (described(video(), audio(), brand="qt  "), FRONT, Action.REMUX, "QuickTime"),
        (described(video(), audio(), brand="3gp4"), FRONT, Action.REMUX, "3GP"),
        (described(video(), audio(), container="matroska,webm"), None, Action.REMUX, "Matroska is not MP4"),
        (described(video(), audio(), container="mpegts"), None, Action.REMUX, "MPEG-TS is not MP4"),
        (described(video(), audio(), container="flv"), None, Action.REMUX, "FLV is not MP4"),
        # Only the sound.
        (described(video(), audio("ac3"), container="matroska,webm"), None, Action.AUDIO, "sound is AC3"),
        (described(video(), audio("pcm_s16le"), brand="qt  "), FRONT, Action.AUDIO, "PCM S16LE"),
        (described(video(), audio("mp3")), FRONT, Action.AUDIO, "sound is MP3"),
        (described(video(), audio(), audio("dts")), FRONT, Action.AUDIO, "sound is DTS"),
        (described(video(), audio(profile="Main")), FRONT, Action.AUDIO, "sound is AAC"),
        # Everything.
        (described(video("hevc"), audio()), FRONT, Action.FULL, "picture is HEVC"),
        (described(video("vp9"), audio("opus"), container="matroska,webm"), None, Action.FULL, "VP9"),
        (described(video("mpeg4"), audio("mp3"), container="avi"), None, Action.FULL, "MPEG-4 part 2"),
        (described(video("something_new"), audio()), FRONT, Action.FULL, "something_new"),
        (described(video(pix_fmt="yuv420p10le", profile="High 10")), FRONT, Action.FULL, "H.264 High 10"),
        (described(video(pix_fmt="yuv422p")), FRONT, Action.FULL, "yuv422p"),
        (described(video(pix_fmt="yuv444p")), FRONT, Action.FULL, "yuv444p"),
        (described(video(field_order="tt")), FRONT, Action.FULL, "interlaced"),
        (described(video(sample_aspect_ratio="64:45")), FRONT, Action.FULL, "not square (64/45)"),
        (described(video(width=7680, height=4320)), FRONT, Action.FULL, "7680x4320"),
        (described(video(color_transfer="arib-std-b67")), FRONT, Action.FULL, "HDR"),
        (described(video(has_b_frames=2), audio("mp3"), container="avi"), None, Action.FULL, "order"),
        (described(video(has_b_frames=2), container="h264"), None, Action.FULL, "order"),
        (described(video(has_b_frames=0), audio("mp3"), container="avi"), None, Action.AUDIO, "MP3"),
        (described(video(), audio(), duration="143165"), FRONT, Action.FULL, "times in it make no sense"),
    ],
)
def test_the_least_work_is_chosen(probe: Probe, layout: Layout | None, action: Action, reason: str) -> None:
    plan = planned(probe, layout)
    assert plan.action is action
    assert reason in plan.reason
    assert plan.reason.endswith(".")


@pytest.mark.parametrize(
    ("probe", "layout", "reason"),
    [
        (described(video(), audio()), FRONT, "It plays as it is."),
        (described(video("hevc")), FRONT, "The picture is HEVC, which not every player shows."),
        (described(video("")), FRONT, "The picture is of an unknown kind, which not every player shows."),
        (
            described(video(pix_fmt="yuv422p")),
            FRONT,
            "The picture is H.264 High (yuv422p), which most players cannot decode.",
        ),
        (described(video(field_order="bb")), FRONT, "The picture is interlaced."),
        (
            described(video(sample_aspect_ratio="64:45")),
            FRONT,
            "The picture's samples are not square (64/45), which some players ignore.",
        ),
        (
            described(video(width=4097, height=10)),
            FRONT,
            "The picture is 4097x10, more than most players decode.",
        ),
        (
            described(video(width=10, height=4097)),
            FRONT,
            "The picture is 10x4097, more than most players decode.",
        ),
        (described(video(width=4096, height=4096)), FRONT, "It plays as it is."),
        (
            described(video(color_transfer="smpte2084")),
            FRONT,
            "The picture is HDR, which looks pale where it is not understood.",
        ),
        (
            described(video(has_b_frames=1), container="avi"),
            None,
            "The order of its pictures is not stored, so that only decoding tells it.",
        ),
        (described(video(), duration="1e9"), FRONT, "The times in it make no sense."),
        # 100 bits a second, and one bit less.
        (described(video(), duration="80000"), FRONT, "It plays as it is."),
        (described(video(), duration="80001"), FRONT, "The times in it make no sense."),
        (described(video(), duration="0"), FRONT, "It plays as it is."),
        (
            described(video(), audio("pcm_s16le")),
            FRONT,
            "The picture can stay, but the sound is PCM S16LE, not AAC.",
        ),
        (
            described(video(), container="matroska,webm"),
            None,
            "The streams can stay, but Matroska is not MP4.",
        ),
        (described(video(), container="mpeg"), None, "The streams can stay, but MPEG-PS is not MP4."),
        (described(video(), container="asf"), None, "The streams can stay, but ASF is not MP4."),
        (described(video(), container="flv"), None, "The streams can stay, but FLV is not MP4."),
        (described(video(), container="mpegts"), None, "The streams can stay, but MPEG-TS is not MP4."),
        (described(video(), container="nut"), None, "The streams can stay, but NUT is not MP4."),
        (described(video(), container="nut"), FRONT, "The streams can stay, but NUT is not MP4."),
        (described(video()), Layout(cut_off=True), "The file is cut off; what is there is kept."),
        (described(video()), Layout(fragmented=True), "The MP4 is in fragments, without one index for all."),
        (
            described(video()),
            Layout(index_first=False),
            "The index is at the end, so that nothing plays before all is loaded.",
        ),
        (
            described(video(), brand="qt  "),
            FRONT,
            "The streams can stay, but QuickTime and 3GP are not MP4 to every player.",
        ),
        (
            described(video(), audio(channels=0)),
            FRONT,
            "It has a sound track that nothing can play; it is left out.",
        ),
        (
            described(video(), audio("")),
            FRONT,
            "It has a sound track that nothing can play; it is left out.",
        ),
        (
            described(video(), video()),
            FRONT,
            "It has more than one picture; the one that players show is kept.",
        ),
    ],
)
def test_the_reason_is_a_sentence_for_whoever_asks(probe: Probe, layout: Layout | None, reason: str) -> None:
    assert planned(probe, layout).reason == reason


def test_actions_are_ordered_by_their_cost() -> None:
    assert sorted(Action, key=lambda action: action.cost) == [
        Action.SEND,
        Action.REMUX,
        Action.AUDIO,
        Action.FULL,
    ]


def test_what_has_no_picture_has_no_plan() -> None:
    assert plan_conversion(described(audio()), FRONT, size=1000) is None


def test_cover_art_is_no_picture() -> None:
    cover = video("mjpeg", width=3000, height=3000, disposition={"attached_pic": 1})
    assert plan_conversion(described(cover, audio()), FRONT, size=1000) is None
    assert planned(described(cover, video(), audio())).video == 1


@pytest.mark.parametrize(
    ("videos", "taken"),
    [
        ((video(width=160, height=90), video()), 1),
        ((video(), video()), 0),
        ((video(width=160, height=90, disposition={"default": 1}), video()), 0),
        ((video(), video(disposition={"default": 1})), 1),
        ((video(nb_frames="1", disposition={"default": 1}), video(nb_frames="90", width=160, height=90)), 1),
        ((video(nb_frames="2", width=4000), video(nb_frames="3"), video(nb_frames="900")), 1),
        ((video(nb_frames="90", codec_name="", width=0), video(nb_frames="90")), 1),
        ((video(nb_frames="1"), video("bvc2", nb_frames="90", codec_name="")), 1),
        ((video(nb_frames="1"), video(nb_frames="1", width=4000)), 1),
    ],
)
def test_of_several_pictures_the_default_or_largest_that_moves_is_taken(
    videos: tuple[dict[str, object], ...], taken: int
) -> None:
    plan = planned(described(*videos, audio()))
    assert (plan.video, plan.picture.index) == (taken, taken)
    assert plan.action is (Action.REMUX if videos[taken]["codec_name"] else Action.FULL)


def test_the_default_track_comes_first_and_unknown_ones_are_left_out() -> None:
    unknown = {"codec_type": "audio", "channels": 0}
    default = audio("ac3", disposition={"default": 1})
    nameless = audio("", channels=2)
    plan = planned(described(video(), audio(), unknown, default, nameless))
    assert [(track.index, track.copy) for track in plan.audio] == [(3, False), (1, True)]


def test_times_that_make_no_sense_are_not_gone_by() -> None:
    assert planned(described(video())).times_trusted
    assert not planned(described(video(), duration="1e9")).times_trusted
    assert not planned(described(video(), duration="0.5"), size=5).times_trusted


def test_of_a_thousand_subtitles_few_are_taken() -> None:
    plan = planned(described(video(), *[subtitle("subrip") for _ in range(999)]))
    assert plan.subtitles == tuple(range(1, 9))


def test_of_a_thousand_tracks_few_are_taken() -> None:
    plan = planned(described(video(), *[audio() for _ in range(999)]))
    assert len(plan.audio) == 8


def test_only_subtitles_of_text_are_taken() -> None:
    plan = planned(described(video(), subtitle("subrip"), subtitle("dvd_subtitle"), subtitle("ass")))
    assert plan.subtitles == (1, 3)


@pytest.mark.parametrize(
    ("stream", "shown", "encoded"),
    [
        (video(width=640, height=360), Size(640, 360), Size(640, 360)),
        (video(width=641, height=361), Size(641, 361), Size(640, 360)),
        (video(width=720, height=576, sample_aspect_ratio="64:45"), Size(1024, 576), Size(1024, 576)),
        (video(width=720, height=480, sample_aspect_ratio="8:9"), Size(640, 480), Size(640, 480)),
        (
            video(width=1920, height=1080, side_data_list=[{"rotation": -90}]),
            Size(1080, 1920),
            Size(1080, 1920),
        ),
        (video(width=1920, height=1080, tags={"rotate": "180"}), Size(1920, 1080), Size(1920, 1080)),
        (
            video(width=720, height=576, sample_aspect_ratio="16:15", side_data_list=[{"rotation": 90}]),
            Size(576, 768),
            Size(576, 768),
        ),
        (video(width=3840, height=2160), Size(3840, 2160), Size(1920, 1080)),
        (video(width=2160, height=3840), Size(2160, 3840), Size(1080, 1920)),
        (video(width=16_000, height=1000), Size(16_000, 1000), Size(4096, 256)),
        (video(width=100, height=8192), Size(100, 8192), Size(50, 4096)),
        (video(width=1, height=1), Size(1, 1), Size(2, 2)),
        (video(width=8000, height=2), Size(8000, 2), Size(4096, 2)),
    ],
)
def test_sizes(stream: dict[str, object], shown: Size, encoded: Size) -> None:
    picture = planned(described(stream)).picture
    assert display_size(picture) == shown
    assert encode_size(picture, max_height=1080) == encoded


@pytest.mark.parametrize(
    ("tag", "turned"), [("90", 270), ("-90", 90), ("45", 0), ("--90", 0), ("²", 0), ("upright", 0)]
)
def test_whoever_wrote_an_odd_rotation_into_a_file_does_not_make_it_unreadable(tag: str, turned: int) -> None:
    assert planned(described(video(tags={"rotate": tag}))).picture.rotation == turned


def filters(stream: dict[str, object], features: Features = ALL) -> str:
    picture = planned(described(stream)).picture
    return video_filters(picture, settings=EncodeSettings(), features=features)


def test_a_plain_picture_is_only_scaled() -> None:
    assert filters(video("hevc")) == "scale=640:360:flags=bicubic,format=yuv420p,setsar=1"


def test_interlaced_pictures_are_deinterlaced_before_they_are_scaled() -> None:
    assert filters(video("mpeg2video", field_order="tt")).startswith(
        "bwdif=mode=send_frame:deint=interlaced,scale="
    )
    assert filters(video("ffv1", field_order="bb")).startswith("bwdif=mode=send_frame:deint=all,")
    assert filters(video("h264", field_order="tt"), FEW).startswith("yadif=")
    assert lead_in(planned(described(video(field_order="tt"))).picture) > 0
    assert lead_in(planned(described(video())).picture) == 0


def test_hdr_is_tone_mapped_with_what_there_is() -> None:
    pq = video("hevc", color_transfer="smpte2084")
    assert "tonemap=" in filters(pq)
    assert "zscale" in filters(pq)
    assert "zscale" not in filters(pq, FEW)
    assert "lutrgb" in filters(pq, FEW)


def test_full_range_and_rgb_become_what_players_expect() -> None:
    assert "out_range=tv" in filters(video("mjpeg", pix_fmt="yuvj420p"))
    assert "out_color_matrix=bt709" in filters(video("gif", pix_fmt="bgra"))
    assert "range" not in filters(video("hevc"))


def test_threads_and_quality_are_written_down() -> None:
    picture = planned(described(video("hevc"))).picture
    settings = EncodeSettings(crf=19, preset="slow", threads=3)
    options = video_options(picture, settings=settings, features=ALL, encoder="libx264")
    assert {"threads": "3", "crf": "19", "preset": "slow", "c:v": "libx264"}.items() <= options.items()
    hardware = video_options(picture, settings=settings, features=ALL, encoder="h264_vaapi")
    assert "crf" not in hardware
    assert int(hardware["b:v"]) >= 500_000


@pytest.mark.parametrize(
    ("base", "kept"),
    [
        ("1/1000", "1/1000"),
        ("1001/24000", "1001/24000"),
        ("1/90000", "1/90000"),
        ("1/1000000000", "1/1000000"),
    ],
)
def test_times_are_kept_in_the_sources_own_unit_where_mp4_can(base: str, kept: str) -> None:
    assert output_time_base(planned(described(video("vp9", time_base=base))).picture) == Fraction(kept)


@pytest.mark.parametrize(
    ("probe", "way"),
    [
        (described(video("hevc")), "exact"),
        (described(video("vp8"), container="matroska,webm"), "decoded"),
        (described(video("gif"), container="gif"), "single"),
        (described(video("hevc"), duration="143165"), "tolerant"),
    ],
)
def test_how_a_source_is_read_first(probe: Probe, way: str) -> None:
    assert first_way(planned(probe)) == way


@pytest.mark.parametrize("text", [b"", b"{}", b'{"streams": []}'])
def test_an_empty_description_is_a_file_without_streams(text: bytes) -> None:
    probe = parse_probe(text)
    assert (probe.video, probe.audios, probe.duration) == (None, (), 0)


def test_odd_values_in_a_description_are_survived() -> None:
    odd = video(
        time_base="0/0", sample_aspect_ratio="N/A", avg_frame_rate="0/0", r_frame_rate="1000/0", width=0
    )
    picture = described(odd, duration="N/A").video
    assert picture is not None
    assert (picture.sample_aspect, picture.frame_rate, picture.width) == (Fraction(1), None, 0)
    assert picture.time_base > 0
