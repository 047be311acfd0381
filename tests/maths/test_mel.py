"""Log-mel distance against closed forms and torchaudio's filters."""

import math

import pytest
import torch
from torch import Tensor

from tokeff.maths import mel
from tokeff.maths.mel import FLOOR_DB, N_MELS, log_mel_distance_db, mel_filters, window_length

RATE = 16_000


def distance_db(original: Tensor, copy: Tensor, rate: int) -> float:
    found = log_mel_distance_db(original, copy, rate)
    assert found.value is not None, found.reason
    return found.value


def noise(n_channels: int = 1, n_samples: int = 8000, amplitude: float = 0.3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return amplitude * torch.randn(n_channels, n_samples, generator=generator)


@pytest.mark.parametrize("rate", [8000, RATE, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("gain", [0.5, 2.0, -1.0])
def test_a_gain_is_its_decibels_in_every_band(gain: float, rate: int) -> None:
    """A band too narrow to hold a frequency would count as equal."""
    distance = distance_db(noise(2), gain * noise(2), rate)
    assert distance == pytest.approx(abs(20 * math.log10(abs(gain))), abs=0.05)


def test_equal_sounds_and_silence_have_no_distance() -> None:
    assert distance_db(noise(), noise(), RATE) == 0
    silence = torch.zeros(1, 4000)
    assert distance_db(silence, 1e-9 * noise(1, 4000), RATE) == 0


def test_silence_is_as_far_as_the_floor() -> None:
    """White noise lies between full scale and the floor in every band."""
    distance = distance_db(noise(), torch.zeros_like(noise()), RATE)
    assert -FLOOR_DB - 60 < distance < -FLOOR_DB


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    original, copy = noise(2, 20_000), noise(2, 20_000).roll(1)
    whole = distance_db(original, copy, RATE)
    monkeypatch.setattr(mel, "CHUNK_FRAMES", 7)
    assert distance_db(original, copy, RATE) == pytest.approx(whole, rel=1e-6)


def test_shorter_than_a_window() -> None:
    window = window_length(RATE)
    assert window == 512
    short = noise(1, window - 1)
    assert log_mel_distance_db(short, short, RATE).reason == "shorter_than_window"
    assert distance_db(noise(1, window), noise(1, window), RATE) == 0


def test_a_rate_without_eighty_bands() -> None:
    for rate in (1000, 11, 1):
        assert log_mel_distance_db(noise(), noise(), rate).reason == "rate_too_low"


@pytest.mark.parametrize(("rate", "window"), [(8000, 256), (24_000, 1024), (44_100, 2048), (48_000, 2048)])
def test_windows_are_of_equal_time(rate: int, window: int) -> None:
    assert window_length(rate) == window


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_filters_are_torchaudio_s(rate: int) -> None:
    """torchaudio.functional.melscale_fbanks, HTK scale, without normalisation."""
    torchaudio = pytest.importorskip("torchaudio")
    theirs = torchaudio.functional.melscale_fbanks(2049, 0.0, rate / 2, N_MELS, rate)
    assert torch.allclose(mel_filters(rate, 2049), theirs, atol=1e-4)
