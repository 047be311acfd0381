"""How far a reconstruction is from its original: squared error, PSNR, SSIM, MS-SSIM; SI-SDR and energies of sound.

Pictures are compared as 8-bit integers, sound as float. A figure that does not exist (identical signals, silence,
pictures smaller than a window) is None with a reason, never infinite. Leaves out pooling over items.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

PEAK = 255
CENTRE = 128
SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
STRIP_SAMPLES = 100_000
"""Pictures are compared in strips of about so many samples, which stay in the cache."""
STRIP_BYTES = 2**16
"""Squared errors are summed in strips of so many bytes: some five times as fast as all at once."""
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SSIM_C1, SSIM_C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, or None and why there is none."""

    value: float | None
    reason: str | None = None


def squared_error(original: Tensor, copy: Tensor) -> int:
    """Sum of squared differences of two uint8 tensors of one shape, exact."""
    total = 0
    for x, y in zip(_strips(original), _strips(copy), strict=True):
        difference = x.to(torch.int32).sub_(y)
        total += int(difference.mul_(difference).sum())
    return total


def _strips(values: Tensor) -> Sequence[Tensor]:
    """Pieces that bound the memory of a comparison."""
    return torch.split(values.flatten(), STRIP_BYTES)


def psnr_db(total_squared_error: int, n_samples: int) -> Figure:
    """Peak signal-to-noise ratio of 8-bit samples, dB, from a (pooled) squared error.

    >>> psnr_db(100, 100).value
    48.1308036086791
    """
    if n_samples == 0:
        return Figure(None, "no_samples")
    if total_squared_error == 0:
        return Figure(None, "lossless")
    return Figure(10 * math.log10(PEAK**2 * n_samples / total_squared_error))


def structural_similarity(original: Tensor, copy: Tensor) -> tuple[Figure, Figure]:
    """SSIM and MS-SSIM of two uint8 pictures [..., height, width], each plane by itself; 1 for identical pictures.

    SSIM: Wang et al. 2004 (IEEE TIP 13, 600): Gaussian window of 11 with sigma 1.5, K = (0.01, 0.03), only places where
    the whole window lies inside. MS-SSIM: Wang et al. 2003 (Asilomar, 1398): contrast and structure at five scales,
    each half of the one before, luminance at the last; factors below 0 count as 0. None where the (last scale of the)
    picture is smaller than the window: below 11 and 176 pixels of height or width.
    """
    smaller = Figure(None, "smaller_than_window")
    height_or_width = min(original.shape[-2:])
    if height_or_width < SSIM_WINDOW:
        return smaller, smaller
    x, y = _planes(original), _planes(copy)
    similarity, structure = _similarities(x, y)
    ssim = Figure(min(1.0, float(similarity.mean())))
    if height_or_width >> (len(SCALE_WEIGHTS) - 1) < SSIM_WINDOW:
        return ssim, smaller
    product = torch.ones_like(structure)
    for weight in SCALE_WEIGHTS[:-1]:
        product *= structure.clamp(min=0) ** weight
        x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
        similarity, structure = _similarities(x, y)
    product *= similarity.clamp(min=0) ** SCALE_WEIGHTS[-1]
    return ssim, Figure(min(1.0, float(product.mean())))


def _planes(picture: Tensor) -> Tensor:
    """[n, height, width] in single precision, around 0: variances stay, and squares then keep enough digits."""
    return picture.reshape(-1, *picture.shape[-2:]).float() - CENTRE


def _similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """[n] mean similarity, and its part without luminance, of planes [n, height, width] around 0."""
    n, height, width = x.shape
    step = max(1, STRIP_SAMPLES // (n * width))
    places = range(0, height - SSIM_WINDOW + 1, step)
    strips = [slice(place, min(place + step, height - SSIM_WINDOW + 1) + SSIM_WINDOW - 1) for place in places]
    sums = torch.stack([torch.stack(_similarity_sums(x[:, strip], y[:, strip])) for strip in strips]).sum(dim=0)
    means = sums / ((height - SSIM_WINDOW + 1) * (width - SSIM_WINDOW + 1))
    return means[0], means[1]


def _similarity_sums(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """[n] sums over places of what `_similarities` means."""
    mean_x, mean_y, squares, product = _blur(torch.cat([x, y, x * x + y * y, x * y])).chunk(4)
    variances, covariance = squares - mean_x.square() - mean_y.square(), product - mean_x * mean_y
    structure = (2 * covariance + SSIM_C2) / (variances + SSIM_C2)
    mean_x, mean_y = mean_x + CENTRE, mean_y + CENTRE
    luminance = (2 * mean_x * mean_y + SSIM_C1) / (mean_x.square() + mean_y.square() + SSIM_C1)
    similarity = luminance * structure
    return similarity.sum(dim=(1, 2), dtype=torch.float64), structure.sum(dim=(1, 2), dtype=torch.float64)


def si_sdr_db(original: Tensor, copy: Tensor) -> Figure:
    """Scale-invariant signal-to-distortion ratio, dB, higher is better; [channels, n_samples], mean over channels.

    Le Roux et al. 2019 (arXiv 1811.02508), both signals made zero-mean first. None where a channel is silent, where
    nothing of it is left, or where the copy is a multiple of the original (`lossless`).
    """
    s, t = (signal.double() - signal.double().mean(dim=-1, keepdim=True) for signal in (original, copy))
    energy = s.square().sum(dim=-1)
    if not bool((energy > 0).all()):
        return Figure(None, "silent")
    target = ((s * t).sum(dim=-1) / energy).unsqueeze(-1) * s
    kept, lost = target.square().sum(dim=-1), (t - target).square().sum(dim=-1)
    if not bool((kept > 0).all()):
        return Figure(None, "nothing_kept")
    if not bool((lost > 0).all()):
        return Figure(None, "lossless")
    return Figure(float(10 * torch.log10(kept / lost).mean()))


def energies(original: Tensor, copy: Tensor) -> tuple[float, float]:
    """Energy of the original and of its difference from the copy: sums of squares over channels and samples."""
    signal, error = original.double(), original.double() - copy.double()
    return float(signal.square().sum()), float(error.square().sum())


def snr_db(signal_energy: float, error_energy: float) -> Figure:
    """Signal-to-noise ratio, dB, from (pooled) energies."""
    if error_energy == 0:
        return Figure(None, "lossless")
    if signal_energy == 0:
        return Figure(None, "silent")
    return Figure(10 * math.log10(signal_energy / error_energy))


@cache
def _window(device: torch.device) -> Tensor:
    """[window] Gaussian weights that sum to 1."""
    places = torch.arange(SSIM_WINDOW, dtype=torch.float64, device=device) - SSIM_WINDOW // 2
    weights = torch.exp(-places.square() / (2 * SSIM_SIGMA**2))
    return (weights / weights.sum()).float()


def _blur(planes: Tensor) -> Tensor:
    """[n, height, width] -> [n, height - 10, width - 10]: the window's weighted mean, one axis after the other."""
    n = len(planes)
    rows = _window(planes.device).reshape(1, 1, -1, 1).expand(n, 1, -1, 1)
    # Planes as the channels of one picture, side by side in memory: a fifth of the time of one after the other.
    picture = planes[None].contiguous(memory_format=torch.channels_last)
    return conv2d(conv2d(picture, rows, groups=n), rows.transpose(2, 3), groups=n)[0]
