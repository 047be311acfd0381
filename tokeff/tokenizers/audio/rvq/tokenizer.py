"""The tokenizer of the family: recordings in batches of equal chunks through a codec.

    rate        resampled to the codec's, and its copy back to the file's (`rates`); raw bytes stay those of the file
    channels    a codec of one channel gets their mean (`rates`)
    length      a recording of up to `chunk_seconds` is one chunk; a longer one is cut into equal chunks, and what is
                left is a chunk of its own (`chunks`); a codec with a rule of its own keeps to it
    batches     chunks of exactly equal length, of whatever recordings: padding changes ids
    tokens      one stream per codebook, as long as the codec's answer without its padding

Recordings go through in blocks: memory is that of a batch, and of the tokens. Ids are computed in float32 unless the
card says otherwise. Leaves out the way back (`autoencoder`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from tokeff.errors import ItemError, SpecError
from tokeff.records.cards import Card
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.audio.chunks import Chunks, Span, cut
from tokeff.tokenizers.audio.rvq.batches import BATCH_SAMPLES, Batches
from tokeff.tokenizers.audio.rvq.models import AudioCodec
from tokeff.tokenizers.audio.rvq.rates import resampled, resampled_length, with_channels

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK_SECONDS = 30.0
"""A chunk, unless the card says otherwise, and unless that is more samples than a batch on a CPU."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a codec makes of one chunk."""

    ids: "tuple[NDArray[np.integer[Any]], ...]"
    """By stream."""
    n_samples: int
    """Of the chunk, at the codec's rate."""
    scale: float | None
    """Its loudness, of codecs that take it off before coding."""


@dataclass(frozen=True, slots=True)
class Parts:
    """How a recording's tokens are made up of chunks: what `decode` needs beside the ids."""

    lengths: tuple[tuple[int, ...], ...]
    """Of each chunk: the positions of each stream."""
    scales: tuple[float | None, ...]
    """Of each chunk."""


@dataclass(frozen=True, slots=True)
class _Store:
    """The ids of a recording's equal chunks, in one array by stream.

    An array of its own for each chunk would lie where a batch's samples lay before, and the next batch, as large, would
    no longer fit there: memory would grow with the recording all the same.
    """

    streams: "tuple[NDArray[np.integer[Any]], ...]"
    """By stream: [chunks, positions]."""

    @classmethod
    def of(cls, part: Part, n_chunks: int) -> "_Store":
        return cls(tuple(np.empty((n_chunks, len(ids)), ids.dtype) for ids in part.ids))

    def keep(self, part: Part, chunk: int) -> Part:
        """The same part, its ids in the store."""
        for stream, ids in zip(self.streams, part.ids, strict=True):
            stream[chunk] = ids
        return Part(tuple(stream[chunk] for stream in self.streams), part.n_samples, part.scale)


@dataclass(slots=True, kw_only=True, eq=False)
class RvqTokenizer:
    """A codec that encodes."""

    card: Card
    codec: AudioCodec
    chunks: Chunks
    batches: Batches
    dtype: str
    """Of the network's arithmetic: float32 or bfloat16."""

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """Of each stream."""
        return self.codec.codebook_sizes

    @property
    def input_policy(self) -> dict[str, str]:
        """What is done to a recording before it is encoded: a reader of figures must know."""
        codec, chunks = self.codec, self.chunks
        length, stride = chunks.length / codec.sample_rate_hz, chunks.stride / codec.sample_rate_hz
        if codec.n_channels == 1:
            channels = "the mean of all channels; the copy is given to each of them"
        else:
            channels = "two as they are; of any other number the mean, twice"
        if codec.own_chunks is None:
            cutting = f"recordings longer than {length:g} s in chunks of so much, none overlapping; the rest alone"
        else:
            cutting = f"the model's own: {length:g} s long, one every {stride:g} s; the rest alone"
        return {
            "sample_rate": f"{codec.sample_rate_hz} Hz, resampled by torchaudio (windowed sinc), or by swresample for "
            "pairs of rates whose kernel exceeds 16 MiB; copies are resampled back to the file's rate",
            "channels": channels,
            "chunks": cutting,
        }

    def encode(self, signals: Sequence[AudioSignal]) -> list[Tokens]:
        """Ids int32, one stream per codebook. Raises ItemError(`too_short`) below the codec's shortest chunk."""
        plans = [self.spans(signal.header) for signal in signals]
        found: list[dict[int, Part]] = [{} for _ in signals]
        stores: dict[int, _Store] = {}
        for (item, chunk), part in self.batches.run(self._pieces(signals, plans), _length, self._encode):
            whole = part.n_samples == self.chunks.length
            if whole and item not in stores:
                stores[item] = _Store.of(part, len(plans[item]))
            found[item][chunk] = stores[item].keep(part, chunk) if whole else part
        return [_tokens([parts[chunk] for chunk in range(len(parts))]) for parts in found]

    def spans(self, header: AudioHeader) -> list[Span]:
        """The chunks of a recording, in samples at the codec's rate. Raises ItemError(`too_short`)."""
        n_samples = resampled_length(header.n_samples, header.sample_rate_hz, self.codec.sample_rate_hz)
        if n_samples < self.codec.least_samples:
            raise ItemError(
                "too_short",
                "is too short for this codec",
                got=f"{n_samples} samples at {self.codec.sample_rate_hz} Hz",
                expected=f"at least {self.codec.least_samples}",
            )
        return self.chunks.spans(n_samples)

    def _pieces(
        self, signals: Sequence[AudioSignal], plans: Sequence[Sequence[Span]]
    ) -> Iterator[tuple[tuple[int, int], Tensor]]:
        """((item, chunk), samples [n_channels, length]) of every chunk, recording after recording."""
        for item, (signal, spans) in enumerate(zip(signals, plans, strict=True)):
            blocks = (with_channels(block, self.codec.n_channels) for block in signal.blocks())
            pieces = cut(resampled(blocks, signal.header.sample_rate_hz, self.codec.sample_rate_hz), spans)
            yield from (((item, chunk), piece) for chunk, piece in enumerate(pieces))

    def _encode(self, pieces: Sequence[Tensor]) -> list[Part]:
        samples = torch.stack(list(pieces)).to(self.batches.device, getattr(torch, self.dtype))
        codes = self.codec.encode(samples)
        streams = [stream.to("cpu", torch.int32).numpy() for stream in codes.streams]
        scales = [None] * len(pieces) if codes.scales is None else codes.scales.flatten().tolist()
        length = samples.shape[-1]
        return [Part(tuple(stream[place] for stream in streams), length, scale) for place, scale in enumerate(scales)]


def chunks_of(codec: AudioCodec, card: Card) -> Chunks:
    """The codec's own, or what the card says. Raises SpecError."""
    seconds = card.parameters.get("chunk_seconds")
    if codec.own_chunks is not None:
        if seconds is not None:
            raise SpecError("this model has chunks of its own", where=card.name, got=f"chunk_seconds={seconds}")
        length, stride = codec.own_chunks
        return Chunks(length=length, stride=stride, least=codec.least_samples)
    wanted = (CHUNK_SECONDS if seconds is None else float(str(seconds))) * codec.sample_rate_hz
    if not math.isfinite(wanted):
        raise SpecError("is no length", where=f"{card.name}: chunk_seconds", got=seconds, expected="seconds")
    length = int(wanted if seconds is not None else min(wanted, BATCH_SAMPLES["cpu"]))
    length -= length % codec.hop_samples
    if length < max(codec.hop_samples, codec.least_samples):
        least = max(codec.hop_samples, codec.least_samples) / codec.sample_rate_hz
        raise SpecError("chunks are too short", where=card.name, got=f"{seconds} s", expected=f"at least {least:.3g} s")
    return Chunks(length=length, stride=length, least=codec.least_samples)


def _length(piece: Tensor) -> tuple[int, int]:
    return piece.shape[1], piece.shape[1]


def _tokens(parts: Sequence[Part]) -> Tokens:
    streams = [np.concatenate(ids) for ids in zip(*(part.ids for part in parts), strict=True)]
    lengths = tuple(tuple(map(len, part.ids)) for part in parts)
    return Tokens.discrete(streams, payload=Parts(lengths, tuple(part.scale for part in parts)))
