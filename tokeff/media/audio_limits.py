"""What every recording must keep to, whoever reads it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import ItemError
from tokeff.records.headers import AudioHeader, Counted

MAX_SAMPLES = 2**30
"""Samples of all channels of one recording that are held at once: 6.2 hours at 48 kHz mono, 4 GiB as float32."""
HELD_SAMPLES = 2**24
"""Samples of all channels: a longer recording of a corpus is read when it is asked for. 64 MiB as float32."""
READ_SAMPLES = 2**18
"""Samples of each channel that are decoded at once."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some samples of a file, float32 [channels, n] in [-1, 1]."""

    samples: NDArray[np.float32]
    sample_rate_hz: int
    container: str

    @classmethod
    def checked(cls, samples: NDArray[np.float32], sample_rate_hz: int, container: str) -> "Block":
        """Cut to [-1, 1], in place. Raises ItemError `corrupt` for NaN and infinity."""
        if not np.isfinite(samples).all():
            raise ItemError("corrupt", "samples that are not numbers", got="NaN or infinity")
        np.clip(samples, -1, 1, out=samples)
        return cls(samples, sample_rate_hz, container)


def checked_header(
    *, sample_rate_hz: int, n_samples: int, n_channels: int, container: str, counted: Counted
) -> AudioHeader:
    """The header. Raises ItemError `too_short` for no samples, `corrupt` for no rate or channels."""
    if sample_rate_hz < 1 or n_channels < 1:
        raise ItemError("corrupt", "no sound has such a header", got=f"{sample_rate_hz} Hz, {n_channels} channels")
    if n_samples < 1:
        raise ItemError("too_short", "the recording has no samples", got=n_samples, expected="at least 1")
    return AudioHeader(
        sample_rate_hz=sample_rate_hz,
        n_samples=n_samples,
        n_channels=n_channels,
        container=container,
        counted=counted,
    )


def refuse_too_long(n_samples: int) -> None:
    """Raises ItemError `too_large` for more samples (of all channels) than are decoded."""
    if n_samples > MAX_SAMPLES:
        expected = f"at most {MAX_SAMPLES}, all channels together"
        raise ItemError(
            "too_large", "the recording is too long", got=f"{n_samples} samples", expected=expected, fix="Cut it."
        )
