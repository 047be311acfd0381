"""What every recording must keep to, whoever reads it."""

from tokeff.errors import ItemError
from tokeff.records.headers import AudioHeader, Counted

MAX_SAMPLES = 2**30
"""Samples of all channels of one recording that are decoded: 6.2 hours at 48 kHz mono, 4 GiB as float32."""


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
