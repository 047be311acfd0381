"""Distortion of a recording against its original: counts and reals of one item.

Both are read in blocks, so that the length of a recording costs no memory; only speech models (`speech`) see short
ones whole. Leaves out pooling over items (`figures`).
"""

from collections.abc import Callable

from torch import Tensor

from tokeff.maths.distortion import Figure
from tokeff.maths.mel import LogMelDistance
from tokeff.maths.stft_distance import StftDistance
from tokeff.maths.waveform import WaveformSums
from tokeff.measures.speech import NAMES, speech_figures
from tokeff.records.signals import AudioSignal
from tokeff.records.tallies import fixed

SOUND_FIGURES = ("si_sdr_db", "log_mel_distance_db", "stft_distance", *NAMES)
"""Means over the items that have them."""


def compare_sound(
    signal: AudioSignal, copy: AudioSignal, check: Callable[[Tensor, Tensor], None]
) -> tuple[dict[str, int], dict[str, Figure]]:
    """Energies as fixed-point reals, and the item's figures. `check` refuses what cannot be compared."""
    waveform, mel, spectra = WaveformSums(), LogMelDistance(signal.header.sample_rate_hz), StftDistance()
    for original, other in zip(signal.blocks(), copy.blocks(), strict=True):
        check(original, other)
        waveform.add(original, other)
        mel.add(original, other)
        spectra.add(original, other)
    # An error below the fixed-point unit is still an error: only identical samples may sum to nothing.
    smallest = int(waveform.error_energy > 0)
    reals = {
        "signal_energy": fixed(waveform.signal_energy),
        "error_energy": max(smallest, fixed(waveform.error_energy)),
    }
    figures = {
        "si_sdr_db": waveform.si_sdr_db(),
        "log_mel_distance_db": mel.figure(),
        "stft_distance": spectra.figure(),
        **speech_figures(signal, copy),
    }
    return reals, figures
