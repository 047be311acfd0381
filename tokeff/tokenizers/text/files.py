"""Which kind of vocabulary a file is, by its content: names lie (`tokenizer.model` is SentencePiece or ranks)."""

import json
from pathlib import Path
from typing import Any

from tokeff.errors import ArtefactInvalid, ArtefactMissing
from tokeff.tokenizers.text.rank_files import LINE, read_rank_file
from tokeff.tokenizers.text.sentencepiece_files import read_sentencepiece
from tokeff.tokenizers.text.tekken import read_tekken
from tokeff.tokenizers.text.tokenizer_json import read_tokenizer_json
from tokeff.tokenizers.text.vocabulary import Vocabulary

NAMES = ("tokenizer.json", "tekken.json", "tokenizer.model")
"""Files by which a directory or hub repository holds a vocabulary, best first."""
KINDS = "tiktoken ranks, a tokenizer.json, a SentencePiece model or a Tekken file"


def read_vocabulary(path: Path, pattern: str | None) -> Vocabulary:
    """The vocabulary in a file or directory. Raises ArtefactInvalid, ArtefactMissing, SpecError."""
    path = _in_directory(path) if path.is_dir() else path
    with path.open("rb") as file:
        head = file.read(1024)
    if head.lstrip()[:1] == b"{":
        content = _json(path)
        if "model" in content:
            return read_tokenizer_json(path, content)
        if "vocab" in content and "config" in content:
            return read_tekken(path, content)
    elif LINE.match(head):
        return read_rank_file(path, pattern)
    elif head[:1] == b"\n":  # field 1 of a protobuf: the first piece
        return read_sentencepiece(path)
    pointer = head.startswith(b"version https://git-lfs")
    raise ArtefactInvalid(
        "not a vocabulary that is known",
        where=str(path),
        got="a pointer of Git LFS, not the file" if pointer else f"a file that starts with {head[:24]!r}",
        expected=KINDS,
        fix="Run `git lfs pull` where it came from." if pointer else None,
    )


def _in_directory(folder: Path) -> Path:
    for pattern in (*NAMES, "*tekken*.json", "*.model", "*.model.v*", "*.tiktoken"):
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    raise ArtefactMissing("this directory holds no vocabulary", where=str(folder), expected=" or ".join(NAMES))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ArtefactInvalid("not JSON", where=str(path), got=str(error)) from error
    return dict(content)
