"""The least work, whatever ffprobe says of a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.drawn import any_text
from tests.media.test_plan import MP4, audio, described, subtitle, video
from utils.media.boxes import Layout
from utils.media.plan import MAX_TRACKS, Action, plan_conversion
from utils.media.probe import Probe, VideoStream

tags = st.dictionaries(st.sampled_from(["rotate", "language", "title", "major_brand"]), any_text, max_size=3)
videos = st.builds(
    lambda codec, more: video(codec, **more),
    st.sampled_from(["h264", "h264", "hevc", "vp9", "mjpeg", "", "new"]),
    st.fixed_dictionaries(
        {},
        optional={
            "pix_fmt": st.sampled_from(["yuv420p", "yuvj420p", "yuv420p10le", ""]),
            "width": st.integers(0, 9000),
            "height": st.integers(0, 9000),
            "field_order": st.sampled_from(["tt", "progressive", "unknown"]),
            "sample_aspect_ratio": st.sampled_from(["1:1", "0:1", "64:45", "N/A", "1:0"]),
            "has_b_frames": st.integers(0, 2),
            "color_transfer": st.sampled_from(["bt709", "smpte2084"]),
            "disposition": st.sampled_from([{}, {"attached_pic": 1}, {"default": 1}]),
            "tags": tags,
        },
    ),
)
audios = st.builds(
    lambda codec, more: audio(codec, **more),
    st.sampled_from(["aac", "aac", "mp3", "pcm_s16le", ""]),
    st.fixed_dictionaries(
        {},
        optional={
            "profile": st.sampled_from(["LC", "HE-AAC", "Main"]),
            "channels": st.integers(0, 8),
            "disposition": st.sampled_from([{}, {"default": 1}]),
            "tags": tags,
        },
    ),
)
subtitles = st.builds(subtitle, st.sampled_from(["subrip", "ass", "dvd_subtitle"]))
streams = st.lists(st.one_of(videos, audios, audios, subtitles), max_size=14)
containers = st.sampled_from([MP4, MP4, "matroska,webm", "avi", "mpegts", ""])
brands = st.sampled_from(["isom", "mp42", "qt  ", "3gp4"])
probes = st.builds(
    lambda streams, container, brand, duration: described(
        *streams, container=container, brand=brand, duration=duration
    ),
    streams,
    containers,
    brands,
    st.sampled_from(["10", "0", "N/A", "1e9"]),
)
layouts = st.one_of(
    st.none(),
    st.builds(Layout, index_first=st.booleans(), fragmented=st.booleans(), cut_off=st.booleans()),
)
sizes = st.sampled_from([0, 1000, 10_000_000])


def kind(video: VideoStream) -> tuple[bool, bool]:
    """Whether it is no film, and whether nothing can decode it."""
    return video.still, not (video.codec and video.width and video.height)


@given(probes, layouts, sizes)
def test_what_is_taken_over_is_there_and_what_is_copied_may_stay(
    probe: Probe, layout: Layout | None, size: int
) -> None:
    plan = plan_conversion(probe, layout, size=size)
    if plan is None:
        assert not probe.videos
        return
    assert plan.picture in probe.videos
    best = min(map(kind, probe.videos))
    assert kind(plan.picture) == best
    assert plan.picture.default or all(
        not other.default and plan.picture.width * plan.picture.height >= other.width * other.height
        for other in probe.videos
        if kind(other) == best
    )
    tracks = {audio.index: audio for audio in probe.audios}
    taken = [tracks[track.index] for track in plan.audio]
    assert (
        len(set(plan.audio))
        == len(plan.audio)
        == min(MAX_TRACKS, sum(1 for audio in probe.audios if audio.codec and audio.channels))
    )
    assert [audio.default for audio in taken] == sorted((audio.default for audio in taken), reverse=True)
    for track in plan.audio:
        copied = tracks[track.index]
        assert not track.copy or (copied.codec == "aac" and copied.profile in ("LC", "HE-AAC"))
    assert len(plan.subtitles) <= MAX_TRACKS
    assert plan.reason and plan.reason.endswith(".")
    assert plan.times_trusted or plan.action is Action.FULL


@given(probes, layouts, sizes)
def test_what_is_sent_as_it_is_plays_everywhere(probe: Probe, layout: Layout | None, size: int) -> None:
    plan = plan_conversion(probe, layout, size=size)
    if plan is None or plan.action is not Action.SEND:
        return
    assert plan.picture.codec == "h264" and plan.picture.pixel_format in ("yuv420p", "yuvj420p")
    assert not plan.picture.interlaced and not plan.picture.hdr
    assert max(plan.picture.width, plan.picture.height) <= 4096
    assert probe.container == MP4 and layout is not None
    assert layout.index_first and not layout.fragmented and not layout.cut_off
    assert all(audio.codec == "aac" and audio.channels for audio in probe.audios)
    assert all(track.copy for track in plan.audio)
    assert len(probe.videos) == 1


@given(probes, layouts, sizes, st.data())
def test_a_file_that_is_worse_is_never_less_work(
    probe: Probe, layout: Layout | None, size: int, data: st.DataObject
) -> None:
    plan = plan_conversion(probe, layout, size=size)
    if plan is None:
        return
    worse: list[tuple[Probe, Layout | None]] = [(probe, None)]
    if layout is not None:
        worse.append((probe, replace(layout, index_first=False)))
    picture = plan.picture
    for change in ({"codec": "hevc"}, {"interlaced": True}, {"pixel_format": "yuv444p"}):
        changed: dict[str, Any] = change
        others = tuple(replace(v, **changed) if v is picture else v for v in probe.videos)
        worse.append((replace(probe, videos=others), layout))
    worse.append((replace(probe, audios=(*probe.audios, *described(audio("ac3")).audios)), layout))
    changed_probe, changed_layout = data.draw(st.sampled_from(worse))
    after = plan_conversion(changed_probe, changed_layout, size=size)
    assert after is not None and after.action.cost >= plan.action.cost


@given(tags, tags)
@example({"rotate": "--90"}, {})
@example({"rotate": "45"}, {})
@example({"rotate": "²"}, {})
@example({"rotate": "9" * 5000}, {})
def test_what_somebody_wrote_into_a_file_never_makes_it_unreadable(
    tags: dict[str, str], of_the_sound: dict[str, str]
) -> None:
    probe = described(video(tags=tags), audio(tags=of_the_sound))
    assert probe.video is not None and probe.video.rotation in (0, 90, 180, 270)
