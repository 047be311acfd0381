import io
import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tokeff.errors import ItemError
from tokeff.media import image

SAVE_OPTIONS: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"speed": 10}}
MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "WEBP": ["RGB", "RGBA"],
    "GIF": ["L", "P"],
    "BMP": ["1", "L", "P", "RGB"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"],
    "AVIF": ["RGB", "RGBA"],
    "JPEG2000": ["L", "RGB", "RGBA"],
    "PPM": ["1", "L", "RGB"],
    "QOI": ["RGB", "RGBA"],
}
CASES = [(container, mode) for container, modes in MODES.items() for mode in modes]


def drawn(width: int, height: int, mode: str, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (height, width), dtype=np.uint16))
    return Image.fromarray(rng.integers(0, 256, (height, width, 4), dtype=np.uint8)).convert(mode)


def saved(picture: Image.Image, container: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, container, **SAVE_OPTIONS.get(container, {}), **options)
    return buffer.getvalue()


def reason_of(data: bytes) -> str:
    with pytest.raises(ItemError) as refusal:
        image.decode(io.BytesIO(data))
    return refusal.value.reason


@pytest.mark.parametrize(("container", "mode"), CASES)
@settings(max_examples=6, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 8))
def test_header_agrees_with_decode(container: str, mode: str, width: int, height: int, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    options = {"exif": exif} if container in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF") else {}
    picture = drawn(width, height, mode)
    data = saved(picture, container, **options)
    header = image.read_header(io.BytesIO(data))
    signal = image.decode(io.BytesIO(data))
    assert signal.header == header
    assert signal.pixels.shape == (header.channels, header.height, header.width)
    assert signal.pixels.dtype == torch.uint8
    assert header.raw_bytes == signal.pixels.numel()
    turned = orientation >= 5 and bool(options)
    assert (header.width, header.height) == ((height, width) if turned else (width, height))
    assert header.container == container


@pytest.mark.parametrize("container", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_turns_the_pixels_as_pillow_does(container: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    picture = drawn(5, 3, "RGB")
    oracle = picture.copy()
    oracle.getexif()[274] = orientation
    expected = np.array(ImageOps.exif_transpose(oracle))
    signal = image.decode(io.BytesIO(saved(picture, container, exif=exif)))
    assert np.array_equal(signal.pixels.permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_lossless_pixels_are_the_same(mode: str) -> None:
    picture = drawn(9, 7, mode)
    signal = image.decode(io.BytesIO(saved(picture, "PNG")))
    expected = np.array(picture.convert("L" if mode != "RGB" else "RGB")).reshape(7, 9, -1)
    assert np.array_equal(signal.pixels.permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize(
    ("mode", "container", "channels", "note"),
    [
        ("LA", "PNG", 1, "alpha dropped"),
        ("RGBA", "WEBP", 3, "alpha dropped"),
        ("I;16", "PNG", 1, "16 bits reduced to 8"),
        ("I;16", "TIFF", 1, "16 bits reduced to 8"),
        ("P", "PNG", 3, "palette expanded"),
        ("CMYK", "JPEG", 3, "CMYK converted to RGB"),
    ],
)
def test_what_is_lost_is_noted(mode: str, container: str, channels: int, note: str) -> None:
    header = image.read_header(io.BytesIO(saved(drawn(6, 5, mode), container)))
    assert header.channels == channels
    assert note in header.notes


def test_alpha_is_dropped_not_blended() -> None:
    picture = Image.new("RGBA", (2, 2), (200, 100, 50, 0))
    pixels = image.decode(io.BytesIO(saved(picture, "PNG"))).pixels
    assert pixels[:, 0, 0].tolist() == [200, 100, 50]


def test_a_palette_with_transparency_gives_no_warning() -> None:
    picture = drawn(6, 5, "P")
    header = image.decode(io.BytesIO(saved(picture, "PNG", transparency=bytes(range(256))))).header
    assert header.notes == ("alpha dropped", "palette expanded")


def test_sixteen_bits_become_the_upper_eight() -> None:
    values = np.array([[0, 255, 256, 65535]], dtype=np.uint16)
    pixels = image.decode(io.BytesIO(saved(Image.fromarray(values), "PNG"))).pixels
    assert pixels.tolist() == [[[0, 0, 1, 255]]]


def test_sixteen_bit_rgb_is_noted() -> None:
    rows = b"".join(b"\0" + bytes(range(12)) for _ in range(2))  # filter byte, then 2 pixels of 3 x 16 bits
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    signal = image.decode(io.BytesIO(data))
    assert signal.header.notes == ("16 bits reduced to 8",)
    assert signal.pixels[:, 0].tolist() == [[0, 6], [2, 8], [4, 10]]


@pytest.mark.parametrize("container", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(container: str) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "lime")]
    data = saved(frames[0], container, save_all=True, append_images=frames[1:])
    signal = image.decode(io.BytesIO(data))
    assert "first of several frames" in signal.header.notes
    assert signal.pixels[:, 3, 3].tolist() == [255, 0, 0]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    with pytest.raises(ItemError, match="at most 178956970 pixels") as refusal:
        image.read_header(io.BytesIO(bomb(20_000, 20_000)))
    assert refusal.value.reason == "too_large"
    assert image.read_header(io.BytesIO(bomb(10_000, 10_000))).width == 10_000  # Pillow warns here; that is no fault


def test_what_pillow_cannot_read_is_unsupported() -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    assert reason_of(heic) == "unsupported"
    assert reason_of(b"\xff\x0a" + bytes(64)) == "unsupported"  # JPEG XL
    assert reason_of(saved(drawn(3, 3, "L").convert("F"), "TIFF")) == "unsupported"


def test_no_bytes_and_no_picture() -> None:
    assert reason_of(b"") == "empty_file"
    assert reason_of(bytes(1000)) == "corrupt"


@pytest.mark.parametrize("container", list(MODES))
def test_a_cut_picture_is_refused_or_complete(container: str) -> None:
    data = saved(drawn(33, 21, "RGB" if container != "GIF" else "P"), container)
    whole = image.decode(io.BytesIO(data))
    reasons = []
    for cut in (*range(0, len(data), max(1, len(data) // 60)), *range(max(0, len(data) - 16), len(data))):
        try:
            part = image.decode(io.BytesIO(data[:cut]))
        except ItemError as refusal:
            reasons.append(refusal.reason)
        else:
            assert torch.equal(part.pixels, whole.pixels), f"cut after {cut} of {len(data)} bytes"
    assert len(reasons) >= 50
    assert set(reasons) <= {"empty_file", "truncated", "corrupt"}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CASES), st.data())
def test_flipped_bits_raise_nothing_but_item_errors(case: tuple[str, str], data: st.DataObject) -> None:
    container, mode = case
    bad = bytearray(saved(drawn(17, 12, mode), container))
    for place in data.draw(st.lists(st.integers(0, len(bad) - 1), min_size=1, max_size=4)):
        bad[place] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(ItemError):
        header = image.read_header(io.BytesIO(bytes(bad)))
        signal = image.decode(io.BytesIO(bytes(bad)))
        assert header.raw_bytes == signal.pixels.numel()


def test_damaged_pictures_write_nothing_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    lzw = saved(drawn(40, 30, "RGB"), "TIFF", compression="tiff_lzw")
    damaged = [lzw[: len(lzw) // 2], lzw[:300] + bytes(400) + lzw[700:]]
    damaged += [saved(drawn(40, 30, mode), container)[:200] for container, mode in CASES]
    for data in damaged:
        with suppress(ItemError):
            image.decode(io.BytesIO(data))
    assert capfd.readouterr() == ("", "")
