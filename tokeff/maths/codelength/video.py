"""Code lengths of clips, frame after frame in chunks: memory is that of one chunk and one frame, whatever the length.

Each frame sees the frame before it and the reconstruction of its own place; its parameters are its own.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from tokeff.errors import TokeffError
from tokeff.maths.codelength import checks
from tokeff.maths.codelength.images import coded_bits


def video_code_length(chunks: Iterable[Tensor], side: Iterable[Tensor] | None = None, *, depth_bits: int = 8) -> float:
    """Bits to rebuild a clip given as chunks of frames, uint8 [n, 3, H, W], once those of `side` are known.

    The chunks of `side` are cut as those of the clip. 0 where every frame of `side` is exact.
    """
    total, all_exact = 0.0, side is not None
    for bits, exact in frame_code_lengths(chunks, side, depth_bits=depth_bits):
        total += float(bits.sum())
        all_exact = all_exact and bool(exact.all())
    return 0.0 if all_exact else total


def frame_code_lengths(
    chunks: Iterable[Tensor], side: Iterable[Tensor] | None = None, *, depth_bits: int = 8
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each chunk, the bits [n] (float64) of its frames and which of them [n] the reconstruction gives exactly."""
    before: Tensor | None = None
    for chunk, beside in _paired(chunks, side):
        frames, references = checks.pictures(chunk, "the frames"), list[Tensor]()
        if beside is not None:
            references = [checks.pictures(beside.to(frames.device), "the reconstructed frames")]
            checks.same_shape(frames, references[0], "frames")
        yield _chunk(frames, before, references, depth_bits)
        before = frames[-1:]


def _chunk(frames: Tensor, before: Tensor | None, references: list[Tensor], depth_bits: int) -> tuple[Tensor, Tensor]:
    """Bits and exactness of one chunk after the frame `before` [1, C, H, W]."""
    if before is not None and before.shape[1:] != frames.shape[1:]:
        got = f"{tuple(frames.shape[1:])} after {tuple(before.shape[1:])}"
        raise TokeffError("the frames of a clip change their size", got=got)
    shift = checks.depth(depth_bits, 8)
    parts = [] if before is not None else [coded_bits(frames[:1], [r[:1] for r in references], depth_bits)]
    if before is not None or len(frames) > 1:
        coded = frames if before is not None else frames[1:]
        past = frames[:-1] if before is None else torch.cat([before, frames[:-1]])
        known = [r[-len(coded) :] for r in references]
        bits, exact = coded_bits(coded, [(past >> shift) << shift, *known], depth_bits)
        parts.append((bits, exact & bool(references)))
    return torch.cat([bits for bits, _ in parts]), torch.cat([exact for _, exact in parts])


def _paired(chunks: Iterable[Tensor], side: Iterable[Tensor] | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    if side is None:
        yield from ((chunk, None) for chunk in chunks)
        return
    try:
        yield from zip(chunks, side, strict=True)
    except ValueError as error:
        raise TokeffError("the clip and its reconstruction differ in chunks", fix="Cut both alike.") from error
