"""Log-mel frames as Whisper computes them (arXiv 2212.04356), window by window."""

from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 160
_FFT_SAMPLES = 400


def log_mel(windows: Iterable[Tensor], n_mels: int, window_samples: int, *, keep_padding: bool) -> Tensor:
    """Windows float32 [at most window_samples] at 16 kHz, one behind the other -> float32 [frames, n_mels].

    Each window is filled up with silence, normalised by itself and, unless `keep_padding`, cut to the frames that
    touch the recording.
    """
    return torch.cat([_window(each, n_mels, window_samples, keep_padding) for each in windows])


def _window(samples: Tensor, n_mels: int, window_samples: int, keep_padding: bool) -> Tensor:
    filled = pad(samples, (0, window_samples - len(samples)))
    taper = torch.hann_window(_FFT_SAMPLES, device=samples.device)
    spectrum = torch.stft(filled, _FFT_SAMPLES, HOP_SAMPLES, window=taper, return_complex=True)[:, :-1]
    mel = _filters(n_mels).to(samples.device).T @ spectrum.abs().square()
    decades = mel.clamp(min=1e-10).log10()
    scaled = (torch.maximum(decades, decades.max() - 8.0) + 4.0) / 4.0
    n_kept = scaled.shape[1] if keep_padding else -(-len(samples) // HOP_SAMPLES)
    return scaled[:, :n_kept].T.contiguous()


@cache
def _filters(n_mels: int) -> Tensor:
    """float32 [frequencies, n_mels]: Slaney's mel scale and area normalisation, 0 to 8 kHz."""
    from torchaudio.functional import melscale_fbanks

    filters: Tensor = melscale_fbanks(
        _FFT_SAMPLES // 2 + 1, 0.0, SAMPLE_RATE_HZ / 2, n_mels, SAMPLE_RATE_HZ, norm="slaney", mel_scale="slaney"
    )
    return filters
