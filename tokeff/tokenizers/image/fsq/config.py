"""What an FSQ autoencoder is made of: levels, stride and widths, checked once; as JSON and back. No torch.

Leaves out the network (`model`) and how it is fitted (`training`).
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields

from tokeff.errors import ArtefactInvalid, SpecError

SMALLEST_TRUNK = 8
"""The networks work on blocks of at least 8x8 pixels: few positions with many channels are what processors like."""
STRIDES = (2, 4, 8, 16)
MAX_CODES = 2**20
LEVELS = range(2, 9)
CODES_PER_DIMENSION = 4.2
"""About as many levels as `levels_for` gives to one dimension, near the [8, 5, 5, 5] of the FSQ paper."""

SMALLEST_SHARE = 0.95
"""Of the largest product, so much is good enough where the levels are more even."""


@dataclass(frozen=True, slots=True)
class FsqConfig:
    """The shape of one autoencoder. Raises SpecError for what cannot be built."""

    levels: tuple[int, ...]
    """Levels of each dimension of the latent; their product is the number of ids (arXiv 2309.15505)."""
    stride: int = 8
    """Pixels along each side of a token."""
    width: int = 160
    encoder_blocks: int = 2
    decoder_blocks: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.stride not in STRIDES:
            raise SpecError("not a stride", where="stride", got=self.stride, expected=f"one of {STRIDES}")
        if not self.levels or any(type(level) is not int or level < 2 for level in self.levels):
            raise SpecError("not levels", where="levels", got=self.levels, expected="whole numbers of at least 2")
        if self.n_codes > MAX_CODES:
            raise SpecError("too many codes", where="levels", got=self.n_codes, expected=f"at most {MAX_CODES}")
        for name in ("width", "encoder_blocks", "decoder_blocks"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise SpecError("must be a positive whole number", where=name, got=getattr(self, name))

    @property
    def n_codes(self) -> int:
        """Number of ids."""
        return math.prod(self.levels)

    @property
    def bits_per_pixel(self) -> float:
        """Capacity: log2 of the number of ids, per pixel."""
        return math.log2(self.n_codes) / self.stride**2

    @property
    def trunk(self) -> int:
        """Pixels along each side of a position of the networks; pictures are padded to multiples of it."""
        return max(SMALLEST_TRUNK, self.stride)

    @property
    def fold(self) -> int:
        """Tokens along each side of such a position."""
        return self.trunk // self.stride

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str) -> "FsqConfig":
        """What `to_json` gave. Raises ArtefactInvalid."""
        try:
            table = json.loads(text)
            if set(table) != {each.name for each in fields(cls)}:
                raise ValueError(f"its keys are {', '.join(sorted(table))}")
            return cls(**{**table, "levels": tuple(table["levels"])})
        except (ValueError, TypeError, SpecError) as error:
            raise ArtefactInvalid(f"its FSQ configuration cannot be read: {error}", where=where) from error


def levels_for(n_codes: int) -> tuple[int, ...]:
    """The most even levels, largest first, among those whose product is at most `n_codes` and hardly below what can be.

    >>> levels_for(1200), levels_for(84)
    ((5, 5, 4, 4, 3), (5, 4, 4))
    """
    if not 2 <= n_codes <= MAX_CODES:
        raise SpecError("not a number of codes", got=n_codes, expected=f"2 to {MAX_CODES}")
    n_dimensions = max(1, round(math.log(n_codes) / math.log(CODES_PER_DIMENSION)))
    found = [levels for levels in _descending(n_dimensions, LEVELS[-1]) if math.prod(levels) <= n_codes]
    enough = SMALLEST_SHARE * max(map(math.prod, found))
    good = [levels for levels in found if math.prod(levels) >= enough]
    return min(good, key=lambda levels: (levels[0] - levels[-1], -math.prod(levels)))


def _descending(length: int, largest: int) -> Iterator[tuple[int, ...]]:
    if length == 0:
        yield ()
        return
    for first in range(LEVELS[0], largest + 1):
        for rest in _descending(length - 1, first):
            yield (first, *rest)
