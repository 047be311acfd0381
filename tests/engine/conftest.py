"""A tokenizer that kills its process, hangs or raises when a text tells it to; installed as a package of its own."""

import json
import os
import sys
from pathlib import Path

import pytest

FAMILY = '''
"""Bytes as tokens, but for texts that begin with a command."""

import os
import signal
import time

import numpy as np

from tokeff.errors import ItemError
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.families import Family


class Trapped:
    codebook_sizes = (256,)

    def __init__(self, card):
        self.card = card

    def encode(self, signals):
        return [self._tokens(signal.data) for signal in signals]

    def _tokens(self, data):
        if data.startswith(b"KILL"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if data.startswith(b"HANG"):
            time.sleep(10_000)
        if data.startswith(b"RAISE"):
            raise ItemError("trap", "raises as it was told to")
        time.sleep(float(os.environ.get("TRAP_SECONDS_PER_ITEM", "0")))
        return Tokens.discrete([np.frombuffer(data, np.uint8)])


FAMILY = Family(name="trap", modality="text", summary="a trap", load=lambda card, context: Trapped(card))
'''
CARD = """
schema_version = 1
name = "trap"
modality = "text"
family = "trap"
summary = "a trap"
licence = "none"
source = "a test"
vocab_size = 256
"""


@pytest.fixture(scope="session")
def trap(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the family `trap` is installed; its cards are in $TRAP_CARDS."""
    site = tmp_path_factory.mktemp("site")
    (site / "trap_family.py").write_text(FAMILY)
    info = site / "trap_family-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trap-family\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tokeff.families]\ntrap = trap_family:FAMILY\n")
    (site / "cards").mkdir()
    (site / "cards" / "trap.toml").write_text(CARD)
    path = os.pathsep.join([str(site), *(entry for entry in sys.path if entry)])
    return {**os.environ, "PYTHONPATH": path, "TRAP_CARDS": str(site / "cards")}


@pytest.fixture(scope="session")
def trapped_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,007 items in eight shards: lines, and texts of which one kills, one hangs and one raises."""
    folder = tmp_path_factory.mktemp("trapped") / "corpus"
    folder.mkdir()
    for number in range(8):
        texts = (
            f"line {line} of file {number}, with some words more {'x ' * (1200 + line % 37)}" for line in range(240)
        )
        lines = (json.dumps({"text": text}) + "\n" for text in texts)
        (folder / f"{number}.jsonl").write_text("".join(lines))
    for number in range(84):
        (folder / f"text {number:02d}.txt").write_text(f"Text {number} says " + "much " * number)
    for number, word in enumerate(("KILL", "HANG", "RAISE")):
        (folder / f"text {20 + 25 * number}b.txt").write_text(f"{word} and whatever follows")
    return folder
