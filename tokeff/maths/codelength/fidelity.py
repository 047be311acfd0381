"""Fidelities at which information is counted: fewer bits per sample, coarser scales; and the share that is retained.

Leaves out text (its reconstruction is exact or listed) and the ratio of a whole corpus: `Share`s of items are added,
and divided once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.errors import InsufficientData, TokeffError
from tokeff.maths.codelength import checks
from tokeff.maths.codelength.audio import audio_code_length, sixteen_bits
from tokeff.maths.codelength.images import image_code_length

SAMPLES_AT_ONCE = 2**20
"""Samples that are reduced at a time, so that memory does not grow with the signal."""

_HALF_BAND, _ABREAST = 63, 32
"""Taps of the low-pass filter of an octave; outputs of it that one product of matrices yields side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Bits of the signal at one fidelity, and those still missing once the reconstruction is known: sums over items."""

    source_bits: float
    missing_bits: float

    def __add__(self, other: "Share") -> "Share":
        return Share(
            source_bits=self.source_bits + other.source_bits, missing_bits=self.missing_bits + other.missing_bits
        )

    @property
    def retained(self) -> float:
        """1 - H(QX | X^) / H(QX). Error: InsufficientData where the signal holds no bits at this fidelity."""
        if self.source_bits <= 0:
            raise InsufficientData("the signal has no information at this fidelity", got=f"{self.source_bits} bits")
        return 1.0 - self.missing_bits / self.source_bits


def reduce_pictures(x: Tensor, scale: int) -> Tensor:
    """Pictures or frames [B, C, H, W] (8 bit) reduced `scale` times by a box filter, rounded, uint8.

    Boxes at the right and lower edge of odd sizes hold the rows and columns that are left.
    """
    checks.picture_shape(x, "the pictures")
    rows = max(1, SAMPLES_AT_ONCE // (x[:, :, 0].numel() * _scale(scale)))
    b, c, h, w = x.shape
    # Written in place: small results between large passing ones would scatter the heap.
    reduced = torch.empty(b, c, -(-h // scale), -(-w // scale), dtype=torch.uint8, device=x.device)
    for given, place in zip(torch.split(x, rows * scale, 2), torch.split(reduced, rows, 2), strict=True):
        place.copy_(_boxes(checks.pictures(given, "the pictures"), scale))
    return reduced


def _boxes(x: Tensor, scale: int) -> Tensor:
    h, w = x.shape[-2:]
    whole = torch.nn.functional.pad(x.double(), (0, -w % scale, 0, -h % scale))
    inside = torch.nn.functional.pad(x.new_ones(1, 1, h, w).double(), (0, -w % scale, 0, -h % scale))
    total, n = (scale**2 * torch.nn.functional.avg_pool2d(v, scale) for v in (whole, inside))
    return torch.floor(total.round() / n.round() + 0.5).to(torch.uint8)


def reduce_time(frames: Tensor, scale: int) -> Tensor:
    """Frames [T, C, H, W] averaged `scale` by `scale` in time, rounded, uint8; the last may average fewer."""
    frames, scale = checks.pictures(frames, "the frames"), _scale(scale)
    return torch.cat(
        [torch.floor(part.double().mean(0, keepdim=True) + 0.5) for part in torch.split(frames, scale)]
    ).to(torch.uint8)


def reduce_sound(x: Tensor, scale: int) -> Tensor:
    """Recordings [B, channels, n] as 16-bit values (int64) at 1/`scale` of their rate: the lower octave bands alone.

    Each octave is a windowed-sinc low-pass at a quarter of the rate and every second sample.
    """
    step = max(1, SAMPLES_AT_ONCE // max(1, x[..., 0].numel() * _scale(scale)))
    reduced = torch.empty(*x.shape[:-1], -(-x.shape[-1] // scale), dtype=torch.int64, device=x.device)
    for number, place in enumerate(torch.split(reduced, step, -1)):
        place.copy_(_octaves(x, number * step * scale, step * scale, scale))
    return reduced


def _octaves(x: Tensor, start: int, step: int, scale: int) -> Tensor:
    """What `step` samples from `start` on become: with as many around them as the filters of all octaves reach."""
    n, first = x.shape[-1], start - _HALF_BAND * scale
    stop = min(n, start + step)
    last = stop + _HALF_BAND * scale + (-stop % scale)
    inside = sixteen_bits(x[..., max(first, 0) : min(last, n)], "the recordings").double()
    piece = torch.nn.functional.pad(inside, (max(-first, 0), max(last - n, 0)))
    for _ in range(scale.bit_length() - 1):
        n, first, piece = -(-n // 2), first // 2, _octave(piece)
        # What the filter yields outside the recording is not there.
        piece[..., : max(-first, 0)] = 0.0
        piece[..., max(n - first, 0) :] = 0.0
    kept = piece[..., start // scale - first : -(-stop // scale) - first]
    return kept.round().clamp(-32768, 32767).long()


def _octave(x: Tensor) -> Tensor:
    """The lower octave of x [B, channels, n], n even: stretches of it times a matrix of shifted filters."""
    k = torch.arange(_HALF_BAND, dtype=torch.float64, device=x.device) - _HALF_BAND // 2
    window = torch.hann_window(_HALF_BAND + 2, periodic=False, dtype=torch.float64, device=x.device)[1:-1]
    taps = torch.sinc(k / 2) * window
    width = _HALF_BAND + 2 * (_ABREAST - 1)
    shifted = torch.zeros(_ABREAST, width, dtype=torch.float64, device=x.device)
    places = torch.arange(_HALF_BAND, device=x.device) + 2 * torch.arange(_ABREAST, device=x.device)[:, None]
    shifted.scatter_(1, places, (taps / taps.sum()).expand(_ABREAST, -1))
    n = x.shape[-1] // 2
    padded = torch.nn.functional.pad(x, (_HALF_BAND // 2, _HALF_BAND // 2 + 2 * (-n % _ABREAST)))
    return torch.matmul(padded.unfold(-1, width, 2 * _ABREAST), shifted.mT).flatten(-2)[..., :n]


def retained_image_bits(x: Tensor, side: Tensor, *, depth_bits: int = 8, scale: int = 1) -> list[Share]:
    """One `Share` per picture of x [B, C, H, W] at a depth and scale; `side` is reduced, but keeps its depth."""
    checks.same_shape(x, side, "pictures")
    small, known = reduce_pictures(x, scale), reduce_pictures(side, scale)
    source = image_code_length(small, depth_bits=depth_bits)
    return _shares(source, image_code_length(small, known, depth_bits=depth_bits, source_bits=source))


def retained_audio_bits(x: Tensor, side: Tensor, *, depth_bits: int = 16, scale: int = 1) -> list[Share]:
    """One `Share` per recording of x [B, channels, n] at a depth and scale; `side` is reduced, but keeps its depth."""
    checks.same_shape(x, side, "recordings")
    small, known = reduce_sound(x, scale), reduce_sound(side, scale)
    source = audio_code_length(small, depth_bits=depth_bits)
    return _shares(source, audio_code_length(small, known, depth_bits=depth_bits, source_bits=source))


def _shares(source: Tensor, missing: Tensor) -> list[Share]:
    return [Share(source_bits=s, missing_bits=m) for s, m in zip(source.tolist(), missing.tolist(), strict=True)]


def _scale(scale: int) -> int:
    if scale < 1 or scale & (scale - 1):
        raise TokeffError("there is no such scale", got=scale, expected="a power of two")
    return scale
