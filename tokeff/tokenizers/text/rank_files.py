"""tiktoken rank files: one `base64 rank` per line. Special tokens are not in the file and are not used.

A rank file does not carry the pattern that splits a text before merging; it has to be named. Published with
tiktoken: gpt2 (r50k, p50k), cl100k (also Llama 3's tokenizer.model), o200k.
"""

import base64
import binascii
import re
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tokeff.errors import ArtefactInvalid, SpecError
from tokeff.tokenizers.text.engines import Engine, GigatokenEngine, TiktokenEngine
from tokeff.tokenizers.text.vocabulary import ByteTable, Vocabulary

if TYPE_CHECKING:
    import tiktoken

Ranks = Mapping[bytes, int]
LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d+\r?(\n|\Z)")

_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
# As tiktoken_ext.openai_public has them (MIT).
PATTERNS = {
    "gpt2": r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s""",
    "cl100k": (
        r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"""
        r"""|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
    ),
    "o200k": (
        rf"""[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        rf"""|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
        r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    ),
}


def read_rank_file(path: Path, pattern: str | None) -> Vocabulary:
    """The vocabulary of a rank file. Raises SpecError without a pattern, ArtefactInvalid for a malformed line."""
    if pattern is None:
        raise SpecError(
            "a rank file does not say how a text is split before merging",
            where=str(path),
            expected="one of " + ", ".join(PATTERNS),
            fix="Name it in the specification: ?pattern=cl100k, or in the card's [parameters].",
        )
    ranks = parse_ranks(path)
    fast, no_fast = fast_ranks_engine(ranks, pattern)
    size = max(ranks.values()) + 1
    table = ByteTable.of({rank: piece for piece, rank in ranks.items()}, size)
    return Vocabulary(
        kind="tiktoken ranks",
        size=size,
        token_bytes=table.lengths,
        unknown_ids=frozenset(),
        reference=cache(lambda: TiktokenEngine(encoding_of(ranks, PATTERNS[pattern]))),
        fast=fast,
        no_fast=no_fast,
        decode=table.decode,
        specials=("<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>"),
    )


def parse_ranks(path: Path) -> dict[bytes, int]:
    """Token bytes -> rank."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            got = repr(line[:40])
            raise ArtefactInvalid("not a rank", where=f"{path}:{number}", got=got, expected="base64 rank") from error
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise ArtefactInvalid(
            "single bytes have no rank", where=str(path), got=f"none for {missing[:8]}", expected="all"
        )
    return ranks


def encoding_of(ranks: Ranks, pattern: str) -> "tiktoken.Encoding":
    """tiktoken's encoding of the ranks, without special tokens."""
    import tiktoken

    return tiktoken.Encoding("tokeff", pat_str=pattern, mergeable_ranks=dict(ranks), special_tokens={})


def fast_ranks_engine(ranks: Ranks, scheme: str, first_id: int = 0) -> tuple[Engine | None, str]:
    """gigatoken over the ranks, or None and why. `scheme` is its name of a split pattern."""
    from gigatoken import Tokenizer

    with tempfile.TemporaryDirectory() as folder:  # gigatoken reads ranks from a file only
        path = Path(folder) / "ranks.tiktoken"
        rows = sorted(ranks.items(), key=lambda item: item[1])
        path.write_bytes(b"".join(b"%b %d\n" % (base64.b64encode(token), rank) for token, rank in rows))
        try:
            return GigatokenEngine(Tokenizer.from_tiktoken(path, scheme, {}), first_id), ""
        except (RuntimeError, ValueError) as error:
            return None, f"gigatoken refuses it: {str(error).splitlines()[0]}"
