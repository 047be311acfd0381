"""Hugging Face tokenizer.json: BPE runs on gigatoken where it knows the file's parts, all else on `tokenizers`.

Special tokens in a text are ordinary text; added tokens that are not special (runs of spaces, ...) stay what they
are. Truncation, padding, dropout and what the post-processor adds are switched off: they are not the text's.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokeff.errors import ArtefactInvalid
from tokeff.tokenizers.text.engines import Engine, GigatokenEngine, TokenizersEngine
from tokeff.tokenizers.text.vocabulary import ByteTable, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_tokenizer_json(path: Path, content: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of a tokenizer.json with this `content`. Raises ArtefactInvalid."""
    plain = {**content, "truncation": None, "padding": None, "post_processor": None}
    plain["model"] = {**content["model"], "dropout": None} if "dropout" in content["model"] else content["model"]
    tokenizer = _open(path, plain)
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    size = max(vocabulary.values(), default=-1) + 1
    unknown = _unknown_ids(plain["model"], vocabulary)
    pieces = _pieces(plain, vocabulary, unknown)
    fast, no_fast = _fast(plain)
    table = ByteTable.of(pieces, size)

    def decode(row: "NDArray[np.integer[Any]]") -> bytes:
        text: str = tokenizer.decode(row.tolist(), skip_special_tokens=False)
        return text.encode("utf-8")

    return Vocabulary(
        kind="tokenizer.json",
        size=size,
        token_bytes=table.lengths,
        unknown_ids=unknown,
        reference=lambda: TokenizersEngine(tokenizer),
        fast=fast,
        no_fast=no_fast,
        decode=table.decode if "ByteLevel" in _types(plain.get("decoder")) else decode,
        specials=tuple(token["content"] for token in plain.get("added_tokens") or ())[:128],
    )


def _open(path: Path, plain: Mapping[str, Any]) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(json.dumps(plain))
    except Exception as error:  # tokenizers raises bare Exceptions
        raise ArtefactInvalid("not a tokenizer.json", where=str(path), got=str(error)) from error
    tokenizer.encode_special_tokens = True
    return tokenizer


def _fast(plain: Mapping[str, Any]) -> tuple[Engine | None, str]:
    from gigatoken import Tokenizer

    ordinary = [token for token in plain.get("added_tokens") or () if not token["special"]]
    try:
        return GigatokenEngine(Tokenizer.from_json(json.dumps({**plain, "added_tokens": ordinary}))), ""
    except (RuntimeError, ValueError) as error:
        return None, f"gigatoken refuses it: {str(error).splitlines()[0]}"


def _unknown_ids(model: Mapping[str, Any], vocabulary: Mapping[str, int]) -> frozenset[int]:
    """Unigram names its unknown token by id, the others by content."""
    if model.get("unk_id") is not None:
        return frozenset({int(model["unk_id"])})
    unknown = model.get("unk_token")
    return frozenset({vocabulary[unknown]} if isinstance(unknown, str) and unknown in vocabulary else ())


def _pieces(plain: Mapping[str, Any], vocabulary: Mapping[str, int], unknown: frozenset[int]) -> dict[int, bytes]:
    """The text that each id stands for, as bytes; specials and unknown stand for none."""
    added = {token["id"]: token for token in plain.get("added_tokens") or ()}
    silent = unknown | {i for i, token in added.items() if token["special"]}
    spelled = _spelling(plain)
    return {
        i: added[i]["content"].encode("utf-8") if i in added else spelled(piece)
        for piece, i in vocabulary.items()
        if i not in silent
    }


def _spelling(plain: Mapping[str, Any]) -> Callable[[str], bytes]:
    """How this file's pieces are turned into text: a function from piece to bytes."""
    types = _types(plain.get("decoder")) | _types(plain.get("pre_tokenizer"))
    if "ByteLevel" in types:
        return _byte_level
    prefix = plain["model"].get("continuing_subword_prefix") or ""
    byte_fallback = bool(plain["model"].get("byte_fallback"))

    def spell(piece: str) -> bytes:
        if byte_fallback and len(piece) == 6 and piece.startswith("<0x"):
            return bytes([int(piece[3:5], 16)])
        return piece.removeprefix(prefix).replace("\u2581", " ").encode("utf-8")

    return spell


def _byte_level(piece: str) -> bytes:
    alphabet = byte_alphabet()
    return bytes(alphabet[sign] for sign in piece) if alphabet.keys() >= set(piece) else piece.encode("utf-8")


def _types(part: object) -> set[str]:
    """Names of a pre-tokenizer or decoder and of what a Sequence of them holds."""
    if isinstance(part, Mapping):
        return {str(part.get("type"))}.union(*(_types(value) for value in part.values()))
    return set().union(*map(_types, part)) if isinstance(part, list) else set()


@cache
def byte_alphabet() -> dict[str, int]:
    """The sign that stands for each byte in byte-level vocabularies (GPT-2's bytes_to_unicode), inverted.

    >>> byte_alphabet()["Ġ"], byte_alphabet()["a"]
    (32, 97)
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    signs = {chr(byte): byte for byte in printable}
    return signs | {chr(256 + place): byte for place, byte in enumerate(others)}
