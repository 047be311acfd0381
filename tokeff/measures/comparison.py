"""Distortion of pictures, sound and clips against their originals, as columns of a Tally.

Sums that pool exactly (squared errors, energies) stand beside each item's own figure. A figure that an item does not
have is left out of its sum, and the count beside the sum says of how many items it is. Leaves out texts (`text`).
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from tokeff.errors import ItemError, TokeffError
from tokeff.maths.distortion import Figure, psnr_db, squared_error, structural_similarity
from tokeff.measures.rows import Column
from tokeff.measures.sound import compare_sound
from tokeff.measures.windows import compared_frames
from tokeff.records.items import Item
from tokeff.records.signals import AudioSignal, FrameSource, ImageSignal, SampledSource, Signal, VideoSignal
from tokeff.records.tallies import fixed

TIME_ERROR, SPACE_ERROR = "squared_error_time", "squared_error_space"
"""Columns, of clips that are made from some of their frames: squared errors of the reconstruction from the exact frames
against the original, and of the reconstruction against that one."""

Numbers = tuple[dict[str, int], dict[str, int]]
"""Counts and fixed-point reals of one item."""


def compare_media(
    tokenizer: str,
    items: Sequence[Item],
    signals: Sequence[Signal],
    reconstructions: Sequence[Signal | None],
    *,
    whole: bool = True,
) -> tuple[dict[str, Column], dict[str, Column]]:
    """Columns of counts and of reals. Without `whole`, of long clips only some frames (`windows`) are compared.

    Raises ItemError(`shape_mismatch`), and TokeffError for what no copy may be.
    """
    counts, reals = [], []
    for item, signal, copy in zip(items, signals, reconstructions, strict=True):
        numbers = _compare(tokenizer, item, signal, copy, whole) if copy is not None else ({}, {})
        counts.append({"n_reconstructed": int(copy is not None), **numbers[0]})
        reals.append(numbers[1])
    return _columns(counts), _columns(reals)


def _columns(rows: Sequence[dict[str, int]]) -> dict[str, Column]:
    names = {name: None for row in rows for name in row}
    return {name: [row.get(name) for row in rows] for name in names}


def _compare(tokenizer: str, item: Item, signal: Signal, copy: Signal, whole: bool) -> Numbers:
    if isinstance(signal, ImageSignal) and isinstance(copy, ImageSignal):
        _check_pair(tokenizer, item, signal.pixels, copy.pixels)
        return _image(signal.pixels, copy.pixels)
    if isinstance(signal, AudioSignal) and isinstance(copy, AudioSignal):
        return _audio(tokenizer, item, signal, copy)
    if isinstance(signal, VideoSignal) and isinstance(copy, VideoSignal):
        return _video(tokenizer, item, signal, copy, whole)
    raise TokeffError(
        f"reconstructs {item.key} as another modality",
        where=tokenizer,
        got=type(copy).__name__,
        expected=type(signal).__name__,
    )


def _image(original: Tensor, copy: Tensor) -> Numbers:
    error, n_samples = squared_error(original, copy), original.numel()
    counts, reals = {"squared_error": error, "n_compared": n_samples}, dict[str, int]()
    _add("psnr_db", psnr_db(error, n_samples), counts, reals)
    for name, figure in zip(("ssim", "ms_ssim"), structural_similarity(original, copy), strict=True):
        _add(name, figure, counts, reals)
    return counts, reals


def _audio(tokenizer: str, item: Item, signal: AudioSignal, copy: AudioSignal) -> Numbers:
    shapes = [(each.header.n_channels, each.header.n_samples) for each in (signal, copy)]
    _check_shapes(tokenizer, item, *shapes)
    reals, figures = compare_sound(signal, copy, lambda one, other: _check_pair(tokenizer, item, one, other))
    counts = {"n_compared": shapes[0][0] * shapes[0][1]}
    for name, figure in figures.items():
        _add(name, figure, counts, reals)
    return counts, reals


def _video(tokenizer: str, item: Item, signal: VideoSignal, copy: VideoSignal, whole: bool) -> Numbers:
    """Where the copy is made from some frames, also what that alone costs, and what their own coding adds."""
    sources: list[FrameSource] = [signal.source, copy.source]
    if isinstance(copy.source, SampledSource):
        sources.append(copy.source.over(signal.source))
    chosen = compared_frames(signal.header, whole)
    total = in_time = in_space = n_samples = 0
    for original, other, *exact in _in_step([source.frames(chosen) for source in sources], item):
        _check_pair(tokenizer, item, original, other)
        total += squared_error(original, other)
        n_samples += original.numel()
        if exact:
            in_time += squared_error(original, exact[0])
            in_space += squared_error(exact[0], other)
    counts, reals = {"squared_error": total, "n_compared": n_samples}, dict[str, int]()
    if len(sources) > 2:
        counts |= {TIME_ERROR: in_time, SPACE_ERROR: in_space}
    _add("psnr_db", psnr_db(total, n_samples), counts, reals)
    return counts, reals


def _add(name: str, figure: Figure, counts: dict[str, int], reals: dict[str, int]) -> None:
    """The figure and a count of 1; or, where there is none, a count of its reason."""
    stem = name.removesuffix("_db")
    if figure.value is None:
        counts[f"n_{stem}_{figure.reason}"] = 1
    else:
        counts[f"n_{stem}"] = 1
        reals[name] = fixed(figure.value)


def _in_step(streams: Sequence[Iterator[Tensor]], item: Item) -> Iterator[list[Tensor]]:
    """Chunks of equal length from streams of chunks: of the original, its copy, ... Raises ItemError where one ends."""
    heads = [next(stream, None) for stream in streams]
    n_frames = 0
    while whole := [head for head in heads if head is not None]:
        if len(whole) < len(heads):
            break
        n = min(map(len, whole))
        yield [head[:n] for head in whole]
        n_frames += n
        heads = [head[n:] if len(head) > n else next(stream, None) for head, stream in zip(whole, streams, strict=True)]
    if any(head is not None for head in heads):
        names = ("original", "reconstruction")
        longer, shorter = names if heads[0] is not None else names[::-1]
        raise ItemError(
            "shape_mismatch",
            "the reconstruction has another number of frames than the original",
            where=item.key,
            got=f"{n_frames} frames of the {shorter}, more of the {longer}",
        )


def _check_pair(tokenizer: str, item: Item, original: Tensor, copy: Tensor) -> None:
    """Equal shape and type, and numbers throughout."""
    _check_shapes(tokenizer, item, original.shape, copy.shape)
    if original.dtype != copy.dtype:
        raise TokeffError(
            f"reconstructs {item.key} in another number type", where=tokenizer, got=copy.dtype, expected=original.dtype
        )
    if copy.is_floating_point() and not bool(torch.isfinite(copy).all()):
        raise TokeffError(
            f"reconstructs {item.key} with NaN or infinite samples",
            where=tokenizer,
            expected="finite numbers",
            fix="Its decoder or its weights are broken: no figure of it can be trusted.",
        )


def _check_shapes(tokenizer: str, item: Item, original: Sequence[int], copy: Sequence[int]) -> None:
    if tuple(original) != tuple(copy):
        raise ItemError(
            "shape_mismatch",
            f"the reconstruction by {tokenizer} has another shape than the original",
            where=item.key,
            got=list(copy),
            expected=list(original),
        )
