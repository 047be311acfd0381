"""Sizes of lossless files as kept libraries write them: what our own code lengths can be checked against.

Leaves out decoding: these libraries are trusted to be lossless.
"""

import io
import lzma
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from torch import Tensor

from tokeff.media.audio import encode as encode_audio
from tokeff.media.image import encode as encode_image
from tokeff.records.signals import AudioSignal, ImageSignal


def image_bytes(signal: ImageSignal) -> dict[str, int]:
    """A picture as PNG (optimised) and WebP lossless (method 6), and as JPEG XL (effort 7) where the extra is there.

    Not as AVIF: what Pillow writes at quality 100 in 4:4:4 goes through YCbCr and comes back up to two levels away.
    """
    sizes = {"png": len(encode_image(signal, "png")), "webp_lossless": len(encode_image(signal, "webp-lossless"))}
    return sizes | _jpeg_xl(signal)


def _jpeg_xl(signal: ImageSignal) -> dict[str, int]:
    if find_spec("pillow_jxl") is None:
        return {}
    from PIL import Image

    import_module("pillow_jxl")  # registers the format with Pillow
    pixels, out = signal.pixels.permute(1, 2, 0).cpu().numpy(), io.BytesIO()
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    picture.save(out, "JXL", lossless=True, effort=7)
    return {"jpeg_xl": len(out.getvalue())}


def audio_bytes(signal: AudioSignal) -> dict[str, int]:
    """A recording as FLAC at its highest level, without metadata."""
    return {"flac": len(encode_audio(signal, "flac"))}


def text_bytes(data: bytes) -> dict[str, int]:
    """A text under zstd at level 19 and xz at level 9."""
    import zstandard

    return {
        "zstd_19": len(zstandard.ZstdCompressor(level=19).compress(data)),
        "xz_9": len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)),
    }


def video_bytes(frames: Iterable[Tensor]) -> dict[str, int]:
    """Frames, uint8 [1, 3, height, width] each, as FFV1 in RGB (bgr0), packets only."""
    import av

    n_bytes, stream = 0, None
    with av.open(io.BytesIO(), "w", format="matroska") as container:
        for frame in frames:
            pixels = frame[0].permute(1, 2, 0).contiguous().numpy()
            if stream is None:
                stream = container.add_stream("ffv1", rate=25, options={"level": "3", "coder": "1", "context": "1"})
                stream.height, stream.width, stream.pix_fmt = pixels.shape[0], pixels.shape[1], "bgr0"
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            n_bytes += sum(packet.size for packet in stream.encode(picture))
        if stream is not None:
            n_bytes += sum(packet.size for packet in stream.encode(None))
    return {"ffv1": n_bytes}
