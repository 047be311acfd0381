"""The model size that a budget of money chooses, when both data and GPU-hours have a price.

All draws of bytes per token and of the law at once (`market`). Limits of the mixture ask for the solver of
`allocation`, one draw at a time: then there is no range.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tokeff.planner.allocation import Objective, Problem, solve
from tokeff.planner.corpus import Holding
from tokeff.planner.cost import training_money_per_token
from tokeff.planner.coverage import SUN_GUO
from tokeff.planner.draws import Fan, constant
from tokeff.planner.market import STEPS, Market, best_size, used_by_product, used_by_sum
from tokeff.planner.prices import price_per_token
from tokeff.planner.request import Settings
from tokeff.planner.sizing import Training
from tokeff.planner.trades import PAPER
from tokeff.planner.view import View, figure
from tokeff.records.items import Modality
from tokeff.records.plans import Figure

Held = Mapping[Modality, Holding]
LIMITED_STEPS = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """The size chosen, [1 + n_draws], the tokens it is trained on, and what is said of them."""

    size: Fan
    total: Fan
    figure: Figure
    loss: Figure | None
    """By a loss law; None by Sun & Guo's."""
    sentence: str


def problem_of(held: Held, run: Training, settings: Settings, view: View | None, size: Fan | None) -> Problem:
    """The split of the budget at a size, central values."""
    names = tuple(held)
    objective: Objective = "product" if view is None else "sum"
    return Problem(
        held=np.array([held[m].tokens[0] for m in names]),
        price=np.array([price_per_token(held[m], settings)[0] for m in names]),
        use_price=training_money_per_token(size, settings) if size is not None else 0.0,
        budget=float(settings.budget or 0.0),
        epochs=np.array([run.epochs[m] for m in names]),
        low=np.array([run.bounds[m][0] for m in names]),
        high=np.array([run.bounds[m][1] for m in names]),
        worth=np.array([held[m].worth for m in names]),
        objective=objective,
    )


def choose_size(held: Held, run: Training, settings: Settings, view: View | None) -> Choice | None:
    """The best size by a loss law, or by Sun & Guo's where `view` is None; None where no size is the best.

    By Sun & Guo's law one modality has none: the same product of size and tokens is had with ever fewer tokens.
    """
    if view is None and len(held) == 1:
        return None
    limited = any(bound != (0.0, 1.0) for bound in run.bounds.values())
    market = _market(held, run, settings)
    n_draws = 1 if limited else market.held.shape[1]

    def used(size: Fan) -> Fan:
        if limited:
            return solve(problem_of(held, run, settings, view, size)).used[:, None]
        return used_by_product(market, size) if view is None else used_by_sum(market, size)

    law = view.central() if view is not None and limited else view

    def gain(size: Fan) -> Fan:
        tokens = {m: np.asarray(fan * held[m].worth) for m, fan in zip(held, used(size), strict=True)}
        if law is None:
            return np.asarray(np.log(size) + sum(np.log(fan) for fan in tokens.values()))
        return np.asarray(law.value(size, tokens) * (1.0 if law.is_score else -1.0))

    size = best_size(gain, n_draws, LIMITED_STEPS if limited else STEPS)
    if size is None:
        return None
    return _choice(held, settings, view, size, used(size), limited=limited)


def _market(held: Held, run: Training, settings: Settings) -> Market:
    return Market(
        held=np.stack([holding.tokens for holding in held.values()]),
        price=np.stack([price_per_token(holding, settings) for holding in held.values()]),
        epochs=np.array([[run.epochs[m]] for m in held]),
        worth=np.array([[holding.worth] for holding in held.values()]),
        per_parameter=training_money_per_token(constant(1.0), settings),
        budget=float(settings.budget or 0.0),
    )


def _choice(held: Held, settings: Settings, view: View | None, size: Fan, used: Fan, *, limited: bool) -> Choice:
    whole = constant(1.0)
    tokens = {m: np.asarray(fan * whole) for m, fan in zip(held, used, strict=True)}
    seen = {m: np.asarray(fan * held[m].worth) for m, fan in tokens.items()}
    size = np.asarray(size * whole)
    total = np.asarray(sum(tokens.values()))
    said = "Under limits of the mixture its size has no range." if limited else ""
    if view is None:
        shown = figure(size, "parameters", basis="published", source=f"best for the budget; {PAPER}", law=SUN_GUO,
                       confidence=settings.confidence)  # fmt: skip
        return Choice(size=size, total=total, figure=shown, loss=None, sentence=_by_product(len(held), said))
    inputs = view.inputs(size, seen)
    law = view.law
    shown = view.figure(
        size, "parameters", inputs={"n_parameters": size}, source=f"best for the budget by {law.name}; {law.source}"
    )
    loss = view.figure(view.at(inputs), inputs=inputs)
    said = f"Its size is the one of least {law.quantity} by {law.name} that this money can feed and train. {said}"
    return Choice(size=size, total=total, figure=shown, loss=loss, sentence=said.strip())


def _by_product(n_modalities: int, said: str) -> str:
    return (
        f"Its size is the best by this law as well: where nothing is held yet, 1/{n_modalities} of the money goes into "
        f"training. {said}"
    ).strip()
