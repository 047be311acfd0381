"""Classical audio codecs as payload bytes: Opus, FLAC and mu-law, without the bytes of a container.

What a reader knows of a recording (rate, channels, number of samples) is not in the payload, as it is not in the
codes of a neural codec; everything else that a decoder needs is:

    opus    RFC 6716 packets of 20 ms in the self-delimited framing of its appendix B: one or two length bytes
            each. Encoded at the rate itself where Opus knows it (8, 12, 16, 24, 48 kHz), else at 48 kHz, resampled
            there and back. The encoder's delay is trimmed. One or two channels are one stream; more are one mono
            stream each, one after the other, sharing the bitrate.
    flac    frames of the 16-bit samples (the canonical resolution: finer ones are rounded), highest compression.
    mulaw   ITU-T G.711 mu-law: one byte per sample and channel, at the file's own rate or a given one.

Leaves out files and containers (`audio`).
"""

import io
from collections.abc import Iterator
from typing import Any, Literal

import av
import numpy as np
import soundfile
import torch
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media.audio_limits import refuse_too_long
from tokeff.media.resampling import fit, resample
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal

Codec = Literal["opus", "flac", "mulaw"]

OPUS_RATES_HZ = (8000, 12000, 16000, 24000, 48000)
OPUS_BITRATES = (6000, 510_000)
"""Bits per second and stream that RFC 6716 section 2.1.1 names."""
OPUS_PACKET_SECONDS = 0.02
OPUS_PRE_SKIP = 312
"""The encoder's delay in samples at 48 kHz (RFC 7845 section 5.1): what libopus has at every rate."""
MULAW: Any = {"format": "RAW", "subtype": "ULAW", "endian": "FILE"}
FLAC_MAX_CHANNELS = 8
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
    first for mu-law. Raises ItemError: `unsupported` where the codec has no such rate or channels, `too_short` for
    no samples; ValueError for a setting that the codec does not have.
    """
    if (codec == "opus") != (bitrate_bits_per_second is not None):
        raise ValueError(f"{codec} with bitrate_bits_per_second={bitrate_bits_per_second}: for Opus, and only for it")
    if sample_rate_hz is not None and codec != "mulaw":
        raise ValueError(f"sample_rate_hz is a setting of mulaw, got it for {codec}")
    refuse_too_long(signal.header.n_samples * signal.header.n_channels)
    if signal.header.n_samples == 0:
        raise ItemError("too_short", "a recording without samples cannot be encoded", expected="at least one sample")
    if codec == "opus":
        assert bitrate_bits_per_second is not None
        return _encode_opus(signal, bitrate_bits_per_second)
    if codec == "flac":
        return _encode_flac(signal)
    own = signal.header.sample_rate_hz
    return _write(to_int16(resample(signal.samples, own, sample_rate_hz or own)), own, **MULAW)


def decode_bytes(data: bytes, codec: Codec, header: AudioHeader, *, sample_rate_hz: int | None = None) -> AudioSignal:
    """The recording in `data`, with the rate, channels and number of samples of `header`, the original's.

    `sample_rate_hz` is what `encode` was given. Raises ItemError `corrupt` for bytes that do not decode.
    """
    try:
        if codec == "opus":
            samples = _decode_opus(data, header)
        elif codec == "flac":
            samples = _decode_flac(data, header)
        else:
            samples = _decode_mulaw(data, header, sample_rate_hz or header.sample_rate_hz)
    except (av.FFmpegError, soundfile.LibsndfileError) as error:
        raise ItemError("corrupt", f"these {codec} bytes do not decode", got=f"{error}") from error
    if samples.shape[1] < header.n_samples:
        raise ItemError("truncated", f"these {codec} bytes end early", got=samples.shape[1], expected=header.n_samples)
    kept = fit(samples, header.n_samples).clamp(-1, 1).contiguous()
    return AudioSignal(header=header, samples=kept)


def _decode_mulaw(data: bytes, header: AudioHeader, coded_hz: int) -> Tensor:
    shape: Any = {"channels": header.n_channels, "samplerate": coded_hz}
    coded, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True, **shape, **MULAW)
    return resample(torch.from_numpy(np.ascontiguousarray(coded.T)), coded_hz, header.sample_rate_hz)


def to_int16(samples: Tensor) -> NDArray[np.int16]:
    """float32 [channels, n] -> int16 [n, channels]: the nearest value of the 16-bit grid (1.0 becomes 32767)."""
    scaled = (samples.to(torch.float64) * 32768).round().clamp(-32768, 32767)
    grid: NDArray[np.int16] = np.ascontiguousarray(scaled.to(torch.int16).numpy().T)
    return grid


def _write(samples: NDArray[np.int16], rate_hz: int, **options: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, samples, rate_hz, **options)
    except (soundfile.LibsndfileError, ValueError) as error:
        got = f"{rate_hz} Hz, {samples.shape[1]} channels ({error})"
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
    data = _write(to_int16(signal.samples), rate, **options)
    return data[flac_frames_offset(data) :]


def flac_frames_offset(data: bytes) -> int:
    """Where the frames begin in the bytes of a FLAC file (RFC 9639 section 8: each block has a last-block bit)."""
    offset = 4
    while True:
        last, length = data[offset] >> 7, int.from_bytes(data[offset + 1 : offset + 4], "big")
        offset += 4 + length
        if last:
            return offset


def _decode_flac(data: bytes, header: AudioHeader) -> Tensor:
    coded, _ = soundfile.read(io.BytesIO(_flac_preamble(header) + data), dtype="int16", always_2d=True)
    return torch.from_numpy(np.ascontiguousarray(coded.T)).to(torch.float32) / 32768


def _flac_preamble(header: AudioHeader) -> bytes:
    """`fLaC` and a STREAMINFO block that says what the header knows; sizes of frames and MD5 are 0: unknown."""
    packed = header.sample_rate_hz << 44 | (header.n_channels - 1) << 41 | 15 << 36 | header.n_samples
    sizes = (16).to_bytes(2, "big") + (65535).to_bytes(2, "big") + bytes(6)
    return b"fLaC" + bytes([0x80, 0, 0, 34]) + sizes + packed.to_bytes(8, "big") + bytes(16)


# Opus: libopus packets, each with its length.


def _encode_opus(signal: AudioSignal, bitrate: int) -> bytes:
    streams = _opus_streams(signal.header.n_channels)
    share = bitrate // len(streams)
    low, high = OPUS_BITRATES
    if not low <= share <= high:
        raise ValueError(f"an Opus stream has {low} to {high} bits per second, got {share}")
    rate = _opus_rate(signal.header.sample_rate_hz)
    samples = resample(signal.samples, signal.header.sample_rate_hz, rate)
    return b"".join(_self_delimited(packet) for rows in streams for packet in _opus_packets(samples[rows], rate, share))


def _decode_opus(data: bytes, header: AudioHeader) -> Tensor:
    streams = _opus_streams(header.n_channels)
    packets = list(_split_self_delimited(data))
    each, rest = divmod(len(packets), len(streams))
    if rest:
        raise ItemError("corrupt", "the streams of an Opus recording differ in packets", got=f"{len(packets)} packets")
    parts = []
    for place, rows in enumerate(streams):
        n_channels = len(range(*rows.indices(header.n_channels)))
        parts.append(_opus_samples(packets[place * each : (place + 1) * each], n_channels))
    return resample(torch.cat(parts), 48000, header.sample_rate_hz)


def _opus_rate(sample_rate_hz: int) -> int:
    return sample_rate_hz if sample_rate_hz in OPUS_RATES_HZ else 48000


def _opus_streams(n_channels: int) -> list[slice]:
    """The rows of each stream."""
    return [slice(0, n_channels)] if n_channels <= 2 else [slice(row, row + 1) for row in range(n_channels)]


def _layout(n_channels: int) -> str:
    return "mono" if n_channels == 1 else "stereo"


def _opus_packets(samples: Tensor, rate: int, bitrate: int) -> Iterator[bytes]:
    """Packets of 20 ms that cover `samples` [1 or 2, n] and the decoder's delay behind them."""
    encoder = AudioCodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, _layout(len(samples)), "flt"
    encoder.bit_rate = bitrate
    encoder.options = {"frame_duration": "20", "vbr": "on", "application": "audio", "compression_level": "10"}
    encoder.open()
    block = round(rate * OPUS_PACKET_SECONDS)
    if (encoder.extradata or b"")[10:12] != OPUS_PRE_SKIP.to_bytes(2, "little"):
        raise RuntimeError(f"libopus announces another delay than {OPUS_PRE_SKIP}: {encoder.extradata!r}")
    delay = -(-OPUS_PRE_SKIP * rate // 48000)
    n_blocks = -(-(samples.shape[1] + delay) // block)
    interleaved = fit(samples, n_blocks * block).T.contiguous().numpy()
    for place in range(n_blocks):
        part = interleaved[place * block : (place + 1) * block].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="flt", layout=_layout(len(samples)))
        frame.sample_rate, frame.pts = rate, place * block
        for packet in encoder.encode(frame):
            yield bytes(packet)


def _opus_samples(packets: list[bytes], n_channels: int) -> Tensor:
    """float32 [n_channels, n] at 48 kHz; FFmpeg's decoder cuts the delay off in front."""
    decoder = AudioCodecContext.create("opus", "r")
    decoder.layout = _layout(n_channels)
    decoder.extradata = b"OpusHead" + bytes([1, n_channels]) + OPUS_PRE_SKIP.to_bytes(2, "little") + bytes(7)
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet))] + decoder.decode(None)
    if not frames:
        raise ItemError("truncated", "an Opus stream has no packets")
    decoded = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    return torch.from_numpy(decoded)


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
