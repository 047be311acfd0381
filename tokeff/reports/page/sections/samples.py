"""Originals beside reconstructions: a seeded few of each modality, within what a page may weigh."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokeff.errors import TokeffError
from tokeff.media.dispatch import decode
from tokeff.records.items import Modality
from tokeff.records.runs import Profile
from tokeff.records.signals import Signal
from tokeff.reports.page.blocks import Sample, Section, View
from tokeff.reports.page.samples.choice import Chosen, choose
from tokeff.reports.page.samples.views import original, result
from tokeff.reports.wording import unprintable
from tokeff.tokenizers.protocols import Tokenizer
from tokeff.tokenizers.registry import Registry

MAX_MEDIA_CHARACTERS = 1_900_000
"""Of all pictures and sounds together: the page stays below 3 MB."""
MAX_TOKENIZERS = 4

Bench = Mapping[Modality, Mapping[str, "Tokenizer[Any] | TokeffError"]]


def reconstructions(profile: Profile, run: Path) -> Section:
    """The section; where the corpus is gone, it says so."""
    chosen = choose(run, profile.run["arguments"])
    there = [each for each in chosen if each.item is not None]
    lead = "Items chosen by chance (the seed decides), as they are and as each tokenizer gives them back."
    if not there:
        why = chosen[0].why if chosen else "No item is small enough to show, or none was measured."
        lead = f"None can be shown. {why}"
    bench = _open(profile, {each.modality for each in there})
    samples, spent = [], 0
    for each in there:
        sample = _sample(each, bench[each.modality], MAX_MEDIA_CHARACTERS - spent)
        spent += sum(_weight(view) for view in sample.views)
        samples.append(sample)
    return Section(ident="samples", title="Originals and reconstructions", lead=(lead,), blocks=tuple(samples))


def _open(profile: Profile, modalities: set[Modality]) -> Bench:
    registry = Registry.load([Path(folder) for folder in profile.run["arguments"]["cards"]])
    opened: dict[Modality, dict[str, Tokenizer[Any] | TokeffError]] = {modality: {} for modality in modalities}
    for each in profile.measurements:
        if each.modality in opened and len(opened[each.modality]) < MAX_TOKENIZERS:
            try:
                opened[each.modality][each.tokenizer] = registry.open(each.tokenizer)
            except TokeffError as error:
                opened[each.modality][each.tokenizer] = error
    return opened


def _sample(chosen: Chosen, bench: Mapping[str, Tokenizer[Any] | TokeffError], budget: int) -> Sample:
    views = []
    for view in _views(chosen, bench):
        fits = _weight(view) <= budget
        views.append(view if fits else View(title=view.title, note="Left out: the page would grow too large."))
        budget -= _weight(views[-1])
    return Sample(title=unprintable(chosen.key), views=tuple(views))


def _views(chosen: Chosen, bench: Mapping[str, Tokenizer[Any] | TokeffError]) -> Iterator[View]:
    if chosen.item is None:
        return
    try:
        signal = decode(chosen.item)
        itself = original(signal)
    except TokeffError as error:
        yield View(title="original", note=unprintable(str(error)))
        return
    if itself:
        yield itself
    for name, tokenizer in bench.items():
        yield _view(name, tokenizer, signal)


def _view(name: str, tokenizer: Tokenizer[Any] | TokeffError, signal: Signal) -> View:
    if isinstance(tokenizer, TokeffError):
        return View(title=name, note=unprintable(str(tokenizer)))
    try:
        return result(name, tokenizer, signal)
    except Exception as error:
        # A tokenizer may fail on an item in any way, here as in the run: it is said where the item would stand.
        return View(title=name, note=unprintable(f"It failed on this item: {error}"))


def _weight(view: View) -> int:
    return len(view.sound) + sum(len(uri) for uri, _ in view.pictures)
