"""What money buys: the best split of a collection budget by each law, and the worth of a little more of each modality.

Leaves out the solver (`allocation`) and costs that are not chosen (`cost`).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tokeff.errors import TokeffError
from tokeff.planner.allocation import Problem, Solution, solve
from tokeff.planner.budget_size import Choice, choose_size, problem_of
from tokeff.planner.corpus import Holding
from tokeff.planner.coverage import SUN_GUO
from tokeff.planner.draws import Fan, constant
from tokeff.planner.prices import GIGABYTE, price_per_token
from tokeff.planner.request import Settings
from tokeff.planner.sizing import Training
from tokeff.planner.trades import PAPER
from tokeff.planner.view import Tokens, View, absent, figure, grown, log_product
from tokeff.records.items import Modality
from tokeff.records.plans import Figure, Marginal, Purchase, SplitPlan

STEP = 1e-4
BINDS = 1e-4
ROUNDING = 1e-8  # relative: what the solver leaves between used and held where all that is held is used
NOTHING = 1e-6  # of the budget: the barrier leaves every purchase a little above zero
Held = Mapping[Modality, Holding]
Bounds = Mapping[Modality, tuple[float, float]]


def splits(held: Held, run: Training, settings: Settings, view: View | None) -> tuple[SplitPlan, ...]:
    """By Sun & Guo's law, and by the loss law where one covers the whole corpus.

    Where GPU-hours have a price and neither size nor compute is given, each law chooses the size too.
    """
    if settings.budget is None:
        return ()
    lead = view if view is not None and set(view.scope) == set(held) and run.size is not None else None
    free = settings.prices.gpu_hour is not None and not run.is_given
    by_loss = choose_size(held, run, settings, lead) if free and lead is not None else None
    by_product = choose_size(held, run, settings, None) if free else None
    found = [_split(held, run, settings, None, by_product or by_loss)]
    if lead is not None:
        found.append(_split(held, run, settings, lead, by_loss))
    return tuple(found)


def _split(held: Held, run: Training, settings: Settings, view: View | None, chosen: Choice | None) -> SplitPlan:
    names, budget = tuple(held), float(settings.budget or 0)
    prices = {m: price_per_token(held[m], settings) for m in names}
    size = chosen.size if chosen else run.size
    problem = problem_of(held, run, settings, view, size)
    _refuse_too_little(problem, names, budget)
    solution = solve(problem)
    money = solution.bought * np.where(np.isfinite(problem.price), problem.price, 0.0)
    money = np.where(money > NOTHING * budget, money, 0.0)
    training = float(solution.used.sum() * problem.use_price)
    total = chosen.total if chosen else constant(float(solution.used.sum()))
    return SplitPlan(
        law=SUN_GUO if view is None else view.law.name,
        objective="sum of log tokens" if view is None else f"least {view.law.quantity}",
        n_parameters=chosen.figure if chosen else run.size_figure,
        n_training_tokens=figure(total, "tokens", basis="derived", source="what the budget trains on"),
        purchases=tuple(_purchase(held[m], money[k], budget, prices[m]) for k, m in enumerate(names)),
        training_money=training,
        unspent=max(0.0, budget - float(money.sum()) - training),
        gain=_gain(held, solution, size, view, settings),
        loss=_loss(held, solution, size, view, chosen),
        binding=_binding(names, solution, run.bounds, problem),
        sentence=_sentence(view is None, held, problem) + (f" {chosen.sentence}" if chosen else ""),
    )


def _loss(held: Held, found: Solution, size: Fan | None, view: View | None, chosen: Choice | None) -> Figure | None:
    """What the law predicts for the whole budget; each draw at its own best size where the size was chosen."""
    if view is None or size is None:
        return None
    if chosen is not None and chosen.loss is not None:
        return chosen.loss
    trained = {m: np.asarray(found.used[k] * held[m].worth * np.ones_like(size)) for k, m in enumerate(held)}
    inputs = view.inputs(size, trained)
    return view.figure(view.at(inputs), inputs=inputs)


def _refuse_too_little(problem: Problem, names: tuple[Modality, ...], budget: float) -> None:
    finite = problem.price[np.isfinite(problem.price)]
    least = float((finite + problem.use_price).max()) if len(finite) else 0.0
    if budget < least:
        raise TokeffError(
            "the budget does not buy a token",
            where="--budget",
            got=f"{budget:g}",
            expected=f"at least {least:g} for one token of each of {', '.join(names)}",
        )


def _purchase(holding: Holding, money: float, budget: float, price: Fan) -> Purchase:
    tokens = np.asarray(money / price) if money > 0 else np.zeros_like(price)
    stored = tokens[0] * holding.bytes_per_token[0] * holding.stored_per_raw
    return Purchase(
        modality=holding.modality,
        money=float(money),
        money_share=float(money / budget),
        stored_bytes=float(stored),
        tokens=figure(tokens, "tokens", basis="derived", source="money / (price per GB x bytes per token)"),
    )


def _gain(held: Held, found: Solution, size: Fan | None, view: View | None, settings: Settings) -> Figure:
    """Score or loss with what is then trained on, less that with what is held, read once."""
    ratios = {m: found.used[k] / held[m].tokens[0] for k, m in enumerate(held)}
    scale = {m: 1.0 if abs(ratio - 1) < ROUNDING else ratio for m, ratio in ratios.items()}
    before = {m: np.asarray(held[m].tokens * held[m].worth) for m in held}
    after = {m: np.asarray(before[m] * scale[m]) for m in held}
    if view is None:
        gained = np.asarray(log_product(None, after) - log_product(None, before))
        return figure(gained, "alpha", basis="published", source=PAPER, law=SUN_GUO, confidence=settings.confidence)
    assert size is not None
    inputs = view.inputs(size, after)
    return view.figure(np.asarray(view.at(inputs) - view.value(size, before)), inputs=inputs)


def _binding(names: tuple[Modality, ...], found: Solution, bounds: Bounds, problem: Problem) -> tuple[str, ...]:
    shares = found.used / found.used.sum()
    said = []
    for k, m in enumerate(names):
        low, high = bounds[m]
        if low == high:
            said.append(f"{m} is fixed at {100 * low:.3g} % of the training tokens")
        elif low > 0 and shares[k] < low + BINDS:
            said.append(f"{m} is held up at its least share, {100 * low:.3g} %")
        elif high < 1 and shares[k] > high - BINDS:
            said.append(f"{m} is held down at its largest share, {100 * high:.3g} %")
        if not np.isfinite(problem.price[k]):
            said.append(f"{m} has no price, so none is bought")
    return tuple(said)


def _sentence(by_product: bool, held: Held, problem: Problem) -> str:
    if not np.isfinite(problem.price).any():
        return "No modality has a price, so all of the money goes into training on what is held."
    if not by_product:
        return "This law counts tokens alike, so money goes where a token is cheapest, as far as limits allow."
    priced = zip(held, problem.held * problem.price, strict=True)
    worth = [f"{m} {float(f'{money:.3g}'):,.10g}" for m, money in priced if np.isfinite(money)]
    known = f"What is held already counts as bought (worth at these prices: {', '.join(worth)})."
    if problem.use_price:
        return f"Equal money for every modality, collecting it and training on it taken together. {known}"
    return f"Equal money for every modality, whatever its bytes per token. {known}"


def marginals(held: Held, size: Fan | None, settings: Settings, views: list[View]) -> tuple[Marginal, ...]:
    """Change of score or loss per GB, and per unit of money, of each modality: slopes at what is held."""
    found = []
    for modality, holding in held.items():
        price = settings.prices.per_gigabyte.get(modality)
        slope = np.full_like(holding.bytes_per_token, GIGABYTE / holding.stored_bytes)
        product = figure(slope, "alpha per GB", basis="published", source=PAPER, law=SUN_GUO)
        found.append(_marginal(SUN_GUO, modality, price, product))
        if size is None:
            continue
        seen = {m: np.asarray(each.tokens * each.worth) for m, each in held.items()}
        found += [
            _marginal(view.law.name, modality, price, _slope(view, size, seen, holding))
            for view in views
            if modality in view.scope and view.uses_data
        ]
    return tuple(found)


def _slope(view: View, size: Fan, tokens: Tokens, holding: Holding) -> Figure:
    inputs = view.inputs(size, tokens)
    more = view.value(size, grown(tokens, holding.modality, 1 + STEP)) - view.at(inputs)
    per_gigabyte = more / STEP * GIGABYTE / holding.stored_bytes
    return view.figure(np.asarray(per_gigabyte), f"{view.law.unit} per GB", inputs=inputs)


def _marginal(law: str, modality: Modality, price: float | None, per_gigabyte: Figure) -> Marginal:
    if price is None:
        per_money: Figure | None = None
    elif per_gigabyte.value is None:
        per_money = absent("per unit of money", per_gigabyte.absent or "", law=law)
    else:
        per_money = _divided(per_gigabyte, price)
    return Marginal(law=law, modality=modality, per_gigabyte=per_gigabyte, per_money=per_money)


def _divided(whole: Figure, price: float) -> Figure:
    value, low, high = (None if end is None else end / price for end in (whole.value, whole.low, whole.high))
    return replace(whole, value=value, low=low, high=high, unit=whole.unit.removesuffix("GB") + "unit of money")
