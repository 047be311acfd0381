"""The tokenizer of a codec that also decodes: tokens to recordings at their own rates, lengths and numbers of channels.

Chunks are decoded in batches of equal length, faded over where the codec's own rule lets them overlap, resampled to the
file's rate. The copy of a long recording is decoded while it is read, as often as it is read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media.audio_blocks import ForwardSamples
from tokeff.media.resampling import fit
from tokeff.records.headers import AudioHeader, Header
from tokeff.records.signals import AudioSignal, LongAudioSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.audio.chunks import join
from tokeff.tokenizers.audio.rvq.models import AudioDecoder, Codes
from tokeff.tokenizers.audio.rvq.rates import resampled, resampled_length, with_channels
from tokeff.tokenizers.audio.rvq.tokenizer import Part, Parts, RvqTokenizer

if TYPE_CHECKING:
    from collections.abc import Hashable

HELD_SAMPLES = 2**24
"""Samples of all channels: a longer copy is decoded while it is read."""


@dataclass(slots=True, kw_only=True, eq=False)
class RvqAutoencoderTokenizer(RvqTokenizer):
    """A codec that also decodes."""

    codec: AudioDecoder

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[AudioSignal]:
        """The recordings. Raises ItemError(`corrupt`) for ids that are not of this codec or recording."""
        plain = [_plain(header) for header in headers]
        parts = [self._parts(each, header) for each, header in zip(tokens, plain, strict=True)]
        held = [place for place, header in enumerate(plain) if header.n_samples * header.n_channels <= HELD_SAMPLES]
        pieces: dict[int, list[Tensor]] = {place: [torch.empty(0)] * len(parts[place]) for place in held}
        jobs = (((place, chunk), part) for place in held for chunk, part in enumerate(parts[place]))
        for (place, chunk), piece in self.batches.run(jobs, _shape, self._decode):
            pieces[place][chunk] = piece
        return [
            self._held(header, pieces[place]) if place in pieces else self._read_later(header, parts[place])
            for place, header in enumerate(plain)
        ]

    def _held(self, header: AudioHeader, pieces: Sequence[Tensor]) -> AudioSignal:
        samples = fit(torch.cat(list(self._blocks(header, pieces)), dim=1), header.n_samples)
        return AudioSignal(header=header, samples=samples.contiguous())

    def _read_later(self, header: AudioHeader, parts: Sequence[Part]) -> AudioSignal:
        def blocks() -> Iterator[Tensor]:
            # The last chunks alone have other lengths, so that they come out in order.
            decoded = self.batches.run(enumerate(parts), _shape, self._decode)
            yield from self._blocks(header, (piece for _, piece in decoded))
            yield torch.zeros(header.n_channels, header.sample_rate_hz)  # where resampling ends a sample short

        return LongAudioSignal(header=header, source=ForwardSamples(blocks))

    def _blocks(self, header: AudioHeader, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
        """The file's samples, from the samples of the chunks."""
        rate_hz, own_hz = self.codec.output_rate_hz, self.codec.sample_rate_hz
        spans = [
            (resampled_length(first, own_hz, rate_hz), resampled_length(stop, own_hz, rate_hz))
            for first, stop in self.spans(header)
        ]
        for block in resampled(join(pieces, spans), rate_hz, header.sample_rate_hz):
            yield with_channels(block, header.n_channels).clamp(-1, 1)

    def _parts(self, tokens: Tokens, header: AudioHeader) -> list[Part]:
        """The chunks of a recording's tokens."""
        layout = tokens.payload
        if not isinstance(layout, Parts):
            layout = Parts((tuple(map(len, tokens.streams)),), (None,))
        lengths = np.array(layout.lengths).reshape(len(layout.lengths), -1)
        ends = lengths.cumsum(axis=0)
        if not self._fit(tokens, header, ends[-1].tolist(), len(ends)):
            raise ItemError(
                "corrupt",
                "these are not the ids of this codec and recording",
                got=f"streams of {[len(ids) for ids in tokens.streams]} ids in {len(ends)} chunks",
                expected=f"{len(self.spans(header))} chunks of streams with ids below {list(self.codebook_sizes)}",
            )
        return [
            Part(tuple(ids[a:b] for ids, a, b in zip(tokens.streams, begin, end, strict=True)), stop - first, scale)
            for begin, end, scale, (first, stop) in zip(
                ends - lengths, ends, layout.scales, self.spans(header), strict=True
            )
        ]

    def _fit(self, tokens: Tokens, header: AudioHeader, lengths: list[int], n_chunks: int) -> bool:
        sizes = self.codec.codebook_sizes
        if len(tokens.streams) != len(sizes) or list(map(len, tokens.streams)) != lengths:
            return False
        within = (
            len(ids) > 0 and int(ids.min()) >= 0 and int(ids.max()) < size
            for ids, size in zip(tokens.streams, sizes, strict=True)
        )
        return n_chunks == len(self.spans(header)) and all(within)

    def _decode(self, parts: Sequence[Part]) -> list[Tensor]:
        """Of each chunk of equal lengths: float32 [n_channels, n] on the CPU."""
        device = self.batches.device
        stacked = zip(*(part.ids for part in parts), strict=True)
        streams = tuple(torch.from_numpy(np.stack(ids).astype(np.int64)).to(device) for ids in stacked)
        scales = None
        if parts[0].scale is not None:
            numbers = [[part.scale] for part in parts]
            scales = torch.tensor(numbers, device=device, dtype=getattr(torch, self.dtype))
        return list(self.codec.decode(Codes(streams, scales)).float().cpu())


def _shape(part: Part) -> "tuple[Hashable, int]":
    """What is equal in a batch: the lengths of the streams; and the samples that they stand for."""
    return tuple(map(len, part.ids)), part.n_samples


def _plain(header: Header) -> AudioHeader:
    """Of a recording that never was a file."""
    if not isinstance(header, AudioHeader):
        raise TypeError(f"a recording's header is needed, got {type(header).__name__}")
    return replace(header, container="", counted="measured")
