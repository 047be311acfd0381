"""The family `codec-bytes` for sound: the bytes of Opus, FLAC, mu-law or PCM as ids. One stream, nothing learned.

What is counted of each codec is said in `tokeff.media.audio_coding`: payload, without a container. The number of
mu-law's and PCM's bytes follows from the header; that of the others depends on the content.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from tokeff.errors import ItemError, SpecError
from tokeff.media.audio import Codec, decode_bytes, encode
from tokeff.records.cards import Card
from tokeff.records.headers import AudioHeader, Header
from tokeff.records.signals import AudioSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.protocols import LoadContext

CODECS: dict[str, Codec] = {codec: codec for codec in get_args(Codec)}
DEFAULT_BITRATE = 24_000
SAMPLE_BYTES: dict[Codec, int] = {"mulaw": 1, "pcm": 2}
OPUS_BITRATES = (6000, 510_000)
"""Bits per second of one stream (RFC 6716, 2.1.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioCodecBytesTokenizer:
    """Bytes of a compressed recording."""

    card: Card
    codec: Codec
    bitrate_bits_per_second: int | None = None
    sample_rate_hz: int | None = None
    codebook_sizes: tuple[int, ...] = (256,)

    def encode(self, signals: Sequence[AudioSignal]) -> list[Tokens]:
        """The bytes of each recording. Raises ItemError `too_short` or `unsupported` (rate, channels, bitrate)."""
        return [Tokens.discrete([np.frombuffer(self._bytes(signal), dtype=np.uint8)]) for signal in signals]

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[AudioSignal]:
        """Recordings with the rate, channels and number of samples of the originals."""
        return [self._decode_one(item, header) for item, header in zip(tokens, headers, strict=True)]

    def _bytes(self, signal: AudioSignal) -> bytes:
        if self.bitrate_bits_per_second is not None:
            _check_share(self.bitrate_bits_per_second, signal.header.n_channels)
        return encode(
            signal,
            self.codec,
            bitrate_bits_per_second=self.bitrate_bits_per_second,
            sample_rate_hz=self.sample_rate_hz,
        )

    def _decode_one(self, tokens: Tokens, header: Header) -> AudioSignal:
        if not isinstance(header, AudioHeader):
            raise TypeError(f"a recording's header is needed, got {type(header).__name__}")
        (ids,) = tokens.streams
        return decode_bytes(ids.astype(np.uint8).tobytes(), self.codec, header, sample_rate_hz=self.sample_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBytesTokenizer(AudioCodecBytesTokenizer):
    """So many bytes for each sample and channel."""

    def count(self, header: AudioHeader) -> Counts:
        """Bytes of all samples and channels, at the codec's rate. Raises ItemError where there is no sample."""
        if header.n_samples == 0:
            raise ItemError(
                "too_short", "a recording without samples cannot be encoded", expected="at least one sample"
            )
        rate_hz = self.sample_rate_hz or header.sample_rate_hz
        n_samples = -(-header.n_samples * rate_hz // header.sample_rate_hz)
        n_tokens = n_samples * header.n_channels * SAMPLE_BYTES[self.codec]
        return Counts(n_tokens=n_tokens, n_positions=n_tokens)


def load(card: Card, context: LoadContext) -> AudioCodecBytesTokenizer:
    """Opens a tokenizer of the family. Raises SpecError for settings that the codec does not have."""
    codec = CODECS.get(str(card.parameters.get("codec")))
    bitrate, sample_rate_hz = _number(card, "bitrate"), _number(card, "sample_rate")
    if codec is None:
        raise SpecError("no codec is named", where=card.name, fix="Write audio/codec-bytes:opus, for example.")
    if bitrate is not None and codec != "opus":
        raise SpecError(f"{codec} has no bitrate", where=card.name, got=bitrate)
    if sample_rate_hz is not None and codec not in SAMPLE_BYTES:
        raise SpecError(f"{codec} keeps the sample rate", where=card.name, got=sample_rate_hz)
    if codec in SAMPLE_BYTES:
        return SampleBytesTokenizer(card=card, codec=codec, sample_rate_hz=sample_rate_hz)
    if codec == "flac":
        return AudioCodecBytesTokenizer(card=card, codec=codec)
    bitrate = DEFAULT_BITRATE if bitrate is None else bitrate
    low, high = OPUS_BITRATES
    if not low <= bitrate <= high:
        raise SpecError("bitrate is out of range", where=card.name, got=bitrate, expected=f"{low} to {high}")
    return AudioCodecBytesTokenizer(card=card, codec=codec, bitrate_bits_per_second=bitrate)


def _number(card: Card, name: str) -> int | None:
    value = card.parameters.get(name)
    if value is not None and (not isinstance(value, int) or value <= 0):
        raise SpecError(f"{name} must be above 0", where=card.name, got=value)
    return value


def _check_share(bitrate: int, n_channels: int) -> None:
    """More than two channels are a stream each, which share the bitrate."""
    share = bitrate // n_channels if n_channels > 2 else bitrate
    if share < OPUS_BITRATES[0]:
        got, expected = f"{share} bits per second and stream", f"at least {OPUS_BITRATES[0]}"
        raise ItemError(
            "unsupported", f"{n_channels} channels are too many for this bitrate", got=got, expected=expected
        )
