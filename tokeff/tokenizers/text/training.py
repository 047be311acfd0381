"""Fitting a byte-level BPE vocabulary to texts, through the tokenizers library. Leaves out finding and reading files.

Byte-level: every text can be spelt and comes back byte for byte. Words are split as GPT-2 splits them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokeff.errors import InsufficientData, RunError, SpecError
from tokeff.records.signals import TextSignal

N_BYTES = 256
VOCABULARY, CARD = "tokenizer.json", "card.toml"


def fit_bpe(signals: Iterable[TextSignal], vocab_size: int, out: Path, *, min_frequency: int = 2) -> int:
    """Write `tokenizer.json` and a card into the new directory `out`; the number of ids reached.

    It is below `vocab_size` where no pair of tokens occurs `min_frequency` times any more. Raises SpecError for a size
    below 256, InsufficientData for no text, RunError where `out` holds something.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if vocab_size < N_BYTES:
        raise SpecError("too few ids for all bytes", where="vocab_size", got=vocab_size, expected=f"at least {N_BYTES}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError("holds something already", where=str(out), expected="a new or empty directory")
    counted = _Counted(signals)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(counted, trainer)
    if not counted.n_bytes:
        raise InsufficientData("no text to train on", got=f"{counted.n_texts} texts", expected="at least one character")
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / VOCABULARY))
    size: int = tokenizer.get_vocab_size()
    (out / CARD).write_text(_card(out / VOCABULARY, size, counted), "utf-8")
    return size


class _Counted:
    """Texts as they go by."""

    def __init__(self, signals: Iterable[TextSignal]) -> None:
        self.signals, self.n_texts, self.n_bytes = signals, 0, 0

    def __iter__(self) -> Iterator[str]:
        for signal in self.signals:
            self.n_texts += 1
            self.n_bytes += len(signal.data)
            yield signal.text


def _card(path: Path, size: int, counted: _Counted) -> str:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    quoted = {
        "name": f"bpe-{size}-{digest[:8]}",
        "summary": f"byte-level BPE of {size} ids, trained here",
        "licence": "that of the texts it was trained on",
        "source": "tokeff tokenizers train bpe",
        "notes": f"Trained on {counted.n_texts} texts, {counted.n_bytes} bytes.",
    }
    lines = ["schema_version = 1", 'modality = "text"', 'family = "bpe"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in quoted.items()]
    lines += [f"vocab_size = {size}", "", "[artefact]", f"file = {json.dumps(path.name)}"]
    return "\n".join([*lines, f'sha256 = "{digest}"', f"bytes = {len(data)}"]) + "\n"
