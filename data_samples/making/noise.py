"""Noise with the spectra of nature, and the seeds of everything: the ground that pictures, sounds and clips stand on.

Leaves out what is made of it (`scenes`, `sounds`, `clips`).
"""

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
SEED = 20250101


def generator(name: str) -> np.random.Generator:
    """A generator of its own for each file, so that adding one file changes no other."""
    return np.random.Generator(np.random.PCG64([SEED, zlib.crc32(name.encode())]))


def power_field(rng: np.random.Generator, height: int, width: int, slope: float = 1.0) -> Floats:
    """Periodic noise [height, width] whose amplitude falls as 1/f^slope; mean 0, variance 1.

    Photographs have slopes of about 1 (Field, 1987).
    """
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((height, width))) * frequency**-slope
    field = np.fft.irfft2(spectrum, s=(height, width))
    return np.asarray((field - field.mean()) / field.std())


def power_line(rng: np.random.Generator, n: int, slope: float = 1.0) -> Floats:
    """Periodic noise [n] whose amplitude falls as 1/f^slope; mean 0, variance 1."""
    return np.asarray(power_field(rng, 1, n, slope)[0])


def colour_field(rng: np.random.Generator, height: int, width: int, slope: float, tie: float = 0.85) -> Floats:
    """Noise [height, width, 3] whose channels share the part `tie` of their deviation, as colours of one thing do."""
    shared = power_field(rng, height, width, slope)
    own = [power_field(rng, height, width, slope) for _ in range(3)]
    return np.stack([tie * shared + np.sqrt(1 - tie**2) * field for field in own], axis=-1)


def soften(picture: Floats) -> Floats:
    """A picture [height, width, 3] through a [1 2 1]/4 lens in both directions; edges are repeated."""
    for axis in (0, 1):
        pad = [(1, 1) if axis == a else (0, 0) for a in range(picture.ndim)]
        padded = np.pad(picture, pad, mode="edge")
        n = picture.shape[axis]
        before, here, after = (padded.take(range(k, k + n), axis=axis) for k in range(3))
        picture = (before + 2 * here + after) / 4
    return picture


def to_bytes(picture: Floats, rng: np.random.Generator | None = None, grain: float = 0.008) -> Bytes:
    """Levels 0..1 to 0..255; with a generator, the grain of a sensor is laid over it first."""
    if rng is not None:
        picture = picture + grain * rng.standard_normal(picture.shape)
    return np.asarray(np.clip(np.round(picture * 255), 0, 255).astype(np.uint8))
