"""Sound: header and samples at the file's own rate, and classical codecs (`audio_coding`).

libsndfile reads what it reads well (`audio_sndfile`), FFmpeg the rest (`audio_ffmpeg`); each says how it counts.
Samples of 16 bits are exactly value / 32768; 24-bit and floating ones keep their precision, cut to [-1, 1]. Opus has
48 kHz in every container. A file that ends before its container says so is refused (`extents`).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media import audio_ffmpeg, audio_sndfile
from tokeff.media.audio_blocks import ForwardSamples
from tokeff.media.audio_coding import Codec, decode_bytes, encode
from tokeff.media.audio_limits import HELD_SAMPLES, MAX_SAMPLES, Block, checked_header, refuse_too_long
from tokeff.media.containers import HEAD_BYTES, Container, container
from tokeff.media.extents import check_extent
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal, LongAudioSignal

__all__ = ["HELD_SAMPLES", "MAX_SAMPLES", "Codec", "decode", "decode_bytes", "decode_later", "encode", "read_header"]


def read_header(stream: BinaryIO) -> AudioHeader:
    """Rate, channels and number of samples; its `counted` says whether they were counted or claimed.

    Raises ItemError: `empty_file`, `truncated`, `corrupt`, `unsupported`, `too_short`, `no_audio_stream`.
    """
    kind = _container(stream)
    if _for_libsndfile(stream, kind):
        try:
            return audio_sndfile.read_header(stream)
        except audio_sndfile.NotRead:
            pass  # e.g. AAC in CAF, which FFmpeg reads
    return audio_ffmpeg.read_header(stream, kind)


def decode(stream: BinaryIO) -> AudioSignal:
    """All samples, held in memory. Raises ItemError as `read_header` does, and `too_large`."""
    blocks, header = _collect(_blocks(stream, held=True), MAX_SAMPLES)
    refuse_too_long(header.n_samples * header.n_channels)
    return AudioSignal(header=header, samples=_joined(blocks))


def decode_later(open: Callable[[], BinaryIO]) -> AudioSignal:
    """The same for a recording of any length: one of more than HELD_SAMPLES is decoded whenever it is read.

    It is read to its end here, too, so that a damaged one is refused now. `open` gives a fresh stream each time.
    """
    with open() as stream:
        blocks, header = _collect(_blocks(stream, held=False), HELD_SAMPLES)
    if header.n_samples * header.n_channels <= HELD_SAMPLES:
        return AudioSignal(header=header, samples=_joined(blocks))

    def again() -> Iterator[Tensor]:
        with open() as stream:
            for block in _blocks(stream, held=False):
                yield torch.from_numpy(block.samples)

    return LongAudioSignal(header=header, source=ForwardSamples(again))


def _blocks(stream: BinaryIO, *, held: bool) -> Iterator[Block]:
    kind = _container(stream)
    if _for_libsndfile(stream, kind):
        try:
            yield from audio_sndfile.blocks(stream, held=held)
            return
        except audio_sndfile.NotRead:
            pass  # raised before the first block
    yield from audio_ffmpeg.blocks(stream, kind)


def _collect(blocks: Iterator[Block], n_held: int) -> tuple[list[Block], AudioHeader]:
    """The header, and the blocks of a recording of up to `n_held` samples of all channels."""
    held: list[Block] = []
    n_samples, last = 0, Block(np.zeros((1, 0), np.float32), 1, "")
    for block in blocks:
        n_samples, last = n_samples + block.samples.shape[1], block
        if n_samples * len(block.samples) <= n_held:
            held.append(block)
        else:
            held.clear()
    header = checked_header(
        sample_rate_hz=last.sample_rate_hz,
        n_samples=n_samples,
        n_channels=len(last.samples),
        container=last.container,
        counted="measured",
    )
    return held, header


def _joined(blocks: Sequence[Block]) -> Tensor:
    parts = [block.samples for block in blocks]
    return torch.from_numpy(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))


def _container(stream: BinaryIO) -> Container:
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if not head:
        raise ItemError("empty_file", "the recording has no bytes")
    kind = container(head)
    if head.startswith(b"ID3") and len(head) >= 10:
        # Seven bits of each byte count (ID3v2.4 section 3.1); what follows the tag need not be MP3.
        stream.seek(10 + sum(byte << 7 * (3 - place) for place, byte in enumerate(head[6:10])))
        tagged = container(stream.read(HEAD_BYTES))
        kind = tagged if tagged is not None and tagged.name in ("AAC", "FLAC") else kind
    if kind is None or kind.demuxer is None:
        raise ItemError("corrupt", "no known sound file begins like this", got="0x" + head[:8].hex())
    check_extent(stream, kind)
    return kind


def _for_libsndfile(stream: BinaryIO, kind: Container) -> bool:
    if kind.name != "OGG":
        return kind.name in audio_sndfile.CONTAINERS
    stream.seek(0)
    head = stream.read(256)
    return b"\x01vorbis" in head or b"\x7fFLAC" in head
