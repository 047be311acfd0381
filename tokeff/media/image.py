"""Pictures: header and pixels, by Pillow, and classical codecs (`image_coding`).

A picture is taken as it is shown: EXIF orientation applied. Grey modes (1, L, 16-bit grey) have one channel, all
others three: a palette is expanded, CMYK and YCbCr become RGB. What is lost is said in the header's notes: alpha is
dropped (not blended), 16 bits become the upper 8, of an animation or a file of several pages only the first is taken.
Leaves out colour profiles (pixel values are taken as they are), HEIC and JPEG XL (refused as `unsupported`).
"""

import logging
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal

import numpy as np
import torch
from PIL import ExifTags, Image

from tokeff.errors import ItemError
from tokeff.media.containers import HEAD_BYTES, container
from tokeff.media.image_coding import Codec, decode_bytes, encode
from tokeff.records.headers import ImageHeader
from tokeff.records.signals import ImageSignal

__all__ = ["MAX_PIXELS", "Codec", "decode", "decode_bytes", "encode", "read_header"]

MAX_PIXELS = 178_956_970
"""Pillow's own bound against decompression bombs: half a gigabyte of RGB."""
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "QOI")
"""Readers that may be tried; Pillow's others start programs or read vector graphics."""
GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"}
ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa"}
DEEP_FORMATS = {"PNG", "PPM"}
"""Formats whose mode `I` means 16 bits; elsewhere it is 32 bits without a known range."""
PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    RuntimeError,
    struct.error,
)
"""What Pillow's readers raise for damaged files."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow logs each damaged file; without a handler of the program's own, Python would print that.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def read_header(stream: BinaryIO) -> ImageHeader:
    """Size and channels without decoding. Raises ItemError: `empty_file`, `corrupt`, `too_large`, `unsupported`."""
    with _pillow(), _open(stream) as picture:
        return _header(picture, _orientation(picture))


def decode(stream: BinaryIO) -> ImageSignal:
    """The pixels: uint8 [channels, height, width]. Raises ItemError, also `truncated`."""
    with _pillow(), _open(stream) as picture:
        orientation = _orientation(picture)
        header = _header(picture, orientation)
        with _silent(picture.format == "TIFF"):
            picture.load()
        eight_bits = _eight_bits(picture, "L" if header.channels == 1 else "RGB")
        if orientation in TURNS:
            eight_bits = eight_bits.transpose(TURNS[orientation])
        if eight_bits.size != (header.width, header.height):
            expected = f"{header.width}x{header.height}, as the header says"
            raise ItemError("corrupt", "the picture has another size", got=eight_bits.size, expected=expected)
        pixels = np.array(eight_bits).reshape(header.height, header.width, header.channels)
    return ImageSignal(header=header, pixels=torch.from_numpy(pixels).permute(2, 0, 1).contiguous())


def _open(stream: BinaryIO) -> Image.Image:
    head = stream.read(HEAD_BYTES)
    if not head:
        raise ItemError("empty_file", "the picture has no bytes")
    kind = container(head)
    if kind is not None and kind.name in ("HEIF", "JXL"):
        fix = "Convert it to PNG or WebP, losslessly."
        raise ItemError("unsupported", f"{kind.name} pictures cannot be read", expected=", ".join(FORMATS), fix=fix)
    stream.seek(0)
    return Image.open(stream, formats=FORMATS)


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation that is still to be applied: Pillow's TIFF reader applies it itself.

    Read as the file was opened: PNG's own `getexif` would decode the picture to look behind the pixels.
    """
    if picture.format == "TIFF":
        return 1
    orientation = Image.Image.getexif(picture).get(ExifTags.Base.Orientation, 1)
    return orientation if isinstance(orientation, int) else 1


def _header(picture: Image.Image, orientation: int) -> ImageHeader:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large(f"{width} x {height}")
    if width * height == 0:
        raise ItemError("corrupt", "the picture has no pixels", got=f"{width} x {height}")
    if picture.mode == "F" or (picture.mode == "I" and picture.format not in DEEP_FORMATS) or picture.mode == "LAB":
        fix = "Convert it to 8 or 16 bits of grey or RGB: only you know the range of its values."
        raise ItemError("unsupported", "samples without a known range", got=f"mode {picture.mode}", fix=fix)
    channels: Literal[1, 3] = 1 if picture.mode in GREY_MODES else 3
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    notes = tuple(_notes(picture))
    return ImageHeader(width=width, height=height, channels=channels, container=picture.format or "", notes=notes)


def _notes(picture: Image.Image) -> Iterator[str]:
    if picture.mode in ALPHA_MODES or "transparency" in picture.info:
        yield "alpha dropped"
    if picture.mode.startswith("I") or any(";16" in str(tile) for tile in getattr(picture, "tile", ())):
        yield "16 bits reduced to 8"
    if picture.mode in ("P", "PA"):
        yield "palette expanded"
    if picture.mode in ("CMYK", "YCbCr", "HSV"):
        yield f"{picture.mode} converted to RGB"
    if getattr(picture, "is_animated", False):
        yield "first of several frames"


def _eight_bits(picture: Image.Image, mode: Literal["L", "RGB"]) -> Image.Image:
    picture.info.pop("transparency", None)  # else Pillow warns, or blends
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))
    if picture.mode in ("La", "RGBa"):
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA")
    return picture if picture.mode == mode else picture.convert(mode)


@contextmanager
def _pillow() -> Iterator[None]:
    """Pillow's warnings kept in and its errors translated. Its own bound warns at half of ours, which is no fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except ItemError:
            raise
        except Image.DecompressionBombError as error:
            raise _too_large(str(error)) from error
        except PILLOW_ERRORS as error:
            if getattr(error, "errno", None) is not None:
                raise
            truncated = isinstance(error, EOFError) or "truncat" in str(error).lower()
            what = "the picture ends early" if truncated else "the picture cannot be decoded"
            reason = "truncated" if truncated else "corrupt"
            raise ItemError(reason, what, got=f"{type(error).__name__}: {error}") from error


@contextmanager
def _silent(is_needed: bool) -> Iterator[None]:
    """libtiff writes of damaged files to the process's standard error, past Python. Others write nothing."""
    if not is_needed:
        yield
        return
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _too_large(got: str) -> ItemError:
    fix = "Cut it into tiles, or scale it down."
    return ItemError("too_large", "the picture is too large", got=got, expected=f"at most {MAX_PIXELS} pixels", fix=fix)
