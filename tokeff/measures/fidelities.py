"""At which fidelities information is counted, and the names of its columns: fewer bits per sample, coarser scales.

Light: names alone, so that whoever reads results needs no coder. Leaves out how signals are reduced
(`maths.codelength`) and coded (`reconstruction`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from tokeff.records.items import Modality
from tokeff.records.measurements import MIDDLE_SCALE


class Fidelity(NamedTuple):
    """A depth in bits per sample and a scale: the signal reduced so many times; clips also at a lower frame rate."""

    depth_bits: int
    scale: int
    time: int = 1
    """So many frames are averaged into one, after they were reduced."""

    def column(self, kind: str) -> str:
        """The name of a column at this fidelity; `kind` is `source`, `missing` or `time`."""
        return f"{kind}_bits_d{self.depth_bits}_s{self.scale}" + (f"_t{self.time}" if self.time > 1 else "")


CODED_ITEMS, CODED_BYTES = "n_coded_items", "n_coded_bytes"
"""Columns: 1 for an item with code lengths, and the raw bytes that those at full fidelity are of."""

IMAGE_DEPTHS_BITS, AUDIO_DEPTHS_BITS = (8, 6, 4), (16, 12, 8)
SCALES = (1, 2, 4, 8)
TIMES = (2, 4)
"""Half and a quarter of the frame rate: divisors of `windows.CLIP_FRAMES`, so that chunks are averaged whole."""


def _grid(depths_bits: Sequence[int]) -> tuple[Fidelity, ...]:
    full = depths_bits[0]
    return (*(Fidelity(depth, 1) for depth in depths_bits), *(Fidelity(full, scale) for scale in SCALES[1:]))


FIDELITIES: dict[Modality, tuple[Fidelity, ...]] = {
    "image": _grid(IMAGE_DEPTHS_BITS),
    "audio": _grid(AUDIO_DEPTHS_BITS),
    "video": (*_grid(IMAGE_DEPTHS_BITS), *(Fidelity(IMAGE_DEPTHS_BITS[0], MIDDLE_SCALE, time) for time in TIMES)),
}
"""The first is the full one."""
ALL_FIDELITIES = tuple(dict.fromkeys(each for grid in FIDELITIES.values() for each in grid))
IN_TIME = tuple(Fidelity(IMAGE_DEPTHS_BITS[0], scale) for scale in (1, MIDDLE_SCALE))
"""Of clips made from some of their frames: columns `time_bits`, what is missing once the exact frames are known."""
BIT_COLUMNS = (
    *(each.column(kind) for each in ALL_FIDELITIES for kind in ("source", "missing")),
    *(each.column("time") for each in IN_TIME),
)


def middle_of(modality: Modality) -> Fidelity:
    """The fidelity that a table shows."""
    return Fidelity(FIDELITIES[modality][0].depth_bits, MIDDLE_SCALE)


INTERVAL_COLUMNS = tuple(
    dict.fromkeys(
        name
        for modality, (full, *_) in FIDELITIES.items()
        for name in (full.column("missing"), *(middle_of(modality).column(kind) for kind in ("missing", "source")))
    )
)
"""What the intervals need of each item beside `CODED_BYTES`: real numbers, whatever the modality."""
