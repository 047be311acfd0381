"""Score: two folders, originals and what some tokenizer elsewhere made of them, pair by pair.

A copy has its original's place in the tree and its name, with any extension. Leaves out printing.
"""

from collections.abc import Iterator
from pathlib import Path

from tokeff.engine.observer import Observer, Silent
from tokeff.engine.stream import failure_of
from tokeff.engine.subsample import Everything
from tokeff.engine.survey import N_CODED
from tokeff.errors import ItemError, NotFound, TokeffError
from tokeff.measures.reconstruction import SourceBits
from tokeff.measures.score import score_of, tally_pairs
from tokeff.media.dispatch import decode
from tokeff.readers.corpus import find
from tokeff.readers.sampling import Sample
from tokeff.records.items import MODALITIES, Failure, Item, Modality
from tokeff.records.scores import ScoreSheet
from tokeff.records.tallies import Tally


def score(
    originals: Path,
    copies: Path,
    *,
    device: str = "cpu",
    whole: bool = False,
    seed: int = 0,
    observer: Observer | None = None,
) -> ScoreSheet:
    """Distortion of every pair and missing bits: of windows of some pairs, or of all and whole with `whole`.

    Raises NotFound where a folder is absent or nothing is paired.
    """
    observer = observer or Silent()
    for folder in (originals, copies):
        if not folder.is_dir():
            raise NotFound("there is no folder here", where=str(folder))
    observer.stage("Looking for pairs")
    partners = {_stem(item, copies): item for item in _items(copies)}
    pairs = [(item, partners.get(_stem(item, originals))) for item in _items(originals)]
    if not any(copy for _, copy in pairs):
        fix = "A reconstruction has its original's relative path, with any extension."
        raise NotFound("no original has a reconstruction", where=f"{originals} and {copies}", fix=fix)
    coded = Sample(N_CODED, seed)
    for item, copy in pairs:
        if copy:
            coded.add(item)
    keys = Everything() if whole else frozenset(item.key for item in coded.items())
    observer.stage("Scoring", total_bytes=sum(item.stored_bytes for item, _ in pairs))
    tallies: dict[Modality, Tally] = {}
    failures: list[Failure] = []
    for item, copy in pairs:
        n_before = len(failures)
        try:
            tally = _pair(item, copy, keys, SourceBits(device=device, whole=whole))
            tallies[item.modality] = tallies.get(item.modality, Tally()) + tally
        except ItemError as error:
            failures.append(failure_of(item, "measure", error))
        observer.advance(stored_bytes=item.stored_bytes, n_items=1, n_errors=len(failures) - n_before)
    lost = [failure.modality for failure in failures]
    scores = tuple(score_of(m, tallies[m], lost.count(m)) for m in MODALITIES if m in tallies)
    if not scores:
        raise TokeffError("not one pair could be scored", where=str(copies), got=failures[0].message)
    return ScoreSheet(scores=scores, failures=tuple(failures))


def _items(folder: Path) -> Iterator[Item]:
    return (found for found in find([folder]) if isinstance(found, Item))


def _stem(item: Item, folder: Path) -> str:
    """The key below its folder, without the extension."""
    return str(Path(item.key).relative_to(folder.name).with_suffix(""))


def _pair(item: Item, copy: Item | None, keys: "Everything | frozenset[str]", sources: SourceBits) -> Tally:
    if copy is None:
        raise ItemError("no_reconstruction", "no file of this name is among the reconstructions", where=item.key)
    if copy.modality != item.modality:
        raise ItemError("other_modality", "is reconstructed as another modality", where=item.key, got=copy.modality)
    return tally_pairs([item], [decode(item)], [decode(copy)], coded=keys, sources=sources)
