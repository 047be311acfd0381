"""Model size and tokens of the training run, from what is given: size, compute, limits of mixture and of epochs.

Size and compute fix the tokens; size alone reads the corpus once; compute alone is split at its optimum; neither: the
size that the corpus is compute-optimal for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tokeff.errors import TokeffError
from tokeff.planner.corpus import Holding
from tokeff.planner.draws import Fan, constant
from tokeff.planner.mixture import largest, limits, trained
from tokeff.planner.optima import has_optimum, optimum_size, supported
from tokeff.planner.request import Scenario
from tokeff.planner.view import View, absent, given
from tokeff.records.items import MODALITIES, Modality
from tokeff.records.plans import Figure

UNIT = "parameters"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Training:
    """A training run: its size (None where none is known) and the tokens of each modality, repeats counted."""

    size: Fan | None
    size_figure: Figure
    is_given: bool
    """The size follows from what the user gave, not from the corpus."""
    tokens: Mapping[Modality, Fan]
    bounds: Mapping[Modality, tuple[float, float]]
    epochs: Mapping[Modality, float]
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Fan:
        """All modalities together."""
        return np.asarray(sum(self.tokens.values()))


def training(held: Mapping[Modality, Holding], scenario: Scenario, view: View | None) -> Training:
    """The training run of a scenario; `view` is the law that splits compute. Raises TokeffError for infeasible asks."""
    corpus = {m: holding.tokens for m, holding in held.items()}
    bounds = limits(corpus, scenario.mixture, scenario.name)
    everywhere = set(scenario.max_epochs) == set(MODALITIES)  # one limit for whatever there is
    if not everywhere and (strangers := [m for m in scenario.max_epochs if m not in corpus]):
        raise TokeffError(
            "an epoch limit for what the corpus lacks",
            where=scenario.name,
            got=strangers[0],
            expected=", ".join(corpus),
        )
    computed = scenario.compute_flops is not None
    epochs = {m: scenario.max_epochs.get(m, np.inf if computed else 1.0) for m in corpus}
    once = largest(corpus, bounds, {m: min(epochs[m], 1.0) for m in corpus})
    most = largest(corpus, bounds, {m: min(epochs[m], 1e9) for m in corpus})
    if not most[0] > 0:
        raise TokeffError("the limits leave no mixture to train on", where=scenario.name, fix="Loosen --mixture.")
    size, total, notes = _size_and_total(held, scenario, view, once, most)
    chosen = trained(corpus, bounds, epochs, total)
    return Training(
        size=size,
        size_figure=_size_figure(size, scenario, view, enlarged=bool(notes)),
        is_given=scenario.n_parameters is not None or computed,
        tokens=chosen,
        bounds=bounds,
        epochs=epochs if scenario.max_epochs else dict.fromkeys(corpus, 1.0),
        notes=notes,
    )


def _size_and_total(
    held: Mapping[Modality, Holding], scenario: Scenario, view: View | None, once: Fan, most: Fan
) -> tuple[Fan | None, Fan, tuple[str, ...]]:
    size, compute = scenario.n_parameters, scenario.compute_flops
    if size is not None and compute is not None:
        total = constant(compute / 6 / size)
        _refuse_too_many(size, compute, float(total[0]), float(most[0]), scenario.name)
        return constant(size), np.minimum(total, most), ()
    if size is not None:
        return constant(size), once, ()
    if view is None or not has_optimum(view):
        return None, once, ()
    seen = {m: np.asarray(holding.tokens * holding.worth) for m, holding in held.items()}
    real = {m: holding.tokens for m, holding in held.items()}
    if compute is None:
        return supported(view, seen, real).n_parameters, once, ()
    best = optimum_size(view, seen, real, compute)
    total = compute / 6 / best
    if min(best[0], total[0]) < 1:
        raise TokeffError(
            "the compute does not train one parameter on one token",
            where=scenario.name,
            got=f"{compute:.3g} FLOPs",
            expected="some 1e15 for a toy, 1e22 for a model of billions",
        )
    if total[0] <= most[0]:
        return best, np.minimum(total, most), ()
    said = (
        f"the compute-optimal size would need {total[0]:.3g} tokens, more than the epoch limits allow ({most[0]:.3g}): "
        "the model is made larger until they last"
    )
    return np.asarray(compute / 6 / most), most, (said,)


def _refuse_too_many(size: float, compute: float, total: float, most: float, where: str) -> None:
    if total < 1:
        raise TokeffError(
            "the compute does not train on one token",
            where=where,
            got=f"{compute:.3g} FLOPs",
            expected=f"at least {6 * size:.3g}",
        )
    if total > most * (1 + 1e-9):
        raise TokeffError(
            f"{compute:.3g} FLOPs at {size:.3g} parameters are {total:.3g} tokens, more than the limits allow",
            where=where,
            expected=f"at most {most:.3g} tokens",
            fix=f"Feasible: compute up to {6 * size * most:.3g} FLOPs; or at least {compute / 6 / most:.3g} "
            "parameters; or more epochs or data.",
        )


def _size_figure(size: Fan | None, scenario: Scenario, view: View | None, *, enlarged: bool) -> Figure:
    if size is None:
        return absent(UNIT, "not given, and no law of size and data covers this corpus: give --parameters")
    if scenario.n_parameters is not None:
        return given(scenario.n_parameters, UNIT, "given")
    assert view is not None
    law = view.law
    said = f"compute-optimal for {'the given compute' if scenario.compute_flops else 'this corpus'} by"
    if enlarged:
        said = "larger than compute-optimal, so that the tokens allowed last for the given compute, by"
    return view.figure(size, UNIT, inputs={"n_parameters": size}, source=f"{said} {law.name}")
