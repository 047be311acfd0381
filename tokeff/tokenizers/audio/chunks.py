"""Which parts of a recording a network gets: whole where it is short, equal chunks where it is long, the rest alone.

A model's own rule (EnCodec at 48 kHz: chunks of 1 s, each begins 10 ms before the end of the one before) holds for
every recording; other models get a recording of up to `length` samples whole, and a longer one in chunks that do not
overlap. Nothing is held but a chunk or two.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from tokeff.media.resampling import fit

Span = tuple[int, int]
"""First sample and the one behind the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """The rule, in samples at the model's rate."""

    length: int
    stride: int
    least: int
    """The shortest chunk that the model takes."""

    def spans(self, n_samples: int) -> list[Span]:
        """Of each chunk, rising. A rest that is too short for the model belongs to the chunk before.

        >>> Chunks(length=100, stride=100, least=10).spans(205)
        [(0, 100), (100, 205)]
        >>> Chunks(length=100, stride=99, least=1).spans(205)
        [(0, 100), (99, 199), (198, 205)]
        """
        spans = [(first, min(first + self.length, n_samples)) for first in range(0, n_samples, self.stride)]
        if len(spans) > 1 and spans[-1][1] - spans[-1][0] < self.least:
            spans[-2:] = [(spans[-2][0], n_samples)]
        return spans


def cut(blocks: Iterable[Tensor], spans: Sequence[Span]) -> Iterator[Tensor]:
    """The samples [channels, stop - first] of rising spans, from blocks [channels, n] that follow one another.

    Raises ValueError where the blocks end before the spans do.
    """
    source = iter(blocks)
    held, begin = next(source), 0
    for first, stop in spans:
        parts, end = [held], begin + held.shape[1]
        while end < stop:
            block = next(source, None)
            if block is None:
                raise ValueError(f"a recording of {end} samples has no samples up to {stop}")
            parts.append(block)
            end += block.shape[1]
        held = (torch.cat(parts, dim=1) if len(parts) > 1 else held)[:, first - begin :]
        begin = first
        yield held[:, : stop - first]


def join(pieces: Iterable[Tensor], spans: Sequence[Span]) -> Iterator[Tensor]:
    """Blocks that follow one another, from the chunks [channels, n] of rising spans; overlaps are faded over.

    A piece may be longer or shorter than its span (networks work in whole frames). Where chunks overlap, each counts
    by a triangle over the length of the first (`EncodecModel._linear_overlap_add`, which this equals); where they do
    not, each is cut or filled up with silence to its span.
    """
    pairs = zip(pieces, spans, strict=True)
    if any(stop > first for (_, stop), (first, _) in pairwise(spans)):
        yield from _faded(pairs, [first for first, _ in spans[1:]])
    else:
        yield from (fit(piece, stop - first) for piece, (first, stop) in pairs)


def _faded(pairs: Iterable[tuple[Tensor, Span]], begins: Sequence[int]) -> Iterator[Tensor]:
    weight = total = sums = None
    begin = 0
    for (piece, (first, _)), after in zip(pairs, [*begins, None], strict=True):
        if weight is None or sums is None or total is None:
            steps = torch.linspace(0, 1, piece.shape[1] + 2, dtype=piece.dtype)[1:-1]
            weight = 0.5 - (steps - 0.5).abs()
            sums, total = piece.new_zeros(len(piece), 0), piece.new_zeros(0)
        missing = max(0, first - begin + piece.shape[1] - sums.shape[1])
        sums, total = (torch.nn.functional.pad(each, (0, missing)) for each in (sums, total))
        place = slice(first - begin, first - begin + piece.shape[1])
        sums[:, place] += weight[: piece.shape[1]] * piece
        total[place] += weight[: piece.shape[1]]
        done = sums.shape[1] if after is None else after - begin
        yield sums[:, :done] / total[:done]
        sums, total, begin = sums[:, done:], total[done:], begin + done
