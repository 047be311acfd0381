"""Figures of two sounds that come in blocks: SI-SDR, energies and log-mel distance as of whole ones; STFT distance.

Oracles: `maths.distortion` for SI-SDR and energies; torch.stft and Frobenius norms, written out, for the STFT distance
and what auraloss 0.4.0's MultiResolutionSTFTLoss gives for one pair.
"""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.maths.distortion import energies, si_sdr_db
from tokeff.maths.mel import LogMelDistance, log_mel_distance_db
from tokeff.maths.stft_distance import RESOLUTIONS, StftDistance, stft_distance
from tokeff.maths.waveform import WaveformSums

SURROUND = """
import resource, torch
from tokeff.maths.mel import LogMelDistance
from tokeff.maths.stft_distance import StftDistance

original = torch.rand(6, 2**20) - 0.5
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for distance in (StftDistance(), LogMelDistance(48_000)):
    distance.add(original, original / 2)
    assert distance.figure().value is not None
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""
BLOCK_BYTES = 6 * 2**20 * 4

AURALOSS = 0.612453
"""Of the pair in `test_stft_distance_of_a_known_pair`."""


def pair(n_samples: int, n_channels: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    original = torch.randn(n_channels, n_samples, generator=generator) * 0.1
    return original, 0.7 * original + 0.1 + torch.randn(original.shape, generator=generator) * 0.03


def in_blocks(sums: WaveformSums | LogMelDistance | StftDistance, one: Tensor, other: Tensor, size: int) -> None:
    for a, b in zip(torch.split(one, size, dim=1), torch.split(other, size, dim=1), strict=True):
        sums.add(a, b)


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 3000), st.integers(1, 3), st.integers(1, 999), st.integers(0, 99))
def test_sums_over_blocks_are_those_of_whole_sounds(n_samples: int, n_channels: int, size: int, seed: int) -> None:
    original, copy = pair(n_samples, n_channels, seed)
    sums = WaveformSums()
    in_blocks(sums, original, copy, size)
    assert (sums.signal_energy, sums.error_energy) == pytest.approx(energies(original, copy), rel=1e-9)
    assert sums.si_sdr_db().value == pytest.approx(si_sdr_db(original, copy).value, abs=1e-6)


def reason_of(original: Tensor, copy: Tensor) -> str | None:
    sums = WaveformSums()
    in_blocks(sums, original, copy, 70)
    return sums.si_sdr_db().reason


def test_sounds_without_si_sdr() -> None:
    original, copy = pair(200)
    silence = torch.zeros_like(original)
    assert reason_of(original, original) == reason_of(original, 0.3 * original + 0.2) == "lossless"
    assert reason_of(silence, original) == reason_of(silence + 0.5, copy) == "silent"
    assert reason_of(original, silence) == reason_of(original, silence + 0.25) == "nothing_kept"
    nearly = original + 1e-6 * copy
    assert reason_of(original, nearly) is None


@pytest.mark.parametrize("rate_hz", [8000, 24_000])
def test_log_mel_distance_over_blocks(rate_hz: int) -> None:
    original, copy = pair(9000, 2)
    distance = LogMelDistance(rate_hz)
    in_blocks(distance, original, copy, 777)
    assert distance.figure().value == pytest.approx(log_mel_distance_db(original, copy, rate_hz).value, rel=1e-6)


def written_out(original: Tensor, copy: Tensor) -> float:
    """Mean over channels of what Yamamoto et al. define."""
    total = 0.0
    for n_points, step, n_window in RESOLUTIONS:
        x, y = (
            torch.stft(each, n_points, step, n_window, torch.hann_window(n_window), return_complex=True)
            .abs()
            .clamp(min=1e-4)
            .double()
            for each in (original, copy)
        )
        convergence = torch.linalg.matrix_norm(x - y) / torch.linalg.matrix_norm(x)
        total += float(convergence.mean() + (x.log() - y.log()).abs().mean())
    return total / len(RESOLUTIONS)


@settings(max_examples=15, deadline=None)
@given(st.integers(1025, 9000), st.integers(1, 2), st.integers(300, 2000), st.integers(0, 99))
def test_stft_distance_is_the_published_one(n_samples: int, n_channels: int, size: int, seed: int) -> None:
    original, copy = pair(n_samples, n_channels, seed)
    expected = written_out(original, copy)
    assert stft_distance(original, copy).value == pytest.approx(expected, rel=1e-4)
    distance = StftDistance()
    in_blocks(distance, original, copy, size)
    assert distance.figure().value == pytest.approx(expected, rel=1e-4)


def test_stft_distance_of_a_known_pair() -> None:
    time = torch.arange(5000.0) / 16_000
    original = (0.3 * torch.sin(2 * torch.pi * 440 * time))[None]
    copy = original + (0.03 * torch.sin(2 * torch.pi * 3000 * time))[None]
    assert stft_distance(original, copy).value == pytest.approx(AURALOSS, rel=1e-4)
    assert stft_distance(original, original).value == 0


def test_sounds_without_stft_distance() -> None:
    original, copy = pair(1024)
    assert stft_distance(original, copy).reason == "shorter_than_window"
    assert stft_distance(torch.zeros(1, 5000), pair(5000)[1]).reason == "silent"
    assert stft_distance(pair(5000)[0], torch.zeros(1, 5000)).value is not None


def test_channels_cost_no_more_than_their_samples() -> None:
    """Spectra of all frames of a block of 5.1 would be more than 2 GiB."""
    done = subprocess.run([sys.executable, "-c", SURROUND], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 16 * BLOCK_BYTES + 300 * 2**20
