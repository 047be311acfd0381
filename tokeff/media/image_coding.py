"""Pictures as the bytes of a JPEG, WebP or PNG file, and back, by Pillow. Leaves out files of a corpus (`image`)."""

import io
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from tokeff.errors import ItemError
from tokeff.records.headers import ImageHeader
from tokeff.records.signals import ImageSignal

Codec = Literal["jpeg", "webp", "webp-lossless", "png"]

MAX_SIDE = {"jpeg": 65_500, "webp": 16_383, "webp-lossless": 16_383, "png": 2**31 - 1}
"""What libjpeg, WebP (RFC 9649 section 2.5) and PNG can hold."""


def encode(signal: ImageSignal, codec: Codec, quality: int | None = None) -> bytes:
    """The bytes of the whole file, without metadata: with a container of some tens to hundreds of bytes.

    `quality` 0-100 (JPEG 1-95 is sensible) is for `jpeg` (4:2:0, Huffman tables fitted) and `webp`, and only them.
    WebP has no greyscale: a grey picture is stored as RGB. Raises ItemError `unsupported` where a side is too long;
    ValueError for a quality that is missing or has no meaning.
    """
    if (codec in ("jpeg", "webp")) != (quality is not None):
        raise ValueError(f"{codec} with quality={quality}: jpeg and webp need a quality, the lossless ones have none")
    if quality is not None and not 0 <= quality <= 100:
        raise ValueError(f"quality is 0 to 100, got {quality}")
    sides = signal.header.height, signal.header.width
    if max(sides) > MAX_SIDE[codec]:
        raise ItemError("unsupported", f"{codec} cannot hold this picture", got=sides, expected=f"<= {MAX_SIDE[codec]}")
    pixels = signal.pixels.permute(1, 2, 0).contiguous().numpy()
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    options: dict[Codec, dict[str, Any]] = {
        "jpeg": {"format": "JPEG", "quality": quality, "optimize": True},
        "webp": {"format": "WEBP", "quality": quality, "method": 4},
        "webp-lossless": {"format": "WEBP", "lossless": True, "quality": 75, "method": 4, "exact": True},
        "png": {"format": "PNG", "optimize": True},
    }
    buffer = io.BytesIO()
    picture.save(buffer, **options[codec])
    return buffer.getvalue()


def decode_bytes(data: bytes, header: ImageHeader) -> ImageSignal:
    """The picture in what `encode` gave, with the channels of `header`, the original's. Raises ItemError `corrupt`."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            pixels = np.array(picture.convert("L" if header.channels == 1 else "RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise ItemError("corrupt", "these bytes are not a picture", got=f"{error}") from error
    if pixels.shape[:2] != (header.height, header.width):
        raise ItemError("corrupt", "another size", got=pixels.shape[:2], expected=(header.height, header.width))
    shaped = pixels.reshape(header.height, header.width, header.channels)
    return ImageSignal(header=header, pixels=torch.from_numpy(shaped).permute(2, 0, 1).contiguous())
