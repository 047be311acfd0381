"""Which change of bytes per token moves the plan most: its own interval, a better tokenizer, another one of the run.

Central values only: each bar is one change with all else held. Another tokenizer has no change of loss: losses per
token of different tokens do not compare. Leaves out drawing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tokeff.errors import TokeffError
from tokeff.planner.corpus import Holding, fan_of, retained_share
from tokeff.planner.draws import Fan
from tokeff.planner.request import Fidelity
from tokeff.planner.sizing import Training
from tokeff.planner.view import Tokens, View, grown
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import Sensitivity

STEP = 1.1
Held = Mapping[Modality, Holding]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """Factors of bytes per token, and of what a token keeps."""

    said: str
    kind: Literal["interval", "step", "tokenizer"]
    factors: tuple[float, ...]
    worths: tuple[float, ...]


def sensitivities(
    held: Held,
    run: Training,
    view: View | None,
    measurements: Sequence[Measurement],
    fidelity: Mapping[Modality | None, Fidelity],
) -> tuple[Sensitivity, ...]:
    """Bars, the longest first: by training compute where a size is known, then by score."""
    bars = [
        _bar(held, run, view, modality, change)
        for modality, holding in held.items()
        for change in _changes(holding, measurements, fidelity)
    ]
    return tuple(sorted(bars, key=_length, reverse=True))


def _changes(
    holding: Holding, measurements: Sequence[Measurement], fidelity: Mapping[Modality | None, Fidelity]
) -> Iterator[_Change]:
    ratio, named = holding.measurement.bytes_per_token, holding.measurement.tokenizer
    if ratio.low is not None and ratio.high is not None and ratio.low < ratio.high:
        ends = (ratio.low / ratio.value, ratio.high / ratio.value)
        said = f"range of {named}"
        yield _Change(said=said, kind="interval", factors=ends, worths=(1.0, 1.0))
    yield _Change(said="+10 % bytes per token", kind="step", factors=(STEP,), worths=(1.0,))
    for other in measurements:
        if other.modality == holding.modality and other.tokenizer != named:
            worth = _relative_worth(other, holding, fidelity)
            if worth is not None:
                factor = float(fan_of(other)[0] / holding.bytes_per_token[0])
                said = f"{other.tokenizer}, not {named}"
                yield _Change(said=said, kind="tokenizer", factors=(factor,), worths=(worth,))


def _relative_worth(other: Measurement, holding: Holding, fidelity: Mapping[Modality | None, Fidelity]) -> float | None:
    """What a token of `other` keeps relative to one of the holding; None where the run has not measured it."""
    wanted = fidelity.get(holding.modality, fidelity.get(None))
    if wanted is None:
        return 1.0
    try:
        return retained_share(other, wanted) / holding.worth
    except TokeffError:
        return None


def _bar(held: Held, run: Training, view: View | None, modality: Modality, change: _Change) -> Sensitivity:
    now: Tokens = {m: fan[:1] for m, fan in run.tokens.items()}
    total = float(run.total[0])
    pairs = list(zip(change.factors, change.worths, strict=True))
    loss = compute = None
    if run.size is not None:
        after = [sum(float(fan[0]) for fan in grown(now, modality, 1 / factor).values()) for factor in change.factors]
        compute = tuple(each / total for each in after)
        if change.kind != "tokenizer" and view is not None and modality in view.scope and view.uses_data:
            seen = {m: np.asarray(fan * held[m].worth) for m, fan in now.items()}
            loss = tuple(_loss_change(view, run.size, seen, modality, worth / factor) for factor, worth in pairs)
    return Sensitivity(
        modality=modality,
        change=change.said,
        kind=change.kind,
        factors=change.factors,
        tokens=tuple(1 / factor for factor in change.factors),
        score=tuple(float(np.log(worth / factor)) for factor, worth in pairs),
        loss=loss,
        compute=compute,
    )


def _loss_change(view: View, size: Fan, seen: Tokens, modality: Modality, factor: float) -> float:
    central = view.central()
    after = central.value(size[:1], grown(seen, modality, factor))
    return float((after - central.value(size[:1], seen))[0])


def _length(bar: Sensitivity) -> tuple[float, float]:
    compute = max((abs(float(np.log(factor))) for factor in bar.compute or ()), default=0.0)
    return compute, max(abs(change) for change in bar.score)
