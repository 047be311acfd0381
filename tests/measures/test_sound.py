"""Distortion of recordings: in blocks as of whole ones; PESQ and STOI against their packages, or a reason."""

import importlib.util
import sys
from importlib import import_module

import pytest
import torch
from torch import Tensor

from tokeff.maths.distortion import Figure, si_sdr_db
from tokeff.maths.stft_distance import stft_distance
from tokeff.measures import speech
from tokeff.measures.sound import SOUND_FIGURES, compare_sound
from tokeff.measures.speech import speech_figures
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import BLOCK_SAMPLES, AudioSignal, LongAudioSignal

needs_speech = pytest.mark.skipif(
    importlib.util.find_spec("pesq") is None or importlib.util.find_spec("pystoi") is None,
    reason="pesq and pystoi are not installed (extra speech)",
)


def recording(samples: Tensor, rate_hz: int = 16_000) -> AudioSignal:
    header = AudioHeader(sample_rate_hz=rate_hz, n_samples=samples.shape[1], n_channels=samples.shape[0])
    return AudioSignal(header=header, samples=samples)


def spoken(n_samples: int, n_channels: int = 1) -> tuple[Tensor, Tensor]:
    """Bursts of harmonics with pauses, and a noisy copy."""
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(n_samples) / 16_000
    tone = sum(torch.sin(2 * torch.pi * 140 * k * time) / k for k in range(1, 12))
    assert isinstance(tone, Tensor)
    voice = 0.1 * tone * (torch.sin(2 * torch.pi * 2 * time) > -0.3)
    original = voice.expand(n_channels, -1) + 0.001 * torch.randn(n_channels, n_samples, generator=generator)
    return original, original + 0.01 * torch.randn(original.shape, generator=generator)


def ignore(one: Tensor, other: Tensor) -> None:
    del one, other


def test_a_long_recording_is_compared_in_blocks() -> None:
    original, copy = spoken(BLOCK_SAMPLES + 70_001)
    checked = []

    class Source:
        def read(self, first: int, stop: int) -> Tensor:
            assert stop - first <= BLOCK_SAMPLES
            return copy[:, first:stop]

    other = LongAudioSignal(header=recording(copy).header, source=Source())
    reals, figures = compare_sound(recording(original), other, lambda one, _: checked.append(one.shape[1]))
    assert checked == [BLOCK_SAMPLES, 70_001]
    assert set(figures) == set(SOUND_FIGURES)
    assert figures["si_sdr_db"].value == pytest.approx(si_sdr_db(original, copy).value, abs=1e-6)
    assert figures["stft_distance"].value == pytest.approx(stft_distance(original, copy).value, rel=1e-5)
    assert reals["error_energy"] > 0
    assert {figures[name].reason for name in speech.NAMES} == {"longer_than_a_minute"}


def test_the_same_samples_have_no_error_energy() -> None:
    original, _ = spoken(20_000)
    reals, figures = compare_sound(recording(original), recording(original.clone()), ignore)
    assert reals["error_energy"] == 0
    assert figures["si_sdr_db"] == Figure(None, "lossless")
    assert figures["stft_distance"].value == 0


@needs_speech
def test_speech_figures_are_those_of_their_packages() -> None:
    pesq, pystoi = import_module("pesq"), import_module("pystoi")
    original, copy = spoken(48_000, 2)
    found = speech_figures(recording(original), recording(copy))
    pairs = [(x.numpy(), y.numpy()) for x, y in zip(original, copy, strict=True)]
    assert found["pesq_wb"].value == pytest.approx(sum(pesq.pesq(16_000, x, y, "wb") for x, y in pairs) / 2)
    assert found["stoi"].value == pytest.approx(sum(pystoi.stoi(x, y, 16_000) for x, y in pairs) / 2)
    assert found["pesq_nb"] == Figure(None, "rate_not_8_khz")
    narrow = speech_figures(recording(original, 8000), recording(copy, 8000))
    assert narrow["pesq_nb"].value == pytest.approx(sum(pesq.pesq(8000, x, y, "nb") for x, y in pairs) / 2)
    assert narrow["stoi"] == Figure(None, "rate_below_10_khz")
    worse = speech_figures(recording(original), recording(copy + 0.1 * torch.randn(copy.shape)))
    assert (worse["pesq_wb"].value or 9) < (found["pesq_wb"].value or 0)


@needs_speech
@pytest.mark.parametrize("n_samples", [10, 300, 4000, 48_000])
def test_silence_and_short_clips_have_reasons(n_samples: int) -> None:
    original, copy = spoken(n_samples)
    silent = speech_figures(recording(0 * original), recording(copy))
    assert silent["pesq_wb"] == silent["stoi"] == Figure(None, "silent")
    found = speech_figures(recording(original), recording(copy))
    if n_samples < 4000:
        assert {found[name].reason for name in ("pesq_wb", "stoi")} <= {"too_short", "too_few_frames"}
    assert speech_figures(recording(original), recording(0 * copy))["pesq_wb"].reason == "silent"


def test_without_the_packages_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    monkeypatch.setitem(sys.modules, "pystoi", None)
    speech._library.cache_clear()
    try:
        found = speech_figures(*map(recording, spoken(16_000)))
    finally:
        speech._library.cache_clear()
    assert {figure.reason for figure in found.values()} == {"not_installed"}
