"""Pictures and sounds small enough for a page, as data URIs: WebP and FLAC. Leaves out which are shown."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokeff.media.resampling import resample

MAX_WIDTH, MAX_HEIGHT = 300, 240
CROP = 192
STRIP_FRAMES, STRIP_HEIGHT = 5, 110
SECONDS, MAX_RATE_HZ = 3.0, 24_000
FLOOR_DB = 80.0
HEAT = np.array([(13, 8, 60), (84, 20, 110), (170, 50, 100), (240, 110, 60), (252, 230, 140)], dtype=np.float64)
"""Colours from silence to full level, dark to light."""


def reduced(pixels: Tensor) -> NDArray[np.uint8]:
    """[channels, height, width] -> [h, w, 3], fitted into MAX_WIDTH x MAX_HEIGHT."""
    from PIL import Image

    picture = Image.fromarray(_rgb(pixels))
    picture.thumbnail((MAX_WIDTH, MAX_HEIGHT), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def centre(pixels: Tensor) -> NDArray[np.uint8] | None:
    """[channels, height, width] -> its middle as it is; None for a picture that is hardly reduced."""
    _, height, width = pixels.shape
    if width <= 1.5 * MAX_WIDTH and height <= 1.5 * MAX_HEIGHT:
        return None
    top, left = max(0, (height - CROP) // 2), max(0, (width - CROP) // 2)
    return _rgb(pixels[:, top : top + CROP, left : left + CROP])


def strip(frames: Sequence[Tensor]) -> NDArray[np.uint8]:
    """Frames [3, height, width] side by side, STRIP_HEIGHT high."""
    from PIL import Image

    pictures = [Image.fromarray(_rgb(frame)) for frame in frames]
    widths = [max(1, round(picture.width * STRIP_HEIGHT / picture.height)) for picture in pictures]
    resized = [np.asarray(p.resize((w, STRIP_HEIGHT))) for p, w in zip(pictures, widths, strict=True)]
    gap = np.full((STRIP_HEIGHT, 4, 3), 128, dtype=np.uint8)
    return np.concatenate([part for picture in resized for part in (picture, gap)][:-1], axis=1)


def picture_uri(pixels: NDArray[np.uint8], quality: int = 88) -> str:
    """[height, width, 3] as WebP."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", quality=quality, method=4)
    return _uri("image/webp", out.getvalue())


def excerpt(samples: Tensor, rate_hz: int) -> tuple[Tensor, int]:
    """[channels, n] -> the first SECONDS, one channel [n], at most MAX_RATE_HZ; and the rate."""
    mono = samples[:, : int(SECONDS * rate_hz)].mean(dim=0, keepdim=True)
    if rate_hz > MAX_RATE_HZ:
        return resample(mono, rate_hz, MAX_RATE_HZ)[0], MAX_RATE_HZ
    return mono[0], rate_hz


def sound_uri(mono: Tensor, rate_hz: int) -> str:
    """[n] samples as 16-bit FLAC, which every browser plays."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, mono.clamp(-1, 1).numpy(), rate_hz, format="FLAC", subtype="PCM_16")
    return _uri("audio/flac", out.getvalue())


def spectrogram(mono: Tensor) -> NDArray[np.uint8]:
    """[n] samples -> [height, width, 3]: time to the right, frequency upwards, 80 dB from dark to light."""
    window = torch.hann_window(512)
    padded = torch.nn.functional.pad(mono, (0, max(0, 512 - len(mono))))
    hop = max(64, len(padded) // 300)
    power = torch.stft(padded, 512, hop, window=window, return_complex=True).abs().square()
    levels = 10 * torch.log10(power / window.square().sum() + 1e-12)
    heat = ((levels + FLOOR_DB) / FLOOR_DB).clamp(0, 1).flip(0)[::2].numpy()
    places = np.linspace(0, 1, len(HEAT))
    return np.stack([np.interp(heat, places, HEAT[:, c]) for c in range(3)], axis=-1).round().astype(np.uint8)


def _rgb(pixels: Tensor) -> NDArray[np.uint8]:
    whole = pixels.expand(3, -1, -1) if pixels.shape[0] == 1 else pixels
    return np.ascontiguousarray(whole.permute(1, 2, 0).numpy())


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
