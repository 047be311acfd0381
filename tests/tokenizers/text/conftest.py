"""Vocabulary files made on the spot by the libraries' own trainers, and open tokenizers."""

import base64
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tokeff.tokenizers.registry import Registry
from tokeff.tokenizers.text.tokenizer_json import byte_alphabet

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog's owner didn't mind; they'll meet again in 2024.",
    "Der Käfer überquert die Straße. Les élèves mangent des crêpes. Ελληνικά γράμματα, русские буквы.",
    "def add(a, b):\n    return a + b\n\n\nfor i in range(100):\n        print(i, 3.14159)\n",
    "東京は日本の首都です。한국어 문장입니다. สวัสดีครับ नमस्ते مرحبا 😉👍",
    "<s> and [INST] are words here, as are <|endoftext|> and <unk>.  Two  spaces   three.",
] * 8
SPECIALS = ["<|endoftext|>", "<s>", "[INST]"]


@pytest.fixture(scope="session")
def opened() -> Callable[[str], Any]:
    """An open tokenizer of a specification, opened once."""
    return cache(Registry.load().open)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Specifications of vocabularies made on the spot, by kind."""
    folder = tmp_path_factory.mktemp("vocabularies")
    byte_level = _byte_level()
    byte_level.save(str(folder / "tokenizer.json"))
    _write_ranks(byte_level, folder / "made.tiktoken")
    _wordpiece().save(str(folder / "wordpiece.json"))
    (folder / "tokenizer.model.v3").write_bytes(_sentencepiece("bpe", 500, rule="identity"))
    (folder / "nfkc.model").write_bytes(_sentencepiece("bpe", 500, rule="nmt_nfkc"))
    (folder / "unigram.model").write_bytes(_sentencepiece("unigram", 150, rule="nmt_nfkc"))
    ranks = {
        f"ranks-{pattern}": f"bpe:{folder}/made.tiktoken?pattern={pattern}" for pattern in ("gpt2", "cl100k", "o200k")
    }
    return ranks | {
        "byte-level": f"bpe:{folder}/tokenizer.json",
        "wordpiece": f"bpe:{folder}/wordpiece.json",
        "sentencepiece": f"bpe:{folder}/tokenizer.model.v3",
        "sentencepiece-nfkc": f"bpe:{folder}/nfkc.model",
        "unigram": f"bpe:{folder}/unigram.model",
    }


def _byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False, min_frequency=2
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens(["      ", "   "])  # not special: runs of spaces, as GPT-NeoX has them
    bos = ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[bos])
    tokenizer.enable_truncation(max_length=16)
    tokenizer.enable_padding(length=16)
    return tokenizer


def _write_ranks(tokenizer: Tokenizer, path: Path) -> None:
    """The byte-level vocabulary as ranks: single bytes first, then merges in their order."""
    alphabet = byte_alphabet()
    added = set(tokenizer.get_added_tokens_decoder())
    pieces = sorted((i, piece) for piece, i in tokenizer.get_vocab().items() if i not in added)
    rows = [base64.b64encode(bytes(alphabet[sign] for sign in piece)) for _, piece in pieces]
    path.write_bytes(b"".join(b"%b %d\n" % (row, rank) for rank, row in enumerate(rows)))


def _wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]", "[CLS]"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _sentencepiece(kind: str, vocab_size: int, *, rule: str) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        model_type=kind,
        vocab_size=vocab_size,
        byte_fallback=kind == "bpe",
        normalization_rule_name=rule,
        remove_extra_whitespaces=rule != "identity",
        user_defined_symbols=["[TOOL]"],
        minloglevel=2,
    )
    return model.getvalue()
