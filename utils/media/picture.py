"""From the source's picture to the encoder's: filters and options. Pure."""

from __future__ import annotations

from fractions import Fraction

from utils.media.geometry import encode_size
from utils.media.probe import VideoStream
from utils.media.settings import EncodeSettings
from utils.media.tools import Features

#: Frames that the deinterlacer looks back on; decoded before a segment and thrown away.
DEINTERLACE_LEAD_IN = 8
#: Codecs whose decoders mark each frame as interlaced or not, so that progressive ones stay as they are.
_MARKS_FRAMES = {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "dvvideo"}

#: Codecs whose alpha is meant. In raw and captured pictures it is often a byte that was left over.
_MEANT = {"apng", "png", "prores", "qtrle", "vp8", "vp9", "cfhd", "hap", "ffv1", "magicyuv", "utvideo"}
#: How the names of pixel formats begin in which something may be transparent.
_YUV_ALPHA = "yuva"
_RGB_ALPHA = ("rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8")

#: Peak brightness of standard white in nits: https://www.itu.int/pub/R-REP-BT.2408
_WHITE_NITS = 203
_BT709 = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def lead_in(video: VideoStream) -> int:
    """Frames that its filters need before the first one of a segment."""
    return DEINTERLACE_LEAD_IN if video.interlaced else 0


def video_filters(video: VideoStream, *, settings: EncodeSettings, features: Features) -> str:
    """The filters between decoder and encoder, as ffmpeg's -vf takes them.

    ffmpeg itself turns a rotated picture upright before the first of them.
    """
    size = encode_size(video, max_height=settings.max_height)
    chain = [*_on_white(video), *_deinterlace(video, features)]
    if video.hdr:
        chain += [f"scale={size.width}:{size.height}:flags=bicubic", *_tone_map(video, features)]
    else:
        chain.append(f"scale={size.width}:{size.height}:flags=bicubic{_range_and_matrix(video)}")
    return ",".join([*chain, "format=yuv420p", "setsar=1", *_colour_tags(video)])


def video_options(
    video: VideoStream, *, settings: EncodeSettings, features: Features, encoder: str
) -> dict[str, str]:
    """The options of the encoder, all of them; threads are pinned since they change the bytes."""
    options = {
        "c:v": encoder,
        "threads": str(settings.threads),
        "vf": video_filters(video, settings=settings, features=features),
    }
    if encoder == "libx264":
        options |= {"crf": str(settings.crf), "preset": settings.preset}
        # Looking ahead in a thread of its own, x264 sometimes decides about the last frames of a segment
        # otherwise: one run in fifteen, measured on a busy machine. Without, never.
        options["x264-params"] = "sync-lookahead=0"
    else:
        options |= {"b:v": str(_bitrate(video, settings))}
    return options


def output_time_base(video: VideoStream) -> Fraction:
    """Times of the result are whole numbers of this: the source's own, as far as MP4 can hold it."""
    if video.time_base.denominator <= 1_000_000:
        return video.time_base
    return Fraction(1, 1_000_000)


def _on_white(video: VideoStream) -> list[str]:
    """What is transparent on white, as ffmpeg's decoder of GIF and Pillow's of WebP give it already."""
    if video.codec not in _MEANT or video.hdr:
        return []
    if video.pixel_format.startswith(_YUV_ALPHA):
        grey = "(maxval+minval)/2"
        alpha, white, flat = "yuva420p", f"lutyuv=y=maxval:u={grey}:v={grey}:a=maxval", "yuv420"
    elif video.pixel_format.startswith(_RGB_ALPHA):
        alpha, white, flat = "rgba", "lutrgb=r=255:g=255:b=255:a=255", "gbrp"
    else:
        return []
    return [f"format={alpha},split[over][under];[under]{white}[white];[white][over]overlay=format={flat}"]


def _deinterlace(video: VideoStream, features: Features) -> list[str]:
    if not video.interlaced:
        return []
    name = "bwdif" if "bwdif" in features.filters else "yadif"
    which = "interlaced" if video.codec in _MARKS_FRAMES else "all"
    return [f"{name}=mode=send_frame:deint={which}"]


def _range_and_matrix(video: VideoStream) -> str:
    """Full range and RGB become what every player expects: limited range, BT.709 for RGB."""
    if _is_rgb(video):
        return ":out_range=tv:out_color_matrix=bt709"
    return ":out_range=tv" if _is_full_range(video) else ""


def _colour_tags(video: VideoStream) -> list[str]:
    """What the result says about its colours where the filters before have changed them.

    Said of the frames, since encoders of ffmpeg 8 and later no longer heed options that say otherwise.
    """
    if video.hdr or _is_rgb(video):
        return [f"setparams={_BT709}"]
    return ["setparams=range=tv"] if _is_full_range(video) else []


def _tone_map(video: VideoStream, features: Features) -> list[str]:
    """HDR to BT.709.

    With zscale (zimg) in linear light. Where ffmpeg was built without it, by curves on each channel: the
    brightness comes out right, colours that BT.709 does not have come out a little pale.
    """
    if {"zscale", "tonemap"} <= features.filters:
        return [
            f"zscale=tin={video.color_transfer}:min=bt2020nc:pin=bt2020:rin={_range_name(video)}"
            f":t=linear:npl={_WHITE_NITS}",
            "format=gbrpf32le",
            "zscale=p=bt709",
            # White paper of 203 nits becomes 61 % of the light, as in pictures made for such screens.
            "tonemap=tonemap=reinhard:param=0.6:desat=0",
            "zscale=t=bt709:m=bt709:p=bt709:r=tv",
        ]
    curve = _pq_curve() if video.color_transfer == "smpte2084" else _hlg_curve()
    return [
        "scale=in_color_matrix=bt2020:out_range=pc",
        "format=gbrp12le",
        f"lutrgb=r='{curve}':g='{curve}':b='{curve}'",
        "scale=out_color_matrix=bt709:out_range=tv",
    ]


def _pq_curve() -> str:
    """PQ (SMPTE ST 2084) to linear light, compressed (Reinhard), to BT.709's gamma, as an expression."""
    power = "pow(clipval/maxval,1/78.84375)"
    linear = (
        f"(10000/{_WHITE_NITS}*pow(max({power}-0.8359375,0)/(18.8515625-18.6875*{power}),1/0.1593017578125))"
    )
    return f"clip(maxval*pow({linear}/(1+0.75*{linear}),1/2.2),0,maxval)"


def _hlg_curve() -> str:
    """HLG (ARIB STD-B67) looks right by itself but for its highlights, which are compressed."""
    return "clip(maxval*pow(clipval/maxval,0.95),0,maxval)"


def _range_name(video: VideoStream) -> str:
    return "pc" if _is_full_range(video) else "tv"


def _is_full_range(video: VideoStream) -> bool:
    return video.color_range == "pc" or video.pixel_format.startswith("yuvj")


def _is_rgb(video: VideoStream) -> bool:
    return video.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8"))


def _bitrate(video: VideoStream, settings: EncodeSettings) -> int:
    """For hardware encoders, few of which know a constant quality: about a tenth of a bit a pixel."""
    size = encode_size(video, max_height=settings.max_height)
    rate = float(video.frame_rate or 30)
    return max(500_000, int(size.width * size.height * min(rate, 60) * 0.1))
