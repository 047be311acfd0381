"""Published and independently counted numbers of tokens, and tiktoken's own encodings as a second implementation."""

import hashlib
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tiktoken

from tokeff.records.headers import TextHeader
from tokeff.records.signals import TextSignal
from tokeff.records.tokens import Counts
from tokeff.tokenizers.artefacts import TIKTOKEN_URL
from tokeff.tokenizers.text.rank_files import PATTERNS
from tokeff.tokenizers.text.tekken import PATTERN

Opened = Callable[[str], Any]


@pytest.fixture
def rank_files(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOKEFF_ARTEFACTS", str(shared / "vocab"))
    return shared / "vocab"


def ids_of(tokenizer: Any, text: str | bytes) -> list[int]:
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    row: list[int] = tokenizer.encode([TextSignal(data=data)])[0].streams[0].tolist()
    return row


@pytest.mark.shared
@pytest.mark.usefixtures("rank_files")
@pytest.mark.parametrize(
    ("name", "n_tokens", "n_types"),
    [("gpt2", 338_025, 11_706), ("cl100k", 301_829, 12_111), ("o200k", 297_606, 12_733)],
)
def test_tiny_shakespeare(name: str, n_tokens: int, n_types: int, opened: Opened, shared: Path) -> None:
    """The counts of MEASURES, Oracles."""
    text = (shared / "corpora/text/books/en_tinyshakespeare.txt").read_bytes()
    assert len(text) == 1_115_394
    ids = ids_of(opened(name), text)
    assert (len(ids), len(set(ids))) == (n_tokens, n_types)


@pytest.mark.shared
@pytest.mark.usefixtures("rank_files")
def test_tiny_shakespeare_split_as_nanogpt_splits_it(opened: Opened, shared: Path) -> None:
    """nanoGPT data/shakespeare/readme.md: train.bin has 301,966 tokens, val.bin has 36,059."""
    text = (shared / "corpora/text/books/en_tinyshakespeare.txt").read_text("utf-8")
    cut = int(len(text) * 0.9)
    rows = opened("gpt2").encode([TextSignal(data=part.encode()) for part in (text[:cut], text[cut:])])
    assert [row.counts.n_tokens for row in rows] == [301_966, 36_059]


@pytest.mark.shared
@pytest.mark.usefixtures("rank_files")
def test_published_ids(opened: Opened) -> None:
    """tiktoken's own tests: tests/test_simple_public.py and test_encoding.py; minbpe's comparison with cl100k."""
    assert ids_of(opened("gpt2"), "hello world") == [31373, 995]
    assert ids_of(opened("gpt2"), "0" * 17) == [8269, 10535, 830]
    assert ids_of(opened("cl100k"), "hello world") == [15339, 1917]
    assert len(ids_of(opened("cl100k"), "hello123!!!? (안녕하세요!) 😉")) == 12


@pytest.mark.shared
@pytest.mark.parametrize("card", ["gpt2", "cl100k", "o200k"])
def test_tiktokens_own_encoding(
    card: str, opened: Opened, rank_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patterns, ids and n_vocab of tiktoken's registry, read from its cache of these rank files."""
    name = {"gpt2": "r50k"}.get(card, card) + "_base"
    key = hashlib.sha1(TIKTOKEN_URL.format(name).encode()).hexdigest()
    (tmp_path / key).symlink_to(rank_files / f"{name}.tiktoken")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    encoding = tiktoken.get_encoding(name)
    assert PATTERNS[card] == encoding._pat_str
    assert opened(card).codebook_sizes == (encoding.n_vocab,)
    text = "It's  a test,\n\n 1234 naïve <|endoftext|> 東京"
    assert ids_of(opened(card), text) == encoding.encode_ordinary(text)


@pytest.mark.parametrize(
    ("card", "size", "n_specials"), [("tekken", 131_072, 1000), ("mistral-v1", 32_000, 3), ("mistral-v3", 32_768, 3)]
)
def test_packaged_vocabularies(card: str, size: int, n_specials: int, opened: Opened) -> None:
    """Sizes as mistral-common states them; specials stand for no text."""
    tokenizer = opened(card)
    assert tokenizer.codebook_sizes == (size,)
    assert tokenizer.vocabulary.size == size
    assert not tokenizer.token_bytes[:n_specials].any()
    assert min(ids_of(tokenizer, "<s>[INST] hello </s>")) >= n_specials


def test_the_pattern_of_tekken_is_the_one_its_file_carries() -> None:
    for name in ("tekken_240718.json", "tekken_240911.json"):
        content = json.loads(resources.files("mistral_common").joinpath("data", name).read_text("utf-8"))
        assert content["config"]["pattern"] == PATTERN


def test_bytes_are_their_own_ids(opened: Opened) -> None:
    tokenizer = opened("bytes")
    assert ids_of(tokenizer, "é\0") == [0xC3, 0xA9, 0]
    assert tokenizer.count(TextHeader(n_bytes=7)) == Counts(n_tokens=7, n_positions=7)
    assert tokenizer.codebook_sizes == (256,)


def test_sentencepiece_of_mistral_against_its_library(opened: Opened) -> None:
    """A literal `<s>` is the one text on which gigatoken, left to itself, differs from SentencePiece."""
    from importlib import resources

    model = resources.files("mistral_common").joinpath("data", "tokenizer.model.v1").read_bytes()
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    for text in ("<s>", "a <s>b</s>", "<unk><0x0A>\n", " ▁x"):
        assert ids_of(opened("mistral-v1"), text) == processor.encode(text)
