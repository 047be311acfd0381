"""The family `codec-bytes`: the bytes of an encoded picture file as ids, as JPEG-LM reads them (arXiv 2408.08459).

One stream, 256 ids, nothing learned. The number of ids depends on the content, so headers do not tell it. Metadata is
left out of the file; its container (some hundred bytes of tables in a JPEG) is counted, since the model reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from tokeff.errors import ItemError, SpecError
from tokeff.media.image import Codec, decode_bytes, encode
from tokeff.records.cards import Card
from tokeff.records.headers import Header, ImageHeader
from tokeff.records.signals import ImageSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import LoadContext

DEFAULT_QUALITY = 75
LOSSY: tuple[Codec, ...] = ("jpeg", "webp")
CODECS: dict[str, Codec] = {codec: codec for codec in get_args(Codec)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecBytesTokenizer:
    """Bytes of a JPEG, WebP or PNG file."""

    card: Card
    codec: Codec
    quality: int | None
    codebook_sizes: tuple[int, ...] = (256,)

    def encode(self, signals: Sequence[ImageSignal]) -> list[Tokens]:
        """The file of each picture. Raises ItemError where a side is longer than the format can hold."""
        files = (encode(signal, self.codec, self.quality) for signal in signals)
        return [Tokens.discrete([np.frombuffer(data, dtype=np.uint8)]) for data in files]

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[ImageSignal]:
        """The pictures in the files. Raises ItemError where the ids are not such a file."""
        return [self._decode_one(item, header) for item, header in zip(tokens, headers, strict=True)]

    def _decode_one(self, tokens: Tokens, header: Header) -> ImageSignal:
        if not isinstance(header, ImageHeader):
            raise TypeError(f"a picture's header is needed, got {type(header).__name__}")
        plain = ImageHeader(width=header.width, height=header.height, channels=header.channels)
        return decode_bytes(_bytes(tokens), plain)


def _bytes(tokens: Tokens) -> bytes:
    (ids,) = tokens.streams
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) <= 255:
        raise ItemError("corrupt", "these ids are not bytes", got=f"{ids.min()} to {ids.max()}", expected="0 to 255")
    return ids.astype(np.uint8).tobytes()


def load(card: Card, context: LoadContext) -> CodecBytesTokenizer:
    """Opens a tokenizer of the family. Raises SpecError where the codec is missing or its quality has no meaning."""
    codec, quality = CODECS.get(str(card.parameters.get("codec"))), card.parameters.get("quality")
    if codec is None:
        raise SpecError("no codec is named", where=card.name, fix="Write codec-bytes:CODEC, such as codec-bytes:jpeg.")
    if codec not in LOSSY:
        if quality is not None:
            raise SpecError(f"{codec} is lossless and has no quality", where=card.name, got=quality)
        return CodecBytesTokenizer(card=card, codec=codec, quality=None)
    quality = DEFAULT_QUALITY if quality is None else quality
    if not isinstance(quality, int) or not 1 <= quality <= 100:
        raise SpecError("quality is out of range", where=card.name, got=quality, expected="1 to 100")
    return CodecBytesTokenizer(card=card, codec=codec, quality=quality)
