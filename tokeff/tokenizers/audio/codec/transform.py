"""The modified discrete cosine transform: samples to coefficients of frames and back, exactly.

Sine windows over two frames, orthonormal (Princen and Bradley 1986), so that the squared error of coefficients is that
of samples. At both ends of a recording the window does not overlap with anything: the samples beyond are what makes
the folded frame equal to the samples inside. So n frames stand for n hops of samples and no more.
Leaves out codes.
"""

import math
from functools import cache

import torch
from torch import Tensor


def analyse(samples: Tensor, hop: int) -> Tensor:
    """[n, frames * hop] -> coefficients [n, frames, hop], in the type of the samples."""
    _, ratio = _edges(hop, samples.dtype, samples.device)
    half = hop // 2
    left = -(samples[:, :half] * ratio).flip(1)
    right = samples[:, -half:].flip(1) * ratio
    padded = torch.cat([left, samples, right], dim=1)
    return padded.unfold(1, 2 * hop, hop) @ _matrix(hop, samples.dtype, samples.device)


def synthesise(coefficients: Tensor) -> Tensor:
    """The inverse of `analyse`: [n, frames, hop] -> [n, frames * hop]."""
    n, n_frames, hop = coefficients.shape
    rising, _ = _edges(hop, coefficients.dtype, coefficients.device)
    half = hop // 2
    frames = coefficients @ _matrix(hop, coefficients.dtype, coefficients.device).T
    first, second = (frames[:, :, part].reshape(n, n_frames * hop) for part in (slice(hop), slice(hop, None)))
    zero = first.new_zeros(n, hop)
    samples = (torch.cat([first, zero], 1) + torch.cat([zero, second], 1))[:, half:-half]
    whole = torch.ones_like(rising).repeat(2 * n_frames)
    whole[:half] /= rising
    whole[-half:] /= rising.flip(0)
    return samples * whole


@cache
def _matrix(hop: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """[2 hop, hop]."""
    times = torch.arange(2 * hop, dtype=torch.float64)[:, None] + 0.5
    places = torch.arange(hop, dtype=torch.float64) + 0.5
    cosines = torch.cos(math.pi / hop * (times + hop / 2) * places)
    matrix = math.sqrt(2 / hop) * torch.sin(math.pi / (2 * hop) * times) * cosines
    return matrix.to(device, dtype)


@cache
def _edges(hop: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of half a frame, outwards from an end of the recording inwards: the window, and the share of a mirrored sample.

    With window w inside and v outside, a frame folds x w with y v: y = x (1 - w) / v leaves x.
    """
    distance = torch.arange(hop // 2, dtype=torch.float64) + 0.5
    inside = torch.sin(math.pi / 4 + math.pi / (2 * hop) * distance)
    outside = torch.cos(math.pi / 4 + math.pi / (2 * hop) * distance)
    return inside.to(device, dtype), ((1 - inside) / outside).to(device, dtype)
