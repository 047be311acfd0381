"""SentencePiece models: BPE with byte fallback runs on gigatoken, all others on SentencePiece itself."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokeff.errors import ArtefactInvalid
from tokeff.tokenizers.text.engines import Engine, GigatokenEngine, SentencePieceEngine
from tokeff.tokenizers.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACE = "\u2581"


def read_sentencepiece(path: Path) -> Vocabulary:
    """The vocabulary of a `.model` file. Raises ArtefactInvalid."""
    from sentencepiece import SentencePieceProcessor

    content = path.read_bytes()
    try:
        processor = SentencePieceProcessor(model_proto=content)
    except RuntimeError as error:
        raise ArtefactInvalid("not a SentencePiece model", where=str(path), got=str(error)) from error
    ids = range(processor.get_piece_size())
    spoken = {i for i in ids if not (processor.is_control(i) or processor.is_unknown(i) or processor.is_unused(i))}
    lengths = [_piece_bytes(processor, i) if i in spoken else 0 for i in ids]
    reference = SentencePieceEngine(processor)
    fast, no_fast, user_defined = _fast(content, processor)

    def decode(row: "NDArray[np.integer[Any]]") -> bytes:
        text: str = processor.decode(row.tolist())
        return text.encode("utf-8")

    control = [processor.id_to_piece(i) for i in ids if processor.is_control(i)]
    return Vocabulary(
        kind="SentencePiece",
        size=len(lengths),
        token_bytes=np.array(lengths, dtype=np.int64),
        unknown_ids=frozenset(i for i in ids if processor.is_unknown(i)),
        reference=lambda: reference,
        fast=fast,
        no_fast=no_fast,
        divided=_rows_with(user_defined),  # its normalizer's table is in the model: no version of Unicode divides
        decode=decode,
        specials=tuple(control[:64]),
    )


def _rows_with(pieces: Sequence[str]) -> Callable[[Sequence[bytes]], list[int]]:
    """Finds the texts that hold one of the user-defined `pieces`.

    gigatoken cuts a text there before it adds the dummy prefix, SentencePiece after.
    """
    literals = {form.encode("utf-8") for piece in pieces for form in (piece, piece.replace(SPACE, " "))}
    if not literals:
        return lambda texts: []
    holds = re.compile(b"|".join(map(re.escape, sorted(literals)))).search
    return lambda texts: [place for place, text in enumerate(texts) if holds(text)]


def _piece_bytes(processor: Any, i: int) -> int:
    if processor.is_byte(i):
        return 1
    return len(processor.id_to_piece(i).replace(SPACE, " ").encode("utf-8"))


def _fast(content: bytes, processor: Any) -> tuple[Engine | None, str, list[str]]:
    """gigatoken over the model as it converts it, without what would read `<s>` or `<0x0A>` from a text;
    or None and why. And the user-defined pieces."""
    from gigatoken import Tokenizer
    from gigatoken._load.sentencepiece import sentencepiece_to_tokenizer_json

    try:
        converted = json.loads(sentencepiece_to_tokenizer_json(content))
        unspoken = {
            processor.id_to_piece(i)
            for i in range(processor.get_piece_size())
            if processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i)
        }
        merges = converted["model"]["merges"]
        converted["model"]["merges"] = [
            merge for merge in merges if not unspoken & {merge[0], merge[1], "".join(merge)}
        ]
        user_defined = [token for token in converted["added_tokens"] if not token["special"]]
        converted["added_tokens"] = user_defined
        engine = GigatokenEngine(Tokenizer.from_json(json.dumps(converted)))
    except (RuntimeError, ValueError) as error:
        return None, f"gigatoken refuses it: {str(error).splitlines()[0]}", []
    return engine, "", [token["content"] for token in user_defined]
