"""Classical audio codecs as payload bytes: Opus, FLAC, mu-law and PCM, without the bytes of a container.

What a reader knows of a recording (rate, channels, number of samples) is not in the payload, as it is not in the
codes of a neural codec; everything else that a decoder needs is:

    opus    RFC 6716 packets of 20 ms in the self-delimited framing of its appendix B: one or two length bytes
            each. Encoded at the rate itself where Opus knows it (8, 12, 16, 24, 48 kHz), else at 48 kHz, resampled
            there and back. The encoder's delay is trimmed. One or two channels are one stream; more are one mono
            stream each, one after the other, sharing the bitrate.
    flac    frames of the 16-bit samples (the canonical resolution: finer ones are rounded), highest compression.
    mulaw   ITU-T G.711 mu-law: one byte per sample and channel, at the file's own rate or a given one.
    pcm     16-bit samples, two bytes each, at the file's own rate or a given one: what resampling alone costs.

Recordings go in and come out in blocks, so that a long one costs the memory of its payload.

Leaves out files and containers (`audio`).
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import av
import numpy as np
import soundfile
import torch
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media.audio_blocks import ForwardSamples
from tokeff.media.audio_limits import HELD_SAMPLES, READ_SAMPLES
from tokeff.media.resampling import fit, resample_blocks
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal, LongAudioSignal

Codec = Literal["opus", "flac", "mulaw", "pcm"]

OPUS_RATES_HZ = (8000, 12000, 16000, 24000, 48000)
OPUS_BITRATES = (6000, 510_000)
"""Bits per second and stream that RFC 6716 section 2.1.1 names."""
OPUS_PACKET_SECONDS = 0.02
OPUS_BLOCK_PACKETS = 500
"""Packets that are decoded at once: 10 s."""
OPUS_PRE_SKIP = 312
"""The encoder's delay in samples at 48 kHz (RFC 7845 section 5.1): what libopus has at every rate."""
RAW: Mapping[Codec, Any] = {
    "mulaw": {"format": "RAW", "subtype": "ULAW", "endian": "FILE"},
    "pcm": {"format": "RAW", "subtype": "PCM_16", "endian": "LITTLE"},
}
FLAC_MAX_CHANNELS = 8
FLAC_BLOCK_SAMPLES = 4096
"""Of each channel in a frame: what libFLAC has at its highest compression."""
FLAC_MAX_RATE_HZ = 655_350


def encode(
    signal: AudioSignal,
    codec: Codec,
    *,
    bitrate_bits_per_second: int | None = None,
    sample_rate_hz: int | None = None,
) -> bytes:
    """The payload bytes of `signal`.

    `bitrate_bits_per_second` is the target of Opus (variable rate), over all channels; `sample_rate_hz` resamples
    first for mu-law and PCM. Raises ItemError: `unsupported` where the codec has no such rate or channels, `too_short`
    for no samples; ValueError for a setting that the codec does not have.
    """
    if (codec == "opus") != (bitrate_bits_per_second is not None):
        raise ValueError(f"{codec} with bitrate_bits_per_second={bitrate_bits_per_second}: for Opus, and only for it")
    if sample_rate_hz is not None and codec not in RAW:
        raise ValueError(f"sample_rate_hz is a setting of mulaw and pcm, got it for {codec}")
    if signal.header.n_samples == 0:
        raise ItemError("too_short", "a recording without samples cannot be encoded", expected="at least one sample")
    if codec == "opus":
        assert bitrate_bits_per_second is not None
        return _encode_opus(signal, bitrate_bits_per_second)
    if codec == "flac":
        return _encode_flac(signal)
    own = signal.header.sample_rate_hz
    return _write(resample_blocks(signal.blocks(), own, sample_rate_hz or own), signal.header, own, **RAW[codec])


def decode_bytes(data: bytes, codec: Codec, header: AudioHeader, *, sample_rate_hz: int | None = None) -> AudioSignal:
    """The recording in `data`, with the rate, channels and number of samples of `header`, the original's.

    `sample_rate_hz` is what `encode` was given. A long recording is decoded when it is read. Raises ItemError `corrupt`
    for bytes that do not decode, `truncated` where they end early; of a long recording when it is read.
    """

    def blocks() -> Iterator[Tensor]:
        return _decoded(data, codec, header, sample_rate_hz or header.sample_rate_hz)

    if header.n_samples * header.n_channels > HELD_SAMPLES:
        return LongAudioSignal(header=header, source=ForwardSamples(blocks))
    return AudioSignal(header=header, samples=torch.cat(list(blocks()), dim=1).contiguous())


def _decoded(data: bytes, codec: Codec, header: AudioHeader, coded_hz: int) -> Iterator[Tensor]:
    """Blocks [channels, n] at the file's rate, as many samples as the original has."""
    n_done = 0
    try:
        if codec == "opus":
            found = resample_blocks(_decode_opus(data, header), 48000, header.sample_rate_hz)
        elif codec == "flac":
            found = _read(_flac_preamble(header) + data)
        else:
            shape: Any = {"channels": header.n_channels, "samplerate": coded_hz}
            found = resample_blocks(_read(data, **shape, **RAW[codec]), coded_hz, header.sample_rate_hz)
        for block in found:
            kept = block[:, : header.n_samples - n_done].clamp(-1, 1)
            n_done += kept.shape[1]
            yield kept
    except (av.FFmpegError, soundfile.LibsndfileError) as error:
        raise ItemError("corrupt", f"these {codec} bytes do not decode", got=f"{error}") from error
    if n_done < header.n_samples:
        raise ItemError("truncated", f"these {codec} bytes end early", got=n_done, expected=header.n_samples)


def _read(data: bytes, **options: Any) -> Iterator[Tensor]:
    with soundfile.SoundFile(io.BytesIO(data), **options) as sound:
        while len(block := sound.read(READ_SAMPLES, dtype="float32", always_2d=True)):
            yield torch.from_numpy(np.ascontiguousarray(block.T))


def to_int16(samples: Tensor) -> NDArray[np.int16]:
    """float32 [channels, n] -> int16 [n, channels]: the nearest value of the 16-bit grid (1.0 becomes 32767)."""
    scaled = (samples.to(torch.float64) * 32768).round().clamp(-32768, 32767)
    grid: NDArray[np.int16] = np.ascontiguousarray(scaled.to(torch.int16).numpy().T)
    return grid


def _write(blocks: Iterable[Tensor], header: AudioHeader, rate_hz: int, **options: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(buffer, "w", samplerate=rate_hz, channels=header.n_channels, **options) as sound:
            for block in blocks:
                sound.write(to_int16(block))
    except (soundfile.LibsndfileError, ValueError) as error:
        got = f"{rate_hz} Hz, {header.n_channels} channels ({error})"
        raise ItemError("unsupported", "the codec cannot hold this recording", got=got) from error
    return buffer.getvalue()


# FLAC: libFLAC's file, less its metadata blocks.


def _encode_flac(signal: AudioSignal) -> bytes:
    rate, n_channels = signal.header.sample_rate_hz, signal.header.n_channels
    if n_channels > FLAC_MAX_CHANNELS or rate > FLAC_MAX_RATE_HZ:
        expected = f"at most {FLAC_MAX_CHANNELS} channels and {FLAC_MAX_RATE_HZ} Hz"
        raise ItemError(
            "unsupported", "FLAC cannot hold this recording", got=f"{n_channels}, {rate} Hz", expected=expected
        )
    options: Any = {"format": "FLAC", "subtype": "PCM_16", "compression_level": 1.0}
    data = _write(signal.blocks(), signal.header, rate, **options)
    return data[flac_frames_offset(data) :]


def flac_frames_offset(data: bytes) -> int:
    """Where the frames begin in the bytes of a FLAC file (RFC 9639 section 8: each block has a last-block bit)."""
    offset = 4
    while True:
        last, length = data[offset] >> 7, int.from_bytes(data[offset + 1 : offset + 4], "big")
        offset += 4 + length
        if last:
            return offset


def _flac_preamble(header: AudioHeader) -> bytes:
    """`fLaC` and a STREAMINFO block: what the header knows, and how long a block is (libsndfile seeks, and would get
    lost without it, behind each read). Sizes of frames and MD5 are 0: unknown.
    """
    packed = header.sample_rate_hz << 44 | (header.n_channels - 1) << 41 | 15 << 36 | header.n_samples
    sizes = 2 * FLAC_BLOCK_SAMPLES.to_bytes(2, "big") + bytes(6)
    return b"fLaC" + bytes([0x80, 0, 0, 34]) + sizes + packed.to_bytes(8, "big") + bytes(16)


# Opus: libopus packets, each with its length.


def _encode_opus(signal: AudioSignal, bitrate: int) -> bytes:
    streams = _opus_streams(signal.header.n_channels)
    share = bitrate // len(streams)
    low, high = OPUS_BITRATES
    if not low <= share <= high:
        raise ValueError(f"an Opus stream has {low} to {high} bits per second, got {share}")
    return b"".join(_self_delimited(packet) for rows in streams for packet in _opus_packets(signal, rows, share))


def _decode_opus(data: bytes, header: AudioHeader) -> Iterator[Tensor]:
    """Blocks [channels, n] at 48 kHz."""
    streams = _opus_streams(header.n_channels)
    packets = list(_split_self_delimited(data))
    each, rest = divmod(len(packets), len(streams))
    if rest:
        raise ItemError("corrupt", "the streams of an Opus recording differ in packets", got=f"{len(packets)} packets")
    decoded = []
    for place, rows in enumerate(streams):
        n_channels = len(range(*rows.indices(header.n_channels)))
        decoded.append(_opus_samples(packets[place * each : (place + 1) * each], n_channels))
    yield from map(torch.cat, zip(*decoded, strict=True))


def _opus_rate(sample_rate_hz: int) -> int:
    return sample_rate_hz if sample_rate_hz in OPUS_RATES_HZ else 48000


def _opus_streams(n_channels: int) -> list[slice]:
    """The rows of each stream."""
    return [slice(0, n_channels)] if n_channels <= 2 else [slice(row, row + 1) for row in range(n_channels)]


def _layout(n_channels: int) -> str:
    return "mono" if n_channels == 1 else "stereo"


def _opus_packets(signal: AudioSignal, rows: slice, bitrate: int) -> Iterator[bytes]:
    """Packets of 20 ms that cover one or two channels and the decoder's delay behind them."""
    header = signal.header
    rate = _opus_rate(header.sample_rate_hz)
    blocks = resample_blocks((block[rows] for block in signal.blocks()), header.sample_rate_hz, rate)
    layout = _layout(len(range(*rows.indices(header.n_channels))))
    encoder = AudioCodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, layout, "flt"
    encoder.bit_rate = bitrate
    encoder.options = {"frame_duration": "20", "vbr": "on", "application": "audio", "compression_level": "10"}
    encoder.open()
    if (encoder.extradata or b"")[10:12] != OPUS_PRE_SKIP.to_bytes(2, "little"):
        raise RuntimeError(f"libopus announces another delay than {OPUS_PRE_SKIP}: {encoder.extradata!r}")
    delay = -(-OPUS_PRE_SKIP * rate // 48000)
    for place, part in enumerate(_even(blocks, round(rate * OPUS_PACKET_SECONDS), delay)):
        interleaved = part.T.reshape(1, -1).contiguous().numpy()
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=layout)
        frame.sample_rate, frame.pts = rate, place * part.shape[1]
        for packet in encoder.encode(frame):
            yield bytes(packet)


def _even(blocks: Iterable[Tensor], size: int, n_behind: int) -> Iterator[Tensor]:
    """Parts [channels, size] of what the blocks hold, and of silence behind it: at least `n_behind` samples."""
    rest: Tensor | None = None
    for block in blocks:
        whole = block if rest is None else torch.cat([rest, block], dim=1)
        n_parts = whole.shape[1] // size
        yield from torch.split(whole[:, : n_parts * size], size, dim=1) if n_parts else ()
        rest = whole[:, n_parts * size :]
    if rest is not None:
        n_parts = -(-(rest.shape[1] + n_behind) // size)
        yield from torch.split(fit(rest, n_parts * size), size, dim=1)


def _opus_samples(packets: list[bytes], n_channels: int) -> Iterator[Tensor]:
    """Blocks [n_channels, n] at 48 kHz; FFmpeg's decoder cuts the delay off in front."""
    decoder = AudioCodecContext.create("opus", "r")
    decoder.layout = _layout(n_channels)
    decoder.extradata = b"OpusHead" + bytes([1, n_channels]) + OPUS_PRE_SKIP.to_bytes(2, "little") + bytes(7)
    if not packets:
        raise ItemError("truncated", "an Opus stream has no packets")
    for first in range(0, len(packets), OPUS_BLOCK_PACKETS):
        some = packets[first : first + OPUS_BLOCK_PACKETS]
        frames = [frame for packet in some for frame in decoder.decode(av.Packet(packet))]
        frames += decoder.decode(None) if first + len(some) == len(packets) else []
        if frames:
            yield torch.from_numpy(np.concatenate([frame.to_ndarray() for frame in frames], axis=1))


def _self_delimited(packet: bytes) -> bytes:
    """RFC 6716 appendix B for a packet of one frame: its first byte, the length of the rest, the rest."""
    if packet[0] & 3:
        raise RuntimeError("libopus put several frames into a packet of 20 ms")
    n = len(packet) - 1
    length = bytes([n]) if n < 252 else bytes([252 + (n & 3), (n - 252 - (n & 3)) >> 2])
    return packet[:1] + length + packet[1:]


def _split_self_delimited(data: bytes) -> Iterator[bytes]:
    offset = 0
    while offset < len(data):
        head, start = data[offset : offset + 3], offset + 2
        n = head[1] if len(head) > 1 else len(data)
        if n >= 252 and len(head) > 2:
            n, start = n + 4 * head[2], offset + 3
        if start + n > len(data):
            raise ItemError("truncated", "an Opus packet ends early", got=f"{len(data) - start} bytes", expected=n)
        yield data[offset : offset + 1] + data[start : start + n]
        offset = start + n
