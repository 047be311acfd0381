"""Profile: a corpus through its tokenizers, shard by shard, resumable at any moment.

Plan the shards, look at them, measure them, add up, finish. Leaves out printing.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from tokeff.engine.conduct import Conductor
from tokeff.engine.device import resolve_device
from tokeff.engine.directory import RunDirectory, discard, refuse_occupied
from tokeff.engine.environment import code_digest, library_versions, machine
from tokeff.engine.executors.choose import executor
from tokeff.engine.ledger import Ledger
from tokeff.engine.observer import Observer, Silent
from tokeff.engine.options import DEFAULT_TOKENIZERS, Execution, Options
from tokeff.engine.outcome import DTYPE
from tokeff.engine.survey import Survey
from tokeff.errors import TokeffError
from tokeff.measures.saved import to_json
from tokeff.records.cards import Card
from tokeff.records.runs import Profile
from tokeff.tokenizers.registry import Registry


def profile(
    options: Options, *, out: Path | None = None, observer: Observer | None = None, how: Execution | None = None
) -> Profile:
    """Measure a corpus. Raises TokeffError for what a person must decide; bad items are quarantined.

    `out` may hold an unfinished run of the same options and corpus: it goes on.
    """
    observer, how, start = observer or Silent(), how or Execution(), perf_counter()
    registry = Registry.load(options.cards)
    chosen = [registry.card(spec) for spec in options.tokenizers]
    device = resolve_device(options.device)
    with _place(out) as place, Ledger.open(place, job(options, chosen, device), fresh=how.fresh) as ledger:
        observer.stage("Listing the corpus")
        ledger.plan(options)
        workers = executor(how, options.reading, device=device, shards=ledger.shards, n_shards=ledger.n_shards)
        with closing(workers):
            conductor = Conductor(ledger, options, workers, observer)
            found = conductor.survey()
            cards = chosen or default_cards(registry, found)
            refuse_unmatched(cards, found)
            conductor.measure(found, cards, device)
        observer.stage("Adding up")
        completed = [registry.family(card).complete(card.parameters) for card in cards]
        execution = {**how.to_json(), "workers": workers.n_workers, "n_shards": ledger.n_shards}
        return _finish(conductor, found, cards, out, device, completed=completed, execution=execution, start=start)


def _finish(
    conductor: Conductor,
    found: Survey,
    cards: Sequence[Card],
    out: Path | None,
    device: str,
    *,
    completed: Sequence[Any],
    execution: dict[str, Any],
    start: float,
) -> Profile:
    """Add up, and write the files of the run."""
    # Here, since it brings torch, which whoever only feeds workers needs not.
    from tokeff.engine.finish import finished, gather, record

    options = conductor.options
    with ExitStack() as stack:
        directory = stack.enter_context(RunDirectory.create(out)) if out else None
        gathered = gather(conductor, found, cards, directory)
        result = finished(gathered, cards, options, device)
        facts = {
            "arguments": options.to_json(),
            "execution": execution,
            "seed": options.seed,
            **record(result, gathered, cards, completed),
            "device": device,
            "dtype": DTYPE,
            "machine": machine(),
            "libraries": library_versions(),
            "seconds": round(perf_counter() - start, 3),
        }
        result = replace(result, run=facts)
        if directory:
            directory.finish([to_json(each) for each in result.measurements], facts)
    return result


def job(options: Options, chosen: Sequence[Card], device: str) -> dict[str, Any]:
    """What a run is bound to: it can only be resumed where all of this is the same."""
    return {
        "options": options.to_json(),
        "cards": {card.name: {"sha256": card.sha256, "files": _files(card)} for card in chosen},
        "device": device,
        "code": code_digest(),
        "libraries": library_versions(),
    }


def _files(card: Card) -> dict[str, list[int]]:
    """Size and time of change of the files that a person named for a tokenizer: their content is part of it."""
    named = Path(card.artefact.file) if card.artefact and card.artefact.file else None
    if named is None or not named.exists():
        return {}
    files = sorted(path for path in named.rglob("*") if path.is_file()) if named.is_dir() else [named]
    return {str(path): [path.stat().st_size, path.stat().st_mtime_ns] for path in files}


def default_cards(registry: Registry, found: Survey) -> list[Card]:
    """One tokenizer for each modality that is there."""
    return [registry.card(DEFAULT_TOKENIZERS[modality]) for modality in found.modalities]


def refuse_unmatched(cards: Sequence[Card], found: Survey) -> None:
    """Raises TokeffError for a tokenizer of a modality that is not there."""
    for card in cards:
        if card.modality not in found.population:
            raise TokeffError(
                f"the corpus holds no {card.modality} for this tokenizer",
                where=f"-t {card.name}",
                got=", ".join(f"{held.n_items} {m}" for m, held in found.population.items()),
            )


@contextmanager
def _place(out: Path | None) -> Iterator[Path]:
    """The run directory, or one that is thrown away. One in which nothing was measured is removed again."""
    if out is None:
        with TemporaryDirectory(prefix="tokeff-") as folder:
            yield Path(folder)
        return
    refuse_occupied(out)
    was_there = out.exists()
    try:
        yield out
    except BaseException:
        discard(out, remove=not was_there)
        raise
