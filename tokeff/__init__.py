"""tokeff: tokenization efficiency in every modality, measured and turned into plans.

>>> import tokeff
>>> profile = tokeff.profile("data_samples")  # doctest: +SKIP
>>> profile.measurements[0].bytes_per_token  # doctest: +SKIP
Estimate(value=3.9, low=3.6, high=4.2, confidence=0.95)

Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokeff.errors import TokeffError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tokeff.records.comparisons import Comparison
    from tokeff.records.measurements import Measurement
    from tokeff.records.plans import Plan
    from tokeff.records.runs import Profile

__all__ = ["TokeffError", "compare", "plan", "profile"]


def profile(
    paths: str | Path | Sequence[str | Path],
    *,
    tokenizers: str | Sequence[str] = (),
    out: str | Path | None = None,
    report: bool = True,
    **options: Any,
) -> Profile:
    """Measure a corpus, as `tokeff profile` does.

    `paths`: files, folders or globs. `tokenizers`: card names or `family:source?key=value`; none means one default
    per modality. `out`: a directory for the run, new or with an unfinished one that goes on, with `report` a page to
    look at. `options`: modality, unit, format, columns, audio_track, storage, device, sample, precision, seed,
    count_only, reconstruction, cards, as `tokeff.engine.options.Options` has them, and engine, workers, address,
    item_timeout, fresh, as `Execution` has them. Raises TokeffError; bad items are quarantined and counted.
    """
    from dataclasses import fields
    from pathlib import Path

    from tokeff.engine.options import Execution, Options
    from tokeff.engine.profile import profile as run

    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    chosen = (tokenizers,) if isinstance(tokenizers, str) else tuple(tokenizers)
    cards = tuple(Path(folder) for folder in options.pop("cards", ()))
    how = Execution(**{each.name: options.pop(each.name) for each in fields(Execution) if each.name in options})
    wanted = Options(paths=tuple(str(path) for path in listed), tokenizers=chosen, cards=cards, **options)
    result = run(wanted, out=Path(out) if out else None, how=how)
    if out and report:
        from tokeff.reports.page import write_page

        write_page(Path(out))
    return result


def compare(
    runs: str | Path | Sequence[str | Path],
    *,
    baseline: str | None = None,
    allow: Sequence[str] = (),
    by: str = "folder",
    seed: int = 0,
) -> Comparison:
    """Tokenizers on the same items of one or several run directories, as `tokeff compare` does.

    `baseline`: a tokenizer's name; none means the first of each modality. `allow`: what may differ between the runs:
    corpus, dtype, denominator. `by`: the parts of the corpus are folders, file endings or languages. Raises
    TokeffError, naming what differs.
    """
    from pathlib import Path

    from tokeff.engine.comparing import compare as run

    listed = [runs] if isinstance(runs, str | Path) else list(runs)
    return run([Path(each) for each in listed], baseline=baseline, allow=allow, by=by, seed=seed)


def plan(run: str | Path | Profile | Sequence[Measurement], **options: Any) -> Plan:
    """What a run means for model size, data and cost, as `tokeff plan` does.

    `run`: a run directory, a Profile, or measurements. `options`: corpus ({"text": "2TB"}), raw_sizes, tokenizers,
    parameters ("7B"), compute_flops, budget, prices, mixture, max_epochs, laws, tokens, scenarios, gpu_flops,
    utilisation, as `tokeff.engine.planning.plan` has them. Raises TokeffError, saying what would be feasible.
    """
    from tokeff.engine.planning import plan as make_plan

    return make_plan(run, **options)
