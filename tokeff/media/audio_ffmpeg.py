"""Sound that FFmpeg reads: MP3, AAC, Opus, ALAC and the rest, alone or in MP4, Matroska, Ogg, MPEG-TS, AVI, ...

How samples are counted without decoding:

    MP3     every packet, less the delay and padding that its LAME tag states: measured
    MP4     the durations of all packets, less the delay of its edit list (the decoder's padding at the end is not in
            them): claimed
    Opus in Ogg: the last granule position, less the pre-skip (RFC 7845 section 4): claimed
    others  their times are rounded (Matroska: to milliseconds) or absent: they are decoded and counted: measured

The first sound stream is taken. Leaves out pictures.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from tokeff.errors import ItemError
from tokeff.media.audio_limits import READ_SAMPLES, Block, checked_header
from tokeff.media.containers import Container
from tokeff.records.headers import AudioHeader, Counted

FULL_SCALE = {"u8": 128, "s16": 2**15, "s32": 2**31, "s64": 2**63}
"""Size of 1.0 in FFmpeg's sample formats; the floating ones have 1."""


def read_header(stream: BinaryIO, kind: Container) -> AudioHeader:
    """Rate, channels and samples. Raises ItemError."""
    with _opened(stream, kind) as (container, sound):
        counted_fast = _count_fast(container, sound, kind)
        if counted_fast is not None:
            n_samples, counted = counted_fast
            rate, n_channels = sound.codec_context.sample_rate, sound.codec_context.channels
            return checked_header(
                sample_rate_hz=rate, n_samples=n_samples, n_channels=n_channels, container=kind.name, counted=counted
            )
    return _header_of(_decoded_frames(stream, kind), kind)


def blocks(stream: BinaryIO, kind: Container) -> Iterator[Block]:
    """The samples, in order, as many as the header says. Raises ItemError."""
    with _opened(stream, kind) as (container, sound):
        expected = _count_fast(container, sound, kind)
    n_done, parts = 0, list[NDArray[np.float32]]()
    shape = (0, 0)
    for frame in _of_one_shape(_decoded_frames(stream, kind)):
        shape = (frame.sample_rate, frame.layout.nb_channels)
        parts.append(_float_samples(frame))
        if sum(part.shape[1] for part in parts) >= READ_SAMPLES:
            block = _cut(parts, expected, n_done)
            n_done += sum(part.shape[1] for part in parts)
            parts = []
            if block.shape[1]:
                yield Block.checked(block, shape[0], kind.name)
    if parts:
        block = _cut(parts, expected, n_done)
        n_done += sum(part.shape[1] for part in parts)
        if block.shape[1]:
            yield Block.checked(block, shape[0], kind.name)
    if expected is not None and n_done < expected[0]:
        got = f"{n_done} samples"
        raise ItemError("truncated", "the recording ends early", got=got, expected=f"{expected[0]}, as it claims")


def _cut(parts: list[NDArray[np.float32]], expected: tuple[int, Counted] | None, n_done: int) -> NDArray[np.float32]:
    """[channels, n], without what the container says is the decoder's padding."""
    whole = np.concatenate(parts, axis=1)
    return np.ascontiguousarray(whole if expected is None else whole[:, : max(0, expected[0] - n_done)])


def _count_fast(container: InputContainer, sound: AudioStream, kind: Container) -> tuple[int, Counted] | None:
    """Samples per channel without decoding, or None where only decoding can tell."""
    if kind.name == "MP3":
        return _count_mp3(container, sound), "measured"
    tick = sound.time_base
    rate = sound.codec_context.sample_rate
    if kind.name == "MP4" and tick is not None and (tick * rate).denominator == 1:
        ticks, delay = 0, None
        for packet in container.demux(sound):
            delay = _skipped(packet)[0] if delay is None else delay
            ticks += (packet.duration or 0) if packet.size else 0
        return int(ticks * tick * rate) - (delay or 0), "claimed"
    if kind.name == "OGG" and sound.codec_context.name == "opus" and sound.duration and tick is not None:
        pre_skip = int.from_bytes((sound.codec_context.extradata or b"")[10:12], "little")
        return int(sound.duration * tick * rate) - pre_skip, "claimed"
    return None


def _count_mp3(container: InputContainer, sound: AudioStream) -> int:
    """Raises ItemError `truncated` where a Xing tag claims more than is there."""
    rate, tick = sound.codec_context.sample_rate, sound.time_base or 0
    claimed = int((sound.duration or 0) * tick * rate)
    n_samples = 0
    has_tag = False
    for packet in container.demux(sound):
        skipped = _skipped(packet)
        has_tag |= sum(skipped) > 0
        n_samples += int((packet.duration or 0) * tick * rate) - sum(skipped) if packet.size else 0
    if has_tag and n_samples < claimed:
        raise ItemError("truncated", "the recording ends early", got=f"{n_samples} samples", expected=claimed)
    return n_samples


def _skipped(packet: "av.Packet[AudioStream]") -> tuple[int, int]:
    """Samples that FFmpeg drops at the packet's start and end: the encoder's delay and padding."""
    for side in packet.iter_sidedata():
        if side.data_type == "skip_samples":
            start, end = struct.unpack("<II", bytes(side)[:8])
            return start, end
    return 0, 0


def _header_of(frames: Iterator[av.AudioFrame], kind: Container) -> AudioHeader:
    """Counted from decoded frames. Raises ItemError where rate or channels change midway."""
    n_samples, shape = 0, (1, 1)  # where nothing is decoded, the header below says so
    for frame in _of_one_shape(frames):
        n_samples, shape = n_samples + frame.samples, (frame.sample_rate, frame.layout.nb_channels)
    return checked_header(
        sample_rate_hz=shape[0], n_samples=n_samples, n_channels=shape[1], container=kind.name, counted="measured"
    )


def _of_one_shape(frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """The frames. Raises ItemError where rate or channels change midway."""
    shape: tuple[int, int] | None = None
    for frame in frames:
        here = (frame.sample_rate, frame.layout.nb_channels)
        if shape is not None and here != shape:
            raise ItemError("corrupt", "rate or channels change midway", got=here, expected=shape)
        shape = here if frame.samples else shape
        yield frame


def _decoded_frames(stream: BinaryIO, kind: Container) -> Iterator[av.AudioFrame]:
    with _opened(stream, kind) as (container, sound):
        yield from container.decode(sound)


def _float_samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """float32 [channels, n]."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    scale = FULL_SCALE.get(frame.format.name.removesuffix("p"), 1)
    with np.errstate(all="ignore"):  # what is not a number is refused when all is there
        centred = values.astype(np.float64) - (128 if scale == 128 else 0)
        samples: NDArray[np.float32] = (centred / scale).astype(np.float32)
    return samples


@contextmanager
def _opened(stream: BinaryIO, kind: Container) -> Iterator[tuple[InputContainer, AudioStream]]:
    stream.seek(0)
    try:
        with av.open(stream, "r", format=kind.demuxer, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise ItemError("no_audio_stream", "the file holds no sound", got=f"{kind.name} container")
            sound = container.streams.audio[0]
            if getattr(sound, "codec_context", None) is None:
                raise ItemError("unsupported", "FFmpeg has no decoder for this sound", got=f"{kind.name} container")
            yield container, sound
    except EOFError as error:
        raise ItemError("truncated", "the recording ends early", got=str(error)) from error
    except (av.error.DecoderNotFoundError, av.codec.codec.UnknownCodecError) as error:
        raise ItemError("unsupported", "FFmpeg has no decoder for this sound", got=str(error)) from error
    except av.FFmpegError as error:
        raise ItemError("corrupt", "the recording cannot be decoded", got=str(error)) from error
