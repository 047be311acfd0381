"""Languages of the texts of a run: of a seeded few items, read again where they lie. Leaves out sums and pictures."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tokeff.engine.again import again
from tokeff.engine.lots import Draw
from tokeff.errors import TokeffError
from tokeff.records.items import Item

MOST_ITEMS = 1_000
"""Texts that are looked at; of more, so many are drawn."""
BEFORE_TEXT = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages:
    """What was found. `of` holds key -> language (ISO 639) or script, for the items that could be read."""

    of: Mapping[str, str]
    kind: str
    """`language`, or `script` where no model of languages is installed."""
    n_items: int
    """Texts of the run."""
    n_drawn: int
    """So many of them were to be looked at."""

    @property
    def sentence(self) -> str:
        """How they were found, for a person."""
        how = (
            "Languages (ISO 639 codes) by py3langid"
            if self.kind == "language"
            else "Scripts, since py3langid is not installed,"
        )
        drawn = f" drawn from {self.n_items:,}" if self.n_drawn < self.n_items else ""
        gone = self.n_drawn - len(self.of)
        missing = f"; {gone:,} could not be read again where the run found them" if gone else ""
        return f"{how} of {self.n_drawn:,} texts{drawn}, from the first 4 kB of each{missing}."


def languages(arguments: Mapping[str, Any], keys: Iterable[str]) -> Languages:
    """Languages of at most MOST_ITEMS of `keys`, drawn by the run's seed; those gone or unreadable are missing."""
    from tokeff.measures.languages import detector

    n_items, draw = 0, Draw(int(arguments["seed"]))

    def lots() -> Iterable[tuple[int, str]]:
        nonlocal n_items
        for key in keys:
            n_items += 1
            yield draw.lot(key), key

    drawn = sorted(key for _, key in heapq.nsmallest(MOST_ITEMS, lots()))
    name, kind = detector()
    items = again(arguments, drawn, "text")
    texts = {key: _beginning(item) for key, item in items.items()}
    found = {key: name(text) for key, text in texts.items() if text is not None}
    return Languages(of=found, kind=kind, n_items=n_items, n_drawn=len(drawn))


def _beginning(item: Item) -> str | None:
    """The first kilobytes of a text; None for what cannot be read."""
    from tokeff.measures.languages import MOST_BYTES
    from tokeff.media.dispatch import decode
    from tokeff.records.signals import TextSignal

    try:
        with item.open() as stream:
            start = stream.read(MOST_BYTES)
        if start.startswith(BEFORE_TEXT) or b"\0" in start:
            signal = decode(item)
            start = signal.data[:MOST_BYTES] if isinstance(signal, TextSignal) else b""
    except (OSError, TokeffError):
        return None
    return start.decode("utf-8", "ignore")
