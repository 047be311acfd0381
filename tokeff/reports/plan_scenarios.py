"""Several scenarios of a plan against the first. Leaves out the plan of each (`plan`)."""

from collections.abc import Iterator

from tokeff.records.plans import Difference, Figure, Plan, ScenarioPlan
from tokeff.reports.numbers import ABSENT
from tokeff.reports.page.blocks import cell
from tokeff.reports.plan_sections import beyond, law_name
from tokeff.reports.plan_words import BEYOND, count, counted, factor, plain, power, rounded
from tokeff.reports.sheets import Entry, Sheet, sheet
from tokeff.reports.wording import unprintable

SAME = 1e-12


def scenarios_table(plan: Plan) -> Sheet:
    """One row per scenario."""
    differences = {each.scenario: each for each in plan.differences}
    rows = [_row(each, differences.get(each.name)) for each in plan.scenarios]
    columns = ("scenario", "tokens", "model", "FLOPs", "GPU-hours", "score gained", "as a model of")
    return sheet(columns, rows, ("tokens", "model", "FLOPs", "GPU-hours"))


def _row(each: ScenarioPlan, difference: Difference | None) -> tuple[Entry, ...]:
    figures = (each.n_training_tokens, each.n_parameters, each.cost.training_flops, each.cost.gpu_hours)
    shown = zip(figures, (counted, counted, _power, rounded), strict=True)
    return (
        unprintable(each.name),
        *(cell(figure.value, show(figure)) for figure, show in shown),
        "baseline" if difference is None else cell(difference.score.value, plain(difference.score, sign=True)),
        "" if difference is None else cell(difference.size_equivalent.value, factor(difference.size_equivalent)),
    )


def _power(figure: Figure) -> str:
    return ABSENT if figure.value is None else power(figure.value)


def losses_table(plan: Plan) -> Sheet | None:
    """Changes of loss, law by law; None where no scenario changes any."""
    rows = [
        (
            unprintable(each.scenario),
            law_name(law),
            cell(figure.value, plain(figure, sign=True)),
            figure.unit,
            figure.basis,
        )
        for each in plan.differences
        for law, figure in each.losses.items()
        if figure.value is not None and abs(figure.value) > SAME
    ]
    return sheet(("scenario", "law", "change", "unit", "status"), rows) if rows else None


def made_of(plan: Plan) -> Iterator[str]:
    """What each scenario is made of, and where it differs from the first."""
    first = {each.modality: each for each in plan.scenarios[0].modalities}
    for scenario in plan.scenarios:
        own = {each.modality: each for each in scenario.modalities}
        base = scenario is plan.scenarios[0]
        parts = [
            f"{m} {count(each.tokens.value or 0.0)} tokens ({each.origin}, by {each.tokenizer})"
            for m, each in own.items()
            if base or m not in first or first[m].tokens != each.tokens
        ]
        parts += [f"no {m}" for m in first if m not in own]
        yield f"{scenario.name}: {'; '.join(parts) or 'the same corpus'}."


def notes(plan: Plan) -> Iterator[str]:
    """Notes of all scenarios, each once; those of some only with their names."""
    laws = sorted({line.partition(":")[0] for scenario in plan.scenarios for line in beyond(scenario)})
    if laws:
        yield f"{BEYOND} marks numbers for which a law is used beyond its runs: {', '.join(laws)} (--full says where)."
    named: dict[str, list[str]] = {}
    for scenario in plan.scenarios:
        for note in scenario.notes:
            named.setdefault(note, []).append(scenario.name)
    for note, names in named.items():
        yield note if len(names) == len(plan.scenarios) else f"({', '.join(names)}) {note}"


def losses_absent(plan: Plan) -> Iterator[str]:
    """Why a scenario has no change of loss, each reason once."""
    for each in plan.differences:
        for reason in dict.fromkeys(figure.absent for figure in each.losses.values() if figure.absent):
            yield f"{each.scenario}: {reason}."
