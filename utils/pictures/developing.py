"""A camera's raw file developed, where there is no picture in it to be shown. Runs in a child.

By LibRaw: https://www.libraw.org
"""

from __future__ import annotations

import io
from typing import BinaryIO

from utils.pictures.limits import KEPT_SIDE, MAX_PIXELS
from utils.pictures.opening import judged, require_memory, require_pixels, size_of
from utils.pictures.protocol import Undecoded, Why

#: Bytes a pixel of the sensor, beside the file: of one colour for four of them, and of three for each.
_HALVED, _WHOLE = 6, 16


def developed(file: BinaryIO, memory: int) -> BinaryIO:
    """The picture, upright and in sRGB, as a PPM in memory. Raises :class:`Undecoded`."""
    try:
        import rawpy
    except ImportError as error:
        raise Undecoded(Why.NO_PREVIEW) from error
    needed = size_of(file)
    file.seek(0)
    try:
        with rawpy.imread(file) as raw:
            sizes = raw.sizes
            sensor = (max(sizes.raw_width, sizes.width), max(sizes.raw_height, sizes.height))
            require_pixels(sensor, MAX_PIXELS)
            pixels = sensor[0] * sensor[1]
            whole = needed + _WHOLE * pixels
            halved = whole > memory or max(sizes.width, sizes.height) >= 2 * KEPT_SIDE
            needed = needed + _HALVED * pixels if halved else whole
            require_memory(sensor, needed, memory)
            shown = raw.postprocess(
                half_size=halved,
                use_camera_wb=True,
                output_bps=8,
                demosaic_algorithm=rawpy.DemosaicAlgorithm.PPG,
            )
    except Undecoded:
        raise
    except Exception as error:
        found = judged(error, needed, memory)
        # What it cannot read is of a kind that it does not know, as likely as it is damaged.
        unknown = found.why in (Why.DAMAGED, Why.KIND, Why.CUT_OFF)
        raise (Undecoded(Why.NO_PREVIEW) if unknown else found) from error
    height, width, bands = shown.shape
    return io.BytesIO(b"P%d %d %d 255\n" % (6 if bands == 3 else 5, width, height) + shown.tobytes())
