"""The page of a plan: everything that the terminal shows with `--full`, pictures, and sliders for the first scenario.

Leaves out arithmetic (`tokeff.planner`) and the words of tables (`reports.plan_sections`).
"""

import json
from collections.abc import Iterator

from tokeff.records.items import MODALITIES
from tokeff.records.plans import LawNote, Plan, ScenarioPlan
from tokeff.reports import plan_scenarios as scenarios
from tokeff.reports import plan_sections as tables
from tokeff.reports.numbers import percent
from tokeff.reports.page.assembly import render
from tokeff.reports.page.blocks import Block, Listing, Message, Section, Table, cell, table
from tokeff.reports.page.sections.plan_figures import equal_figure, performance_figures, tornado_figure
from tokeff.reports.page.sections.planning import sliders
from tokeff.reports.plan_short import in_short
from tokeff.reports.plan_words import BEYOND, count, input_words, plain
from tokeff.reports.wording import unprintable

MOVE = (
    "The corpus of the plan, read once, for other model sizes, amounts and prices: the page computes Sun & Guo's law "
    "and the additive loss laws anew."
)
READING = "[a, b] are 95 % ranges; lines are strong where a law was fitted and thin beyond."


def plan_page(plan: Plan) -> str:
    """HTML of a plan."""
    several = len(plan.scenarios) > 1
    sections = [*([_side_by_side(plan)] if several else [])]
    for number, scenario in enumerate(plan.scenarios, 1):
        sections += _scenario(scenario, plan, f"s{number}-" if several else "", several=several)
    first = f" ({unprintable(plan.scenarios[0].name)})" if several else ""
    sections += [
        Section(ident="plan", title=f"Move it{first}", lead=(MOVE,), blocks=(sliders(plan),)),
        Section(
            ident="consequences",
            title="What follows from Sun & Guo's law",
            lead=("Whatever the numbers:", *plan.consequences),
        ),
        Section(ident="laws", title="Laws behind this plan", blocks=(_laws(plan.laws),)),
        Section(ident="asked", title="What was asked", blocks=(_request(plan),)),
    ]
    return render(f"Plan from {unprintable(plan.run) or 'measurements'}", sections)


def _side_by_side(plan: Plan) -> Section:
    changes = scenarios.losses_table(plan)
    blocks: list[Block] = [scenarios.scenarios_table(plan).page(f"Against {unprintable(plan.scenarios[0].name)}")]
    if changes:
        blocks.append(changes.page("Change of loss, law by law"))
    jumps = [f"{d.scenario}: {d.score.absent}." for d in plan.differences if d.score.absent]
    said = [*jumps, *scenarios.losses_absent(plan), *scenarios.made_of(plan)]
    return Section(
        ident="scenarios",
        title="Scenarios side by side",
        lead=(
            "Score: log(parameters x tokens of each modality), of which only differences mean anything; the last "
            "column is the growth of the model that would have gained as much.",
            *map(unprintable, said),
        ),
        blocks=tuple(blocks),
    )


def _scenario(each: ScenarioPlan, plan: Plan, start: str, *, several: bool) -> Iterator[Section]:
    name = f": {unprintable(each.name)}" if several else ""

    def section(ident: str, title: str, *lead: str, blocks: tuple[Block, ...] = ()) -> Section:
        listed = "" if not several else unprintable(each.name) if ident == "short" else "-"
        said = tuple(map(unprintable, lead))
        return Section(ident=start + ident, title=title + name, lead=said, blocks=blocks, listed=listed)

    yield section("short", "In short", *in_short(each))
    yield section("caveats", "Before you believe it", *each.notes, blocks=tuple(_beyond(each)))
    yield section("corpus", "Your corpus in tokens", READING, blocks=(tables.corpus_table(each).page("Corpus"),))
    losses = (tables.losses_table(each).page("What each law predicts"),) if each.losses else ()
    yield section(
        "performance",
        "What to expect",
        *_score(each),
        blocks=(*losses, *performance_figures(each, plan.laws)),
    )
    yield section("trades", "More data or a larger model?", blocks=(*_trades(each), *equal_figure(each, plan.laws)))
    if each.optima or each.fusion:
        fusion = tables.fusion_lines(each.fusion) if each.fusion else []
        optima = (tables.optima_table(each).page("Compute-optimal size and data"),) if each.optima else ()
        yield section("optima", "How large, and is there enough data?", *tables.repeats(each), *fusion, blocks=optima)
    if each.splits:
        lead, blocks = _money(each)
        yield section("money", "How to spend the budget", *lead, blocks=blocks)
    worth = tables.marginals_table(each).page("A little more of each")
    yield section("tokenizers", "Which tokenizer change moves the plan most?", blocks=tuple(tornado_figure(each)))
    cost = tables.cost_table(each).page("Tokenising, one process at the speed of the run")
    yield section("cost", "What it costs, and what more is worth", *tables.cost_lines(each), blocks=(cost, worth))


def _beyond(each: ScenarioPlan) -> Iterator[Message]:
    for line in tables.beyond(each):
        law, _, inputs = line.partition(": ")
        yield Message(
            about=law, text=f"{BEYOND} marks its use beyond the runs that it was fitted on: {inputs}", code="beyond"
        )


def _score(each: ScenarioPlan) -> Iterator[str]:
    if not each.losses:
        yield "No loss law applies."
    elif len(each.losses) > 1:
        yield "Each law was fitted on other models and data, so they differ: they stand side by side, not averaged."
    if each.score.value is not None:
        yield f"Sun & Guo's score is {plain(each.score)}. By itself it means nothing; compare scenarios."


def _trades(each: ScenarioPlan) -> Iterator[Table]:
    for factor in sorted({trade.factor for trade in each.trades}):
        yield tables.trades_table(each, factor).page(f"At equal performance, {factor:g} x")


def _money(each: ScenarioPlan) -> tuple[list[str], tuple[Table, ...]]:
    lead = []
    for split in each.splits:
        law = tables.law_name(split.law)
        lead.append(f"By {law}: {tables.split_model(split)} {split.sentence}")
        lead += split.binding
    return lead, tuple(tables.split_table(split).page(f"By {tables.law_name(split.law)}") for split in each.splits)


def _laws(laws: tuple[LawNote, ...]) -> Table:
    rows = [
        (
            cell(law.name),
            cell(law.status),
            cell(" + ".join(law.covers) if len(law.covers) < len(MODALITIES) else "any modality"),
            cell("; ".join(f"{input_words(n)} {count(a)} to {count(b)}" for n, (a, b) in law.ranges.items()) or None),
            cell(law.formula),
            cell(law.source),
        )
        for law in laws
    ]
    return table("Laws", ("law", "status", "speaks for", "fitted on", "formula", "source"), rows)


def _request(plan: Plan) -> Listing:
    text = json.dumps(plan.request, indent=1, ensure_ascii=True, default=str)
    return Listing(title=f"Tokens: {plan.tokens}; ranges of {percent(plan.confidence)}", lines=tuple(text.splitlines()))
