"""Tekken files: byte-level BPE of Mistral. Ranks start behind the special tokens, which take the first ids."""

import base64
import binascii
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tokeff.errors import ArtefactInvalid
from tokeff.tokenizers.text.engines import Engine, TekkenEngine
from tokeff.tokenizers.text.rank_files import fast_ranks_engine
from tokeff.tokenizers.text.vocabulary import ByteTable, Vocabulary

# The split pattern of every Tekken file so far; Nemotron took it over, and gigatoken knows it by that name.
PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SCHEME = "nemotron"


def read_tekken(path: Path, content: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of a Tekken file with this JSON `content`. Raises ArtefactInvalid."""
    try:
        config = content["config"]
        size, first_id = int(config["default_vocab_size"]), int(config["default_num_special_tokens"])
        # The file holds more tokens than the model uses: the tail is cut, as mistral-common does.
        rows = content["vocab"][: size - first_id]
        ranks = {base64.b64decode(row["token_bytes"]): int(row["rank"]) for row in rows}
        pattern = config["pattern"]
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ArtefactInvalid("not a Tekken file", where=str(path), got=f"{type(error).__name__}: {error}") from error
    fast: Engine | None = None
    no_fast = "gigatoken does not know its split pattern"
    if pattern == PATTERN:
        fast, no_fast = fast_ranks_engine(ranks, SCHEME, first_id)
    table = ByteTable.of({rank + first_id: piece for piece, rank in ranks.items()}, size)
    return Vocabulary(
        kind="Tekken",
        size=size,
        token_bytes=table.lengths,
        unknown_ids=frozenset(),
        reference=cache(lambda: _reference(path)),
        fast=fast,
        no_fast=no_fast,
        decode=table.decode,
        specials=tuple(row["token_str"] for row in content.get("special_tokens") or ()) or ("<s>", "[INST]", "<unk>"),
    )


def _reference(path: Path) -> Engine:
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    try:
        return TekkenEngine(Tekkenizer.from_file(path))
    except (AssertionError, KeyError, ValueError) as error:
        raise ArtefactInvalid("mistral-common refuses it", where=str(path), got=str(error)) from error
