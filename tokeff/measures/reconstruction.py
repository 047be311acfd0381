"""Reconstruction entropy of items: bits of the signal, and bits still missing once the tokens' reconstruction is known.

At full size for several depths, at full depth for several scales; columns `source_bits_d8_s1`, `missing_bits_d8_s1`,
... of a Tally. Bits of the originals are kept for the other tokenizers of the same batch. Leaves out the coder
(`maths.codelength`), what items share (`pooled`), texts (they come back or not) and the shares (`figures`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokeff.maths.codelength import ClipCoder, audio_code_length, image_code_length
from tokeff.maths.codelength.fidelity import reduce_pictures, reduce_sound, reduce_time
from tokeff.measures.fidelities import (
    ALL_FIDELITIES,
    CODED_BYTES,
    CODED_ITEMS,
    FIDELITIES,
    IN_TIME,
    SCALES,
    Fidelity,
)
from tokeff.measures.pooled import Pools
from tokeff.measures.rows import Column
from tokeff.measures.windows import CLIP_FRAMES, View
from tokeff.records.items import Item, Modality
from tokeff.records.signals import AudioSignal, ImageSignal, SampledSource, Signal, VideoSignal
from tokeff.records.tallies import fixed

Bits = dict[Fidelity, float]


@dataclass(slots=True, kw_only=True)
class SourceBits:
    """How code lengths are measured in one batch, and those of its originals, so that each is measured once."""

    device: str = "cpu"
    whole: bool = False
    """Whether signals are coded whole, not only a window of each."""
    known: dict[str, Bits] = field(default_factory=dict)
    """By the item's key."""
    pools: dict[frozenset[str], Pools] = field(default_factory=dict)
    """By the keys of the items that they are of."""
    references: dict[str, dict[str, int]] = field(default_factory=dict)
    """Bits in files of kept libraries, and `bytes`, by the item's key."""


@dataclass(slots=True, kw_only=True)
class Coded:
    """What a Tally holds of the code lengths of items: columns, and what their histograms share."""

    counts: dict[str, Column] = field(default_factory=dict)
    reals: dict[str, Column] = field(default_factory=dict)
    histograms: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    real_sums: dict[str, int] = field(default_factory=dict)


def reconstruction_columns(
    items: Sequence[Item], signals: Sequence[Signal], copies: Sequence[Signal | None], sources: SourceBits
) -> Coded:
    """Code lengths of the items that have a copy. All of one modality that is not text.

    Copies have the shapes of their originals. `sources` is filled on the way.
    """
    groups = [
        [View(items[place].key, signals[place], copies[place], sources.whole) for place in places]
        for places in _equal_shapes(signals, copies)
    ]
    coded = {view.key: view.n_bytes for views in groups for view in views}
    if not coded:
        return Coded()
    which = frozenset(coded)
    if which not in sources.pools:
        alone = Pools()
        for views in groups:
            sources.known |= _measured(views, sources.device, alone)
        sources.pools[which] = alone
    pools = {"source": sources.pools[which], "missing": Pools(), "time": Pools()}
    missing: dict[str, Bits] = {}
    for views in groups:
        missing |= _measured(views, sources.device, pools["missing"], sources.known)
    keys = [item.key for item in items]
    reals: dict[str, Column] = {}
    for each in ALL_FIDELITIES:
        if each in next(iter(missing.values())):
            reals[each.column("source")] = [_bits(sources.known, key, each) if key in missing else None for key in keys]
            # A copy of a clip that does not help is not used either.
            reals[each.column("missing")] = [
                min(_bits(missing, key, each), _bits(sources.known, key, each)) if key in missing else None
                for key in keys
            ]
    reals |= _lost_in_time(keys, signals, copies, sources, pools["time"])
    return Coded(
        counts={CODED_ITEMS: [1 if key in coded else None for key in keys], CODED_BYTES: [*map(coded.get, keys)]},
        reals=reals,
        histograms={name: counts for kind, of in pools.items() for name, counts in of.histograms(kind).items()},
        real_sums={name: bits for kind, of in pools.items() for name, bits in of.rest(kind).items()},
    )


def _lost_in_time(
    keys: Sequence[str],
    signals: Sequence[Signal],
    copies: Sequence[Signal | None],
    sources: SourceBits,
    pools: Pools,
) -> dict[str, Column]:
    """Bits missing once the exact frames are known that a copy was made from; the rest is their own coding's."""
    found: dict[str, Bits] = {}
    for key, signal, copy in zip(keys, signals, copies, strict=True):
        if isinstance(signal, VideoSignal) and isinstance(copy, VideoSignal):
            source = copy.source
            if isinstance(source, SampledSource):
                exact = replace(copy, source=source.over(signal.source))
                view = View(key, signal, exact, sources.whole)
                found[key] = _clip_bits(view, sources.device, pools, given=True, fidelities=IN_TIME)
    return {
        each.column("time"): [
            min(_bits(found, key, each), _bits(sources.known, key, each)) if key in found else None for key in keys
        ]
        for each in IN_TIME
        if found
    }


def _bits(table: dict[str, Bits], key: str, fidelity: Fidelity) -> int:
    return fixed(table[key][fidelity])


def _equal_shapes(signals: Sequence[Signal], copies: Sequence[Signal | None]) -> Iterator[list[int]]:
    """Places that can be coded together; clips one by one."""
    shapes: dict[Any, list[int]] = {}
    for place, (signal, copy) in enumerate(zip(signals, copies, strict=True)):
        if copy is None:
            continue
        if isinstance(signal, ImageSignal):
            shapes.setdefault(tuple(signal.pixels.shape), []).append(place)
        elif isinstance(signal, AudioSignal):
            shapes.setdefault((signal.header.n_channels, signal.header.n_samples), []).append(place)
        else:
            shapes[-1, place] = [place]
    yield from shapes.values()


def _measured(
    views: Sequence[View], device: str, pools: Pools, known: Mapping[str, Bits] | None = None
) -> dict[str, Bits]:
    """Bits of views of equal shape, by key; beside their copies where those of the originals alone are `known`.

    `pools` is filled on the way.
    """
    signal = views[0].signal
    if isinstance(signal, VideoSignal):
        return {views[0].key: _clip_bits(views[0], device, pools, given=known is not None)}
    x, side, alone = torch.stack([view.tensor(view.signal) for view in views]).to(device), None, None
    if known is not None:
        side = torch.stack([view.tensor(view.copy) for view in views]).to(device)
        alone = [known[view.key] for view in views]
    bits = _batch_bits("image" if isinstance(signal, ImageSignal) else "audio", x, side, alone, pools)
    return {view.key: {each: lengths[n] for each, lengths in bits.items()} for n, view in enumerate(views)}


def _batch_bits(
    modality: Modality, x: Tensor, side: Tensor | None, alone: Sequence[Bits] | None, pools: Pools
) -> dict[Fidelity, list[float]]:
    reduce: Callable[[Tensor, int], Tensor] = reduce_pictures if modality == "image" else reduce_sound
    code_length: Callable[..., Tensor] = image_code_length if modality == "image" else audio_code_length
    bits: dict[Fidelity, list[float]] = {}
    for scale in SCALES:
        small, known = reduce(x, scale), None if side is None else reduce(side, scale)
        for each in FIDELITIES[modality]:
            if each.scale == scale:
                source = None
                if alone is not None:
                    source = torch.tensor([of_item[each] for of_item in alone], dtype=torch.float64, device=x.device)
                found = code_length(small, known, depth_bits=each.depth_bits, source_bits=source, pool=pools[each])
                bits[each] = found.tolist()
    return bits


def _clip_bits(
    view: View, device: str, pools: Pools, *, given: bool, fidelities: Sequence[Fidelity] = FIDELITIES["video"]
) -> Bits:
    coders = {each: ClipCoder(depth_bits=each.depth_bits) for each in fidelities}
    originals = view.chunks(view.signal)
    copies = view.chunks(view.copy) if given else None
    while chunk := list(islice(originals, CLIP_FRAMES)):
        frames = torch.cat(chunk).to(device)
        other = torch.cat(list(islice(copies, len(chunk)))).to(device) if copies else None
        for scale in {each.scale for each in coders}:
            small, known = reduce_pictures(frames, scale), None if other is None else reduce_pictures(other, scale)
            for each, coder in coders.items():
                if each.scale == scale:
                    coder.add(_slower(small, each), None if known is None else _slower(known, each))
    for each, coder in coders.items():
        coder.leave_to(pools[each])
    return {each: coder.bits() for each, coder in coders.items()}


def _slower(frames: Tensor, fidelity: Fidelity) -> Tensor:
    return reduce_time(frames, fidelity.time) if fidelity.time > 1 else frames
