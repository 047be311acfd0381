"""The tables of a plan, for terminal and page, and the lines that stand under them.

Leaves out the order of sections and what stands around them (`plan`).
"""

import math

from tokeff.records.plans import Beyond, Figure, FusionPlan, ScenarioPlan, Sensitivity, SplitPlan
from tokeff.reports.numbers import ABSENT, digits, quantity
from tokeff.reports.page.blocks import Cell, cell
from tokeff.reports.plan_words import count, counted, factor, input_words, plain, power, rounded, share
from tokeff.reports.sheets import Entry, Sheet, sheet

BAR = 12
SHORT = {"sun-guo-2024": "Sun & Guo"}


def law_name(name: str) -> str:
    """A law as tables name it; the file's name for a law given by path."""
    return SHORT.get(name, name)


def corpus_table(plan: ScenarioPlan) -> Sheet:
    """Sizes, bytes per token, tokens, share and passes."""
    effective = any(each.effective_tokens for each in plan.modalities)
    columns = ["", "stored", "raw", "bytes per token", "tokens", *["effective"] * effective, "share", "passes", "by"]
    rows = [
        (
            each.modality,
            cell(each.stored_bytes.value, quantity(each.stored_bytes.value or 0.0, "B")),
            cell(each.raw_bytes.value, quantity(each.raw_bytes.value or 0.0, "B")),
            cell(each.bytes_per_token.value, plain(each.bytes_per_token)),
            _counted(each.tokens),
            *([_counted(each.effective_tokens) if each.effective_tokens else ABSENT] * effective),
            cell(each.share, share(each.share)),
            cell(each.epochs, digits(each.epochs)),
            each.tokenizer,
        )
        for each in plan.modalities
    ]
    return sheet(columns, rows, ("stored", "raw", "share", "passes"))


def losses_table(plan: ScenarioPlan) -> Sheet:
    """Each law's loss for the part of the corpus that it covers."""
    units = {each.loss.unit for each in plan.losses}
    rows = [
        (
            law_name(each.law),
            " + ".join(each.scope),
            cell(each.loss.value, plain(each.loss) + (f" {each.loss.unit}" if len(units) > 1 else "")),
            _range_of(each.loss),
            each.loss.basis,
        )
        for each in plan.losses
    ]
    predicts = f"predicts ({units.pop()})" if len(units) == 1 else "predicts"
    return sheet(("law", "speaks for", predicts, "range is of", "status"), rows)


def is_loss(unit: str) -> bool:
    """Whether a law's figure of this unit is better when lower; scores, in whatever unit, when higher."""
    return unit.startswith(("nats", "share"))


def _range_of(figure: Figure) -> str:
    if figure.low is None and figure.high is None:
        return "none known"
    return "tokens and law" if "and law" in figure.range_holds else "tokens only"


def trades_table(plan: ScenarioPlan, times: float) -> Sheet:
    """The paper's question, for one factor."""
    k = f"{times:g} x"
    rows = [
        (each.modality, law_name(each.law), _factor(each.size_ratio), _data(each.data_ratio))
        for each in plan.trades
        if each.factor == times
    ]
    columns = ("modality", "law", f"{k} its data allows a model of", f"a {k} model is matched by data of")
    return sheet(columns, rows)


def _data(figure: Figure) -> Cell:
    return cell(figure.value, "no amount" if figure.value is None else factor(figure))


def _factor(figure: Figure) -> Cell:
    return cell(figure.value, factor(figure))


def _counted(figure: Figure, unit: str = "") -> Cell:
    return cell(figure.value, counted(figure, unit))


def optima_table(plan: ScenarioPlan) -> Sheet:
    """Compute-optimal size and data, and what the corpus supports."""
    rows = [
        (
            law_name(each.law),
            _counted(each.n_parameters),
            _counted(each.n_training_tokens),
            cell(each.epochs.value, digits(float(f"{each.epochs.value or 0.0:.6g}"))),
            _counted(each.corpus_n_parameters),
        )
        for each in plan.optima
    ]
    return sheet(("law", "best size", "best tokens", "passes", "one pass suits"), rows, ("passes",))


def repeats(plan: ScenarioPlan) -> list[str]:
    """The loss with as many passes as an optimum needs, by the law of repeated data."""
    again = [each for each in plan.optima if each.repeated_loss.value is not None]
    if not again:
        return []
    parts = "; ".join(f"{law_name(each.law)}'s best {plain(each.repeated_loss)}" for each in again)
    law, unit = again[0].repeated_loss.law, again[0].repeated_loss.unit
    return [f"Where it repeats, the law of repeated data ({law}, fitted on text) expects, in {unit}: {parts}."]


def fusion_lines(fusion: FusionPlan) -> list[str]:
    """The frontiers at one compute."""
    losses = "; ".join(f"{name} {plain(figure)}" for name, figure in fusion.losses.items())
    crossing = f" Their published curves cross at {power(fusion.crossing_flops)}." if fusion.crossing_flops else ""
    return [
        f"At {power(fusion.compute_flops)} FLOPs ({fusion.compute_of}), nats per token: {losses}.",
        fusion.sentence + crossing,
        "These are published frontiers of compute. Neither their error nor the compute of their runs is stated, so how "
        "far they reach is not known.",
    ]


def split_table(split: SplitPlan) -> Sheet:
    """Where the money goes."""
    rows: list[tuple[Entry, ...]] = [
        (
            each.modality,
            cell(each.money, digits(each.money, 4)),
            cell(each.money_share, share(each.money_share)),
            cell(each.stored_bytes, quantity(each.stored_bytes, "B")),
            _counted(each.tokens),
        )
        for each in split.purchases
    ]
    if split.training_money:
        money = split.training_money
        total = money + split.unspent + sum(each.money for each in split.purchases)
        rows.append(
            ("training", cell(money, digits(money, 4)), cell(money / total, share(money / total)), ABSENT, ABSENT)
        )
    return sheet(("buy", "money", "share", "as stored", "tokens"), rows, ("money", "share", "as stored"))


def split_model(split: SplitPlan) -> str:
    """The model that the budget trains, and what its law expects of it."""
    size, tokens = split.n_parameters, split.n_training_tokens
    if size.value is None:
        return f"Model size: {size.absent}."
    expected = f"; {split.loss.law} expects {plain(split.loss)} {split.loss.unit}" if split.loss else ""
    return f"Model: {counted(size)} parameters, {size.source}; trained on {counted(tokens)} tokens{expected}."


def marginals_table(plan: ScenarioPlan) -> Sheet:
    """A little more of each, by each law: per unit of money where there are prices, per GB otherwise."""
    priced = [each for each in plan.marginals if each.per_money is not None]
    rows = [
        (
            each.modality,
            law_name(each.law),
            _signed(each.per_money if each.per_money is not None else each.per_gigabyte),
            "loss, lower is better" if is_loss(each.per_gigabyte.unit) else "score, higher is better",
        )
        for each in priced or plan.marginals
    ]
    return sheet(("modality", "law", "per unit of money" if priced else "per GB as stored", "changes"), rows)


def tornado_table(plan: ScenarioPlan) -> Sheet:
    """What moves the plan; the bars are of training FLOPs where a size is known, of the score otherwise."""
    by_compute = any(each.compute for each in plan.sensitivities)
    reaches = [_reach(each, by_compute=by_compute) for each in plan.sensitivities]
    rows = []
    for each, reach in zip(plan.sensitivities, reaches, strict=True):
        bar = "#" * max(1, round(BAR * reach / max(reaches))) if reach else ""
        compute = cell(_largest(each.compute), " to ".join(map(_change, each.compute or ())) or ABSENT)
        loss, score = (
            cell(_largest(changes), " to ".join(f"{value:+.2g}" for value in changes or ()) or ABSENT)
            for changes in (each.loss, each.score)
        )
        rows.append((each.modality, each.change, bar, compute, score, loss))
    return sheet(("modality", "change", "", "FLOPs", "score", "loss"), rows)


def _signed(figure: Figure) -> Cell:
    return cell(figure.value, plain(figure, sign=True))


def _reach(each: Sensitivity, *, by_compute: bool) -> float:
    if by_compute:
        return max((abs(math.log(value)) for value in each.compute or ()), default=0.0)
    return max(abs(value) for value in each.score)


def _largest(values: tuple[float, ...] | None) -> float | None:
    return max(values, key=abs) if values else None


def _change(factor_of: float) -> str:
    """A factor as a change."""
    return f"{factor_of:.3g} x" if factor_of > 2 else f"{100 * (factor_of - 1):+.2g} %"


def cost_table(plan: ScenarioPlan) -> Sheet:
    """Hours and bytes of tokenising by modality."""
    rows = [
        (
            each.modality,
            cell(plan.cost.tokenising_hours[each.modality].value, rounded(plan.cost.tokenising_hours[each.modality])),
            _counted(plan.cost.storage_bytes[each.modality], "B"),
            plan.cost.storage_bytes[each.modality].absent or plan.cost.storage_bytes[each.modality].source,
        )
        for each in plan.modalities
    ]
    return sheet(("modality", "hours to tokenise", "tokens on disk", "why"), rows)


def cost_lines(plan: ScenarioPlan) -> list[str]:
    """Training and money."""
    cost = plan.cost
    lines = []
    if cost.training_flops.value is not None:
        lines.append(
            f"Training: {power(cost.training_flops.value)} FLOPs (6 x parameters x tokens), "
            f"{rounded(cost.gpu_hours)} GPU-hours ({cost.gpu_hours.source})."
        )
    else:
        lines.append(f"Training: {cost.training_flops.absent}.")
    if cost.money:
        lines.append("Money: " + ", ".join(f"{name} {rounded(figure)}" for name, figure in cost.money.items()) + ".")
    return lines


def beyond(plan: ScenarioPlan) -> list[str]:
    """Which laws are used beyond the runs that they were fitted on, one line each."""
    figures = [loss.loss for loss in plan.losses]
    for each in plan.optima:
        figures += [each.n_parameters, each.n_training_tokens, each.corpus_n_parameters, each.repeated_loss]
    figures += [figure for trade in plan.trades for figure in (trade.size_ratio, trade.data_ratio)]
    figures += [figure for split in plan.splits for figure in (split.n_parameters, split.gain)]
    figures += [each.per_gigabyte for each in plan.marginals]
    said: dict[str, dict[str, str]] = {}
    for figure in figures:
        known = said.setdefault(law_name(figure.law or ""), {})
        for each_input in figure.extrapolates:
            known.setdefault(each_input.name, _input(each_input))
    return [f"{law}: {'; '.join(inputs.values())}." for law, inputs in said.items() if inputs]


def _input(each: Beyond) -> str:
    if each.value is None or each.low is None or each.high is None:
        return f"it never saw {each.name}"
    return f"{input_words(each.name)} {count(each.value)}, fitted on {count(each.low)} to {count(each.high)}"
