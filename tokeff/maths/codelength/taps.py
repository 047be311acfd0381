"""Which samples a prediction may look at: causal neighbours, coded channels, references. Leaves out their weights.

A tap is (plane, dy, dx): the sample of `plane` dy rows below and dx columns right of the one being coded. Planes are
the channels of the signal, then the references (the reconstruction, the previous frame), which are known everywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Tap = tuple[int, int, int]

TOP, BOTTOM, SIDE = 2, 1, 2
"""Rows above, rows below and columns left and right of a sample that a tap may reach."""

BAND_SAMPLES = 2**18
"""Samples that are worked on at a time: a few megabytes, which stay near the processor."""

CAUSAL = (
    (0, -1),
    (0, -2),
    (-1, -2),
    (-1, -1),
    (-1, 0),
    (-1, 1),
    (-1, 2),
    (-2, -2),
    (-2, -1),
    (-2, 0),
    (-2, 1),
    (-2, 2),
)
PASSED = ((0, 0), (0, -1), (-1, 0), (-1, -1), (-1, 1))
AHEAD = ((0, 1), (1, 0), (1, -1), (1, 1))
LOUD = ((0, -1), (0, -2), (-1, -1), (-1, 0), (-1, 1), (-1, 2), (-2, -1), (-2, 0), (-2, 1), (-1, -2))

_GRADIENT = {(0, -1): 0.75, (-1, 0): 0.75, (-1, -1): -0.5}
_COLOUR = {(0, 0): 1.0, (0, -1): -0.75, (-1, 0): -0.75, (-1, -1): 0.5}
_LOUDNESS = {(0, -1): 0.25, (-1, 0): 0.25, (-1, -1): 0.1, (-1, 1): 0.15, (0, -2): 0.1, (-2, 0): 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The taps of each of `channels` channels beside `references` reference planes.

    `interleaved`: channels of one pixel follow each other, so that coded channels show only the pixels passed.
    """

    channels: int
    references: int = 0
    interleaved: bool = False

    @property
    def order(self) -> tuple[int, ...]:
        """Channels in the order of coding: green, red, blue."""
        return (1, 0, 2) if self.channels == 3 else tuple(range(self.channels))

    def coded(self, channel: int) -> tuple[int, ...]:
        """The channels coded before `channel`."""
        return self.order[: self.order.index(channel)]

    def own(self, channel: int) -> list[Tap]:
        """Taps on the signal itself for predicting `channel`."""
        window = PASSED if self.interleaved else PASSED + AHEAD
        return [(channel, *o) for o in CAUSAL] + [(d, *o) for d in self.coded(channel) for o in window]

    @property
    def groups(self) -> int:
        """References that there are, each with a plane for every channel."""
        return self.references // self.channels

    def referred(self, channel: int) -> list[Tap]:
        """Taps on one reference after the other: 3x3 in the plane of the same channel, the centre in the others."""
        taps: list[Tap] = []
        for first in range(self.channels, self.channels + self.references, self.channels):
            taps += [(first + channel, dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
            taps += [(p, 0, 0) for p in range(first, first + self.channels) if p != first + channel]
        return taps

    def loud(self, channel: int) -> list[Tap]:
        """Taps on the planes of residual magnitudes, their constant last, then the gradients of the references."""
        window = PASSED[:3] if self.interleaved else PASSED[:3] + AHEAD[:2]
        taps = [(channel, *o) for o in LOUD] + [(d, *o) for d in self.coded(channel) for o in window]
        return [*taps, (self.channels, 0, 0)]

    def steep(self, channel: int) -> list[Tap]:
        """Taps on the gradient planes of the references, which follow the constant plane."""
        first = self.channels + 1
        return [(first + r, 0, 0) for r in range(self.references) if r % self.channels == channel]

    def start(self, channel: int) -> list[float]:
        """Coefficients of `own` that cost nothing: the gradient, on colour differences after the first channel."""
        first = self.order[0]
        return [
            _GRADIENT.get((dy, dx), 0.0) if p == channel else _COLOUR.get((dy, dx), 0.0) * (p == first)
            for p, dy, dx in self.own(channel)
        ]

    def start_loud(self, channel: int) -> list[float]:
        """Coefficients of `loud` that cost nothing."""
        return [
            0.3 if p == self.channels else _LOUDNESS.get((dy, dx), 0.0) * (p == channel)
            for p, dy, dx in self.loud(channel)
        ]


def causal_pad(x: Tensor) -> Tensor:
    """Surround planes [B, C, H, W] so that what lies outside repeats samples that are coded before it is used."""
    b, c, h, w = x.shape
    p = x.new_zeros(b, c, h + TOP + BOTTOM, w + 2 * SIDE)
    p[..., TOP : TOP + h, SIDE : SIDE + w] = x
    if w > 1:
        p[..., :TOP, SIDE + 3 :] = x[..., :1, : w - 1]
    p[..., TOP + 1 :, :SIDE] = p[..., TOP:-1, SIDE : SIDE + 1]
    p[..., TOP:, SIDE + w :] = p[..., TOP - 1 : -1, SIDE + w - 1 : SIDE + w]
    p[..., TOP + h :, :] = p[..., TOP + h - 1 : TOP + h, :]
    return p


def edge_pad(x: Tensor) -> Tensor:
    """Surround planes [B, C, H, W] by their own edges: for references, which are known everywhere."""
    return torch.nn.functional.pad(x, (SIDE, SIDE, TOP, BOTTOM), mode="replicate")


def bands(like: Tensor, most_rows: int | None = None) -> Iterator[tuple[int, int]]:
    """First row and the row after the last of bands of planes [B, C, H, W]; one on other devices than a CPU."""
    b, c, h, w = like.shape
    height = max(1, BAND_SAMPLES // (b * c * w)) if like.device.type == "cpu" else h
    height = height if most_rows is None else min(height, most_rows)
    for top in range(0, h, height):
        yield top, min(h, top + height)
