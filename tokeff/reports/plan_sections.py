"""The sections of a plan, each a titled table and a sentence that says how to read it.

Leaves out the order of sections and what stands around them (`plan`).
"""

import math
from collections.abc import Iterable, Sequence

from rich.table import Table

from tokeff.records.plans import Beyond, Figure, FusionPlan, ScenarioPlan, Sensitivity, SplitPlan
from tokeff.reports.numbers import ABSENT, digits, quantity
from tokeff.reports.plan_words import count, counted, factor, input_words, plain, power, rounded, share

Rows = Iterable[Sequence[str]]
BAR = 12
WRAPPED = {"change", "why", "what it is"}
SHORT = {"sun-guo-2024": "Sun & Guo"}


def grid(columns: Sequence[str], rows: Rows, right: Sequence[str] = ()) -> Table:
    """A table without lines, as all reports have it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(
            name, justify="right" if name in right else "left", overflow="fold", no_wrap=name not in WRAPPED
        )
    for row in rows:
        table.add_row(*row)
    return table


def law_name(name: str) -> str:
    """A law as tables name it; the file's name for a law given by path."""
    return SHORT.get(name, name)


def corpus_table(plan: ScenarioPlan) -> Table:
    """Sizes, bytes per token, tokens, share and passes."""
    effective = any(each.effective_tokens for each in plan.modalities)
    columns = ["", "stored", "raw", "bytes per token", "tokens", *["effective"] * effective, "share", "passes", "by"]
    rows = [
        (
            each.modality,
            quantity(each.stored_bytes.value or 0.0, "B"),
            quantity(each.raw_bytes.value or 0.0, "B"),
            plain(each.bytes_per_token),
            counted(each.tokens),
            *([counted(each.effective_tokens) if each.effective_tokens else ABSENT] * effective),
            share(each.share),
            digits(each.epochs),
            each.tokenizer,
        )
        for each in plan.modalities
    ]
    return grid(columns, rows, ("stored", "raw", "share", "passes"))


def losses_table(plan: ScenarioPlan) -> Table:
    """Each law's loss for the part of the corpus that it covers."""
    units = {each.loss.unit for each in plan.losses}
    rows = [
        (
            law_name(each.law),
            " + ".join(each.scope),
            plain(each.loss) + (f" {each.loss.unit}" if len(units) > 1 else ""),
            _range_of(each.loss),
            each.loss.basis,
        )
        for each in plan.losses
    ]
    predicts = f"predicts ({units.pop()})" if len(units) == 1 else "predicts"
    return grid(("law", "speaks for", predicts, "range is of", "status"), rows)


def _range_of(figure: Figure) -> str:
    if figure.low is None and figure.high is None:
        return ABSENT
    return "tokens and law" if "and law" in figure.range_holds else "tokens only"


def trades_table(plan: ScenarioPlan, times: float) -> Table:
    """The paper's question, for one factor."""
    k = f"{times:g} x"
    rows = [
        (each.modality, law_name(each.law), factor(each.size_ratio), _data(each.data_ratio))
        for each in plan.trades
        if each.factor == times
    ]
    columns = ("modality", "law", f"{k} its data allows a model of", f"a {k} model is matched by data of")
    return grid(columns, rows)


def _data(figure: Figure) -> str:
    return "no amount" if figure.value is None else factor(figure)


def optima_table(plan: ScenarioPlan) -> Table:
    """Compute-optimal size and data, and what the corpus supports."""
    rows = [
        (
            law_name(each.law),
            counted(each.n_parameters),
            counted(each.n_training_tokens),
            digits(each.epochs.value or 0.0),
            counted(each.corpus_n_parameters),
        )
        for each in plan.optima
    ]
    return grid(("law", "best size", "best tokens", "passes", "one pass suits"), rows, ("passes",))


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
    return [f"At {power(fusion.compute_flops)} FLOPs, nats per token: {losses}.", fusion.sentence + crossing]


def split_table(split: SplitPlan) -> Table:
    """Where the money goes."""
    rows: list[tuple[str, ...]] = [
        (
            each.modality,
            digits(each.money, 4),
            share(each.money_share),
            quantity(each.stored_bytes, "B"),
            counted(each.tokens),
        )
        for each in split.purchases
    ]
    if split.training_money:
        money = split.training_money
        total = money + split.unspent + sum(each.money for each in split.purchases)
        rows.append(("training", digits(money, 4), share(money / total), ABSENT, ABSENT))
    return grid(("buy", "money", "share", "as stored", "tokens"), rows, ("money", "share", "as stored"))


def marginals_table(plan: ScenarioPlan) -> Table:
    """A little more of each, by each law: per unit of money where there are prices, per GB otherwise."""
    priced = [each for each in plan.marginals if each.per_money is not None]
    rows = [
        (
            each.modality,
            law_name(each.law),
            plain(each.per_money if each.per_money is not None else each.per_gigabyte, sign=True),
            "score, higher is better" if each.per_gigabyte.unit.startswith("alpha") else "loss, lower is better",
        )
        for each in priced or plan.marginals
    ]
    return grid(("modality", "law", "per unit of money" if priced else "per GB as stored", "changes"), rows)


def tornado_table(plan: ScenarioPlan) -> Table:
    """What moves the plan; the bars are of training FLOPs where a size is known, of the score otherwise."""
    by_compute = any(each.compute for each in plan.sensitivities)
    reaches = [_reach(each, by_compute=by_compute) for each in plan.sensitivities]
    rows = []
    for each, reach in zip(plan.sensitivities, reaches, strict=True):
        bar = "#" * max(1, round(BAR * reach / max(reaches))) if reach else ""
        compute = [_change(value) for value in each.compute or ()]
        loss, score = ([f"{value:+.2g}" for value in changes or ()] for changes in (each.loss, each.score))
        cells = (" to ".join(ends) or ABSENT for ends in (compute, score, loss))
        rows.append((each.modality, each.change, bar, *cells))
    return grid(("modality", "change", "", "FLOPs", "score", "loss"), rows)


def _reach(each: Sensitivity, *, by_compute: bool) -> float:
    if by_compute:
        return max((abs(math.log(value)) for value in each.compute or ()), default=0.0)
    return max(abs(value) for value in each.score)


def _change(factor_of: float) -> str:
    """A factor as a change."""
    return f"{factor_of:.3g} x" if factor_of > 2 else f"{100 * (factor_of - 1):+.2g} %"


def cost_table(plan: ScenarioPlan) -> Table:
    """Hours and bytes of tokenising by modality."""
    rows = [
        (
            each.modality,
            rounded(plan.cost.tokenising_hours[each.modality]),
            counted(plan.cost.storage_bytes[each.modality], "B"),
            plan.cost.storage_bytes[each.modality].absent or plan.cost.storage_bytes[each.modality].source,
        )
        for each in plan.modalities
    ]
    return grid(("modality", "hours to tokenise", "tokens on disk", "why"), rows)


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
        lines.append(
            "Money: " + ", ".join(f"{name} {digits(f.value or 0.0, 4)}" for name, f in cost.money.items()) + "."
        )
    return lines


def beyond(plan: ScenarioPlan) -> list[str]:
    """Which laws are used beyond the runs that they were fitted on, one line each."""
    figures = [loss.loss for loss in plan.losses]
    for each in plan.optima:
        figures += [each.n_parameters, each.n_training_tokens, each.corpus_n_parameters, each.repeated_loss]
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
