"""A batch that is too large for the device, or that holds one bad item, goes through in halves: nothing is lost."""

import io
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from tokeff.engine.bench import Instrument, Tool
from tokeff.engine.recorder import Place, Recorder
from tokeff.engine.stream import Batch, Placed
from tokeff.engine.subsample import Subsample
from tokeff.engine.tasks import Excluded, Exclusion
from tokeff.measures.reconstruction import SourceBits
from tokeff.records.cards import Card
from tokeff.records.items import Item
from tokeff.records.signals import TextSignal
from tokeff.records.tallies import Tally
from tokeff.records.tokens import Tokens

CARD = Card(name="small-memory", modality="text", family="bytes")


class SmallMemory:
    """Holds four texts at once; one it can never hold."""

    card, codebook_sizes = CARD, (256,)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, signals: Sequence[TextSignal]) -> list[Tokens]:
        self.batches.append(len(signals))
        if len(signals) > 4 or any(signal.data == b"huge" for signal in signals):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return [Tokens.discrete([np.frombuffer(signal.data, np.uint8)]) for signal in signals]


def batch(texts: Sequence[bytes]) -> Batch:
    made = Batch(modality="text")
    for number, text in enumerate(texts):
        item = Item(modality="text", key=str(number), stored_bytes=len(text), open=partial(io.BytesIO, text))
        made.add(Placed(Place(0, number), item))
    return made


def instrument(tokenizer: Any, kept: list[Tally], *exclusions: Exclusion) -> Instrument:
    return Instrument(
        tool=Tool(number=0, card=CARD, tokenizer=tokenizer, device="cpu"),
        paired=Subsample(seed=0, purpose="pairs", shares={}),
        excluded=Excluded(exclusions),
        recorder=Recorder(),
        keep=kept.append,
    )


def test_out_of_memory_halves_the_batch_until_it_fits() -> None:
    tokenizer, kept = SmallMemory(), list[Tally]()
    failures = instrument(tokenizer, kept).measure(batch([b"text"] * 15 + [b"huge"]), (), SourceBits())
    (tally,) = kept
    assert (tally.n_items, tally.count("n_tokens")) == (15, 60)
    assert [(failure.key, failure.stage, failure.reason) for failure in failures] == [
        ("15", "encode", "OutOfMemoryError")
    ]
    assert tokenizer.batches[:3] == [16, 8, 4]


def test_what_killed_a_worker_is_kept_from_this_tokenizer_alone() -> None:
    tokenizer, kept = SmallMemory(), list[Tally]()
    killer = Exclusion(piece=0, number=1, tokenizer=0, stage="encode", reason="worker_died", message="died: SIGSEGV")
    other = Exclusion(piece=0, number=2, tokenizer=7, stage="encode", reason="worker_died", message="died: SIGSEGV")
    failures = instrument(tokenizer, kept, killer, other).measure(batch([b"a", b"bb", b"ccc"]), (), SourceBits())
    assert kept[0].count("n_tokens") == 4
    (failure,) = failures
    assert (failure.key, failure.stored_bytes, failure.tokenizer) == ("1", 2, "small-memory")
    assert failure.message == "1: died: SIGSEGV"


def test_a_refusal_that_a_person_must_decide_goes_on_up() -> None:
    class Outside(SmallMemory):
        def encode(self, signals: Sequence[TextSignal]) -> list[Tokens]:
            return [Tokens.discrete([np.array([300])]) for _ in signals]

    with pytest.raises(Exception, match="emits ids outside its codebook"):
        instrument(Outside(), []).measure(batch([b"a"]), (), SourceBits())
