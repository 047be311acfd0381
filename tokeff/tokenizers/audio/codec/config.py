"""What the codec is made of: rate, bands, codebooks, network; checked once, as JSON and back. No torch.

One position of the streams is 40 ms: two frames of 20 ms. A frame has 50 coefficients for each kHz, in bands that are
narrow where speech has most of its energy. Leaves out the transform, the codebooks and the network themselves.
"""

import json
import math
from dataclasses import asdict, dataclass, fields

from tokeff.errors import ArtefactInvalid, SpecError

FRAME_RATE_HZ = 50
FRAMES_PER_POSITION = 2
RATES_HZ = range(8000, 48001)
SHAPES = ((8, 6, 8), (12, 5, 4), (16, 4, 4), (24, 3, 3), (40, 2, 64))
"""(width, stages, how many bands): 200 Hz wide up to 1.6 kHz, then wider; the last kind goes on to half the rate."""
LEAST_WIDTH = 4
MAX_CODES = 2**16


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """The shape of one codec. Raises SpecError for what cannot be built."""

    sample_rate_hz: int = 16000
    n_codes: int = 1024
    """Ids of each codebook."""
    n_codebooks: int = 64
    """Streams at most: the first `level_stages` say how loud each band is, the others what is in the loudest."""
    level_stages: int = 4
    block_positions: int = 32
    """Positions whose codes are shared out among each other."""
    width: int = 256
    blocks: int = 4
    """Channels and residual blocks of the network behind the codebooks."""

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        for each in fields(self):
            value = getattr(self, each.name)
            if type(value) is not int or value < 1:
                raise SpecError("must be a positive whole number", where=each.name, got=value)
        rate = self.sample_rate_hz
        if rate not in RATES_HZ or rate % (2 * FRAME_RATE_HZ):
            expected = f"{RATES_HZ[0]} to {RATES_HZ[-1]}, a multiple of {2 * FRAME_RATE_HZ}"
            raise SpecError("not a rate for this codec", where="sample_rate_hz", got=rate, expected=expected)
        if not 2 <= self.n_codes <= MAX_CODES:
            raise SpecError("not a number of codes", where="n_codes", got=self.n_codes, expected=f"2 to {MAX_CODES}")
        most = self.level_stages + FRAMES_PER_POSITION * sum(self.stages)
        if not self.level_stages < self.n_codebooks <= most:
            expected = f"{self.level_stages + 1} to {most}"
            raise SpecError("not a number of codebooks", where="n_codebooks", got=self.n_codebooks, expected=expected)

    @property
    def hop(self) -> int:
        """Samples, and coefficients, of a frame."""
        return self.sample_rate_hz // FRAME_RATE_HZ

    @property
    def position_samples(self) -> int:
        """Samples of a position."""
        return self.hop * FRAMES_PER_POSITION

    @property
    def bits_per_second(self) -> float:
        """Capacity of one stream."""
        return math.log2(self.n_codes) * FRAME_RATE_HZ / FRAMES_PER_POSITION

    @property
    def bands(self) -> tuple[tuple[int, int], ...]:
        """(width, stages) of each band, lowest first."""
        return _bands(self.hop)

    @property
    def widths(self) -> tuple[int, ...]:
        """Coefficients of each band; their sum is `hop`."""
        return tuple(width for width, _ in self.bands)

    @property
    def stages(self) -> tuple[int, ...]:
        """Codes that a band of a frame can have at most."""
        return tuple(stages for _, stages in self.bands)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str) -> "CodecConfig":
        """What `to_json` gave. Raises ArtefactInvalid."""
        try:
            table = json.loads(text)
            if set(table) != {each.name for each in fields(cls)}:
                raise ValueError(f"its keys are {', '.join(sorted(table))}")
            return cls(**table)
        except (ValueError, TypeError, SpecError) as error:
            raise ArtefactInvalid(f"its codec configuration cannot be read: {error}", where=where) from error


def _bands(n_coefficients: int) -> tuple[tuple[int, int], ...]:
    """Bands that fill a frame; a rest that is too narrow belongs to the last.

    >>> [width for width, _ in _bands(160)]
    [8, 8, 8, 8, 8, 8, 8, 8, 12, 12, 12, 12, 16, 16, 16]
    """
    found: list[tuple[int, int]] = []
    left = n_coefficients
    for width, stages, most in SHAPES:
        n = min(most, left // width)
        found += [(width, stages)] * n
        left -= n * width
    if left:
        width, stages = found.pop() if left < LEAST_WIDTH else (0, SHAPES[-1][1])
        found.append((width + left, stages))
    return tuple(found)
