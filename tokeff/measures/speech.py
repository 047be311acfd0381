"""PESQ and STOI of speech, where the extra `speech` is installed. Null with a reason elsewhere, and where they are
not defined; never a stand-in.

    pesq_wb     MOS-LQO of ITU-T P.862.2, of recordings at 16 kHz
    pesq_nb     MOS-LQO of ITU-T P.862.1, of recordings at 8 kHz
    stoi        Taal et al. 2011 (IEEE TASL 19, 2125), at any rate of at least 10 kHz

Means over channels. Both are models of short utterances: recordings of more than a minute have none.
"""

import warnings
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from torch import Tensor

from tokeff.maths.distortion import Figure
from tokeff.records.signals import AudioSignal

NAMES = ("pesq_wb", "pesq_nb", "stoi")
MODES = {"pesq_wb": ("wb", 16_000), "pesq_nb": ("nb", 8_000)}
STOI_RATE_HZ = 10_000
MOST_SECONDS = 60.0


def speech_figures(signal: AudioSignal, copy: AudioSignal) -> dict[str, Figure]:
    """Of an original and its copy."""
    if signal.header.duration_seconds > MOST_SECONDS:
        return dict.fromkeys(NAMES, Figure(None, "longer_than_a_minute"))
    pair, rate_hz = (signal.samples, copy.samples), signal.header.sample_rate_hz
    found = {name: _pesq(*pair, rate_hz, *MODES[name]) for name in MODES}
    return {**found, "stoi": _stoi(*pair, rate_hz)}


@cache
def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def _pesq(original: Tensor, copy: Tensor, sample_rate_hz: int, mode: str, mode_rate_hz: int) -> Figure:
    library = _library("pesq")
    if library is None:
        return Figure(None, "not_installed")
    if sample_rate_hz != mode_rate_hz:
        return Figure(None, f"rate_not_{mode_rate_hz // 1000}_khz")
    if not bool(original.any(dim=1).all()) or not bool(copy.any(dim=1).all()):
        return Figure(None, "silent")
    reasons = {library.NoUtterancesError: "no_utterances", library.BufferTooShortError: "too_short"}
    try:
        pairs = zip(original, copy, strict=True)
        return _mean([library.pesq(sample_rate_hz, x.numpy(), y.numpy(), mode) for x, y in pairs])
    except library.PesqError as error:
        return Figure(None, reasons.get(type(error), "failed"))


def _mean(values: list[float]) -> Figure:
    return Figure(float(np.mean(values))) if np.isfinite(values).all() else Figure(None, "failed")


def _stoi(original: Tensor, copy: Tensor, sample_rate_hz: int) -> Figure:
    library = _library("pystoi")
    if library is None:
        return Figure(None, "not_installed")
    if sample_rate_hz < STOI_RATE_HZ:
        return Figure(None, "rate_below_10_khz")
    if not bool(original.any(dim=1).all()):
        return Figure(None, "silent")
    with warnings.catch_warnings():
        # It warns, and answers 1e-5, where fewer than 30 frames hold sound.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            pairs = zip(original, copy, strict=True)
            return _mean([float(library.stoi(x.numpy(), y.numpy(), sample_rate_hz)) for x, y in pairs])
        except RuntimeWarning:
            return Figure(None, "too_few_frames")
        except (ValueError, IndexError):  # shorter than one of its windows
            return Figure(None, "too_short")
