"""The family `codec-bytes` for video: the bytes of an H.264, AV1 or VP9 stream as ids. One stream, 256 ids.

Counted is all that a decoder needs beside size and times: packets' payload and parameter sets, not the container (VP9
needs 12 bytes a frame to tell its packets apart). The number of ids depends on the content, so headers do not tell it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokeff.errors import SpecError
from tokeff.media.video import decode_stream, elementary_stream, encode
from tokeff.media.video_codecs import CODECS, CODINGS, VideoCodec
from tokeff.records.cards import Card
from tokeff.records.headers import Header, VideoHeader
from tokeff.records.signals import VideoSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import LoadContext


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCodecBytesTokenizer:
    """Bytes of a compressed clip."""

    card: Card
    codec: VideoCodec
    crf: float
    codebook_sizes: tuple[int, ...] = (256,)

    def encode(self, signals: Sequence[VideoSignal]) -> list[Tokens]:
        """One clip after the other. Raises ItemError where the encoder refuses one."""
        return [self._encode_one(signal) for signal in signals]

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[VideoSignal]:
        """Clips with the size, number of frames and times of the originals; frames are decoded when asked for."""
        return [self._decode_one(item, header) for item, header in zip(tokens, headers, strict=True)]

    def _encode_one(self, signal: VideoSignal) -> Tokens:
        data = encode(signal.source.frames(), signal.header, self.codec, crf=self.crf)
        return Tokens.discrete([np.frombuffer(elementary_stream(data, self.codec), dtype=np.uint8)])

    def _decode_one(self, tokens: Tokens, header: Header) -> VideoSignal:
        if not isinstance(header, VideoHeader):
            raise TypeError(f"a clip's header is needed, got {type(header).__name__}")
        (ids,) = tokens.streams
        return decode_stream(ids.astype(np.uint8).tobytes(), header)


def load(card: Card, context: LoadContext) -> VideoCodecBytesTokenizer:
    """Opens a tokenizer of the family. Raises SpecError for settings that the codec does not have."""
    named = card.parameters.get("codec")
    codec = next((codec for codec in CODECS if codec == named), None)
    if codec is None:
        raise SpecError("no codec is named", where=card.name, fix="Write video/codec-bytes:h264, av1 or vp9.")
    coding = CODINGS[codec]
    crf = card.parameters.get("crf", coding.crf)
    if not isinstance(crf, int | float) or not 0 <= crf <= coding.max_crf:
        expected = f"0 (finest) to {coding.max_crf}"
        raise SpecError("crf is out of range", where=card.name, got=crf, expected=expected)
    return VideoCodecBytesTokenizer(card=card, codec=codec, crf=float(crf))
