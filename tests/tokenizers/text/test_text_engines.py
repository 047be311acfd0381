"""Ids of the chosen engine equal the reference library's, on texts that divide engines and on texts by chance."""

import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokeff.errors import EngineMismatch
from tokeff.records.signals import TextSignal
from tokeff.tokenizers.protocols import Reconstructs, TextVocabulary, Tokenizer, Verifies
from tokeff.tokenizers.text.agreement import probes
from tokeff.tokenizers.text.bpe import BpeTokenizer
from tokeff.tokenizers.text.unicode_versions import contested_rows, contested_table

PACKAGED = ("tekken", "mistral-v1", "mistral-v3", "mistral-v7")
SLOW = ("sentencepiece-nfkc", "unigram", "wordpiece")
MADE = ("byte-level", "ranks-gpt2", "ranks-cl100k", "ranks-o200k", "sentencepiece", *SLOW)
FAST = {*PACKAGED, *MADE} - {*SLOW}
EXACT = ("tekken", "ranks-gpt2", "ranks-cl100k", "ranks-o200k", "bytes")
LITERALS = (
    "<|endoftext|>",
    "<s>",
    "</s>",
    "<unk>",
    "[UNK]",
    "[INST]",
    "[/INST]",
    "[TOOL]",
    "[TOOL_CALLS]",
    "<0x0A>",
    "▁",
)
WHITE = (" ", "  ", "      ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\x00", "\x1f", "\x7f", "\u200b", "\u2028")
texts = st.lists(st.one_of(st.sampled_from(LITERALS + WHITE), st.text(max_size=8)), max_size=10).map("".join)
Opened = Callable[[str], Any]
Made = dict[str, str]
many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def signals(*items: str | bytes) -> list[TextSignal]:
    return [TextSignal(data=item if isinstance(item, bytes) else item.encode("utf-8")) for item in items]


@pytest.mark.parametrize("kind", [*PACKAGED, *MADE])
def test_every_kind_agrees_with_its_reference_on_the_probes(kind: str, opened: Opened, made: Made) -> None:
    tokenizer = opened(made.get(kind, kind))
    assert tokenizer.verify(signals(*probes(tokenizer.vocabulary.specials)))
    assert isinstance(tokenizer, Tokenizer)
    assert isinstance(tokenizer, Reconstructs)
    assert isinstance(tokenizer, Verifies)
    assert isinstance(tokenizer, TextVocabulary)


@pytest.mark.parametrize("kind", ["tekken", "mistral-v3", *MADE])
@many
@given(batch=st.lists(texts, max_size=6))
def test_every_kind_agrees_with_its_reference_on_any_text(
    kind: str, batch: list[str], opened: Opened, made: Made
) -> None:
    tokenizer = opened(made.get(kind, kind))
    tokenizer.verify(signals(*batch))


@pytest.mark.parametrize("kind", EXACT)
@many
@given(batch=st.lists(texts, max_size=6))
def test_byte_level_vocabularies_give_back_every_byte(kind: str, batch: list[str], opened: Opened, made: Made) -> None:
    tokenizer = opened(made.get(kind, kind))
    originals = signals(*batch)
    tokens = tokenizer.encode(originals)
    assert tokenizer.decode(tokens, [signal.header for signal in originals]) == originals
    lengths = [int(tokenizer.token_bytes[item.streams[0]].sum()) for item in tokens]
    assert lengths == [len(signal.data) for signal in originals]


@pytest.mark.parametrize("kind", [*PACKAGED, *MADE, "bytes"])
def test_ids_are_integers_below_the_size_of_the_vocabulary(kind: str, opened: Opened, made: Made) -> None:
    tokenizer = opened(made.get(kind, kind))
    rows = [item.streams[0] for item in tokenizer.encode(signals(*probes(())))]
    assert all(row.dtype.kind == "u" and row.ndim == 1 for row in rows)
    assert max(int(row.max()) for row in rows if len(row)) < tokenizer.codebook_sizes[0]
    assert len(tokenizer.token_bytes) == tokenizer.codebook_sizes[0]
    assert tokenizer.encode([]) == []
    assert tokenizer.encode(signals(""))[0].counts.n_tokens == 0


@pytest.mark.parametrize("kind", sorted(FAST))
def test_the_fast_engine_serves_these_kinds(kind: str, opened: Opened, made: Made) -> None:
    tokenizer = opened(made.get(kind, kind))
    assert tokenizer.engine.name.startswith("gigatoken")
    assert tokenizer.engine_note == ""


@pytest.mark.parametrize("kind", SLOW)
def test_the_reference_serves_the_others_and_says_why(kind: str, opened: Opened, made: Made) -> None:
    tokenizer = opened(made[kind])
    assert tokenizer.engine.name.split()[0] in ("sentencepiece", "tokenizers")
    assert "gigatoken" in tokenizer.engine_note
    unknown = set(tokenizer.encode(signals("ꙮ"))[0].streams[0].tolist())
    assert bool(tokenizer.unknown_ids & unknown) == (kind != "sentencepiece-nfkc")  # this one falls back to bytes
    assert not tokenizer.token_bytes[list(tokenizer.unknown_ids)].any()


def test_special_tokens_in_a_text_are_ordinary_text(opened: Opened, made: Made) -> None:
    tokenizer: BpeTokenizer = opened(made["byte-level"])
    ids = tokenizer.encode(signals("<s><|endoftext|>[INST]"))[0].streams[0]
    assert not set(ids.tolist()) & {0, 1, 2}  # the ids of the three specials
    assert len(ids) > 3
    assert (tokenizer.encode(signals("x" + " " * 6 + "y"))[0].streams[0] >= tokenizer.vocabulary.size - 2).any()


@pytest.mark.parametrize("kind", ["ranks-gpt2", "ranks-cl100k", "ranks-o200k", "byte-level"])
def test_only_contested_code_points_divide_the_engines(kind: str, opened: Opened, made: Made) -> None:
    """Every other code point that the interpreter knows: the fast engine alone equals the reference.

    For tokenizers, which is slow, of the first plane only.
    """
    tokenizer = opened(made[kind])
    last = 0xFFFF if kind == "byte-level" else sys.maxunicode
    contested = contested_table()
    known = [
        chr(code)
        for code in range(last + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co") and not contested[code]
    ]
    words = [f"a{sign}b {sign}1'{sign} 's{sign}\n" for sign in known]
    blocks = ["".join(words[start : start + 64]).encode("utf-8") for start in range(0, len(words), 64)]
    fast = tokenizer.vocabulary.fast.encode(blocks)
    assert all(map(np.array_equal, fast, tokenizer.vocabulary.reference().encode(blocks)))


def test_a_text_with_a_contested_code_point_goes_to_the_reference(opened: Opened, made: Made) -> None:
    """U+0C5C is a letter since Unicode 17: the engines do differ, so the route to the reference is needed."""
    tokenizer = opened(made["ranks-cl100k"])
    text = "a\u0c5c b \u0c5c's\u0c5c".encode()
    assert contested_rows([b"plain", text, "é".encode()]) == [1]
    assert tokenizer.verify(signals("plain", text)).startswith("tiktoken")
    fast, reference = tokenizer.vocabulary.fast.encode([text]), tokenizer.vocabulary.reference().encode([text])
    assert not np.array_equal(fast[0], reference[0])


def test_a_wrong_engine_is_caught_and_shown(opened: Opened, made: Made) -> None:
    """The fast engine without its guard, on a letter that only it knows: a real disagreement."""
    tokenizer = opened(made["ranks-cl100k"])
    unguarded = replace(tokenizer, engine=tokenizer.vocabulary.fast)
    shown = (
        r"text 1: .* at token \d+, near byte \d+: \"before .*; got \[\d.* of gigatoken.*; expected \[\d.* of tiktoken"
    )
    with pytest.raises(EngineMismatch, match=shown):
        unguarded.verify(signals("equal", "before a\u0c5c b \u0c5c's\u0c5c"))


def test_a_text_with_a_user_defined_piece_goes_to_sentencepiece(opened: Opened, made: Made) -> None:
    tokenizer = opened(made["sentencepiece"])
    assert tokenizer.vocabulary.divided([b"plain", b"[TOOL]"]) == [1]
    assert tokenizer.verify(signals("plain", "[TOOL]", "a [TOOL] b")).startswith("sentencepiece")
    fast, reference = (one.encode([b"[TOOL]"]) for one in (tokenizer.vocabulary.fast, tokenizer.vocabulary.reference()))
    assert not np.array_equal(fast[0], reference[0])


@pytest.mark.parametrize("kind", ["tekken", "mistral-v1", "ranks-gpt2", "byte-level"])
@pytest.mark.parametrize("unit", ["a", " ", "\n", "😉"])
def test_time_is_linear_in_runs_of_one_sign(kind: str, unit: str, opened: Opened, made: Made) -> None:
    """Four times the text takes about four times as long, where a quadratic engine takes sixteen times."""
    encode = opened(made.get(kind, kind)).encode

    def seconds(n_signs: int) -> float:
        start = time.perf_counter()
        encode(signals(unit * n_signs))
        return time.perf_counter() - start

    short, long = (min(seconds(n_signs) for _ in range(3)) for n_signs in (125_000, 500_000))
    assert long < 11 * short + 0.05


@pytest.mark.shared
@pytest.mark.parametrize("kind", [*PACKAGED, "gpt2", "cl100k", "o200k", "gpt-neox"])
def test_every_kind_agrees_with_its_reference_on_real_texts(
    kind: str, opened: Opened, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEFF_ARTEFACTS", str(shared / "vocab"))
    spec = f"bpe:{shared}/vocab/gpt_neox_20B_tokenizer.json" if kind == "gpt-neox" else kind
    heads = [path.read_bytes()[:8192] for path in sorted((shared / "corpora" / "text").rglob("*")) if path.is_file()]
    assert len(heads) > 30
    tokenizer = opened(spec)
    assert tokenizer.engine.name.startswith("gigatoken")
    tokenizer.verify(signals(*(head.decode("utf-8", "ignore") for head in heads)))
