"""A plan as a terminal shows it, and as a file.

Written for a reader who has not read the papers: every table is followed by what it means. Leaves out arithmetic
(`tokeff.planner`) and the page (`page.plans`).
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from tokeff.errors import TokeffError
from tokeff.records.items import MODALITIES
from tokeff.records.plans import LawNote, Plan, ScenarioPlan
from tokeff.reports import plan_scenarios as scenarios
from tokeff.reports import plan_sections as sections
from tokeff.reports.console import console, wrapped
from tokeff.reports.plan_short import in_short
from tokeff.reports.plan_words import BEYOND, count, input_words, plain
from tokeff.reports.textplot import plot
from tokeff.reports.wording import unprintable


def plan_json(plan: Plan) -> str:
    """What plan.json holds."""
    return json.dumps(plan.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def print_plan_json(plan: Plan) -> None:
    """plan.json on standard output."""
    print(plan_json(plan), end="")


def write_plan(plan: Plan, path: Path) -> None:
    """A file: plan.json, or a page (.html). Raises TokeffError for another ending, and where it cannot be written."""
    if path.suffix == ".html":
        from tokeff.reports.page import save_page
        from tokeff.reports.page.plans import plan_page

        save_page(plan_page(plan), path)
        return
    if path.suffix != ".json":
        raise TokeffError("a plan is written as .json or .html", where=str(path), got=path.suffix or "no ending")
    try:
        path.write_text(plan_json(plan), encoding="utf-8")
    except OSError as error:
        raise TokeffError(f"cannot write the plan: {error.strerror or error}", where=str(path)) from error


def print_plan(plan: Plan, out: Sequence[Path] = (), *, full: bool) -> None:
    """The whole of it; with several scenarios only their comparison, and each of them with `full`."""
    screen = console()
    screen.print(f"Plan from {unprintable(plan.run) or 'measurements'}", style="bold")
    if len(plan.scenarios) > 1:
        _side_by_side(screen, plan)
    for each in plan.scenarios if full or len(plan.scenarios) == 1 else ():
        _scenario(screen, each, plan, full=full)
    _heading(screen, "What follows from Sun & Guo's law, whatever the numbers")
    _lines(screen, plan.consequences, "- ")
    _heading(screen, "Laws behind this plan")
    _laws(screen, plan.laws, full=full)
    if out:
        screen.print()
        screen.print(f"Kept in {', '.join(map(str, out))}.", style="dim")
    elif not full:
        screen.print()
        _say(
            screen,
            "--full shows every table; -o plan.html is a page with pictures; --json, or -o plan.json, has every number "
            "with its source.",
        )


def _heading(screen: Console, text: str) -> None:
    screen.print()
    screen.print(unprintable(text), style="bold")


def _say(screen: Console, text: str, start: str = "") -> None:
    for line in wrapped(screen, start + unprintable(text), " " * len(start)):
        screen.print(line, style="dim" if not start else None)


def _lines(screen: Console, texts: Iterable[str], start: str) -> None:
    for text in texts:
        _say(screen, text, start)


def _scenario(screen: Console, each: ScenarioPlan, plan: Plan, *, full: bool) -> None:
    if len(plan.scenarios) > 1:
        _heading(screen, f"=== {each.name} ===")
    _heading(screen, "In short")
    _lines(screen, in_short(each), "- ")
    _corpus(screen, each)
    _performance(screen, each)
    _trades(screen, each, full=full)
    _optima(screen, each)
    _money(screen, each, full=full)
    _tornado(screen, each)
    _cost(screen, each)
    if full:
        _curves(screen, each)
    _heading(screen, "Before you believe it")
    flags = sections.beyond(each)
    if flags:
        _say(screen, f"{BEYOND} marks numbers for which a law is used beyond the runs that it was fitted on:", "- ")
        _lines(screen, flags, "    ")
    _lines(screen, each.notes, "- ")


def _corpus(screen: Console, each: ScenarioPlan) -> None:
    _heading(screen, "Your corpus in tokens")
    screen.print(sections.corpus_table(each).screen())
    _say(
        screen,
        "Tokens = raw bytes / bytes per token, both measured; [a, b] are 95 % ranges. Share and passes are of the "
        "training run.",
    )


def _performance(screen: Console, each: ScenarioPlan) -> None:
    _heading(screen, "What to expect of that training run")
    if each.losses:
        screen.print(sections.losses_table(each).screen())
        _say(screen, _how_to_read(each))
    else:
        _say(screen, "No loss law applies.")
    if each.score.value is not None:
        _say(
            screen,
            f"Sun & Guo's score is {plain(each.score)}: log(parameters x tokens of each modality). By itself it means "
            "nothing; compare scenarios.",
            "> ",
        )


def _how_to_read(each: ScenarioPlan) -> str:
    scores = any(not sections.is_loss(loss.loss.unit) for loss in each.losses)
    said = "A loss is better when lower, a score when higher." if scores else "Lower is better."
    if len(each.losses) == 1:
        return said
    return (
        f"{said} Each law was fitted on other models and data, so they differ: they stand beside each other and are "
        "not averaged. Levels compare only within a law."
    )


def _trades(screen: Console, each: ScenarioPlan, *, full: bool) -> None:
    times = sorted({trade.factor for trade in each.trades})
    for k in times if full else times[:1]:
        _heading(screen, f"More data or a larger model? ({k:g} x)")
        screen.print(sections.trades_table(each, k).screen())
    _say(
        screen,
        "At equal performance, the corpus read once. Sun & Guo's answer is exact and the same everywhere: it is its "
        "form. Those of loss laws depend on where you stand. 'No amount': a larger model learns what no amount of this "
        "data adds.",
    )


def _optima(screen: Console, each: ScenarioPlan) -> None:
    if each.optima:
        _heading(screen, "How large should the model be, and is there enough data?")
        screen.print(sections.optima_table(each).screen())
        asked = each.optima[0].compute_flops.basis == "given"
        compute = "the compute you gave" if asked else "the compute that suits one pass over this corpus"
        _say(
            screen,
            f"Best size and best tokens have the lowest loss for {compute}, for the law's part of the corpus. "
            "Passes: how often the corpus is read for that; above 1 it repeats. One pass suits: the model for which "
            "reading the corpus once is the right amount.",
        )
        _lines(screen, sections.repeats(each), "> ")
    if each.fusion:
        _heading(screen, "Early or late fusion of pictures and text? (Shukor et al. 2025)")
        _lines(screen, sections.fusion_lines(each.fusion), "> ")


def _money(screen: Console, each: ScenarioPlan, *, full: bool) -> None:
    for split in each.splits:
        _heading(screen, f"How to spend the budget, by {sections.law_name(split.law)}")
        screen.print(sections.split_table(split).screen())
        _say(screen, sections.split_model(split), "> ")
        change = f"{plain(split.gain, sign=True)} ({_unit(split.gain.unit)})"
        _say(screen, f"Change against what you hold, read once: {change}. {split.sentence}")
        _lines(screen, split.binding, "> ")
    if full or any(marginal.per_money for marginal in each.marginals):
        _heading(screen, "What a little more of each is worth")
        screen.print(sections.marginals_table(each).screen())
        _say(screen, "Slopes at what you hold, read once: they fall as you add.")


def _unit(unit: str) -> str:
    return "of the score, higher is better" if unit == "alpha" else f"{unit}, lower is better"


def _tornado(screen: Console, each: ScenarioPlan) -> None:
    _heading(screen, "Which tokenizer change moves the plan most?")
    screen.print(sections.tornado_table(each).screen())
    _say(
        screen,
        "One change at a time, model size held. More bytes per token means fewer tokens: cheaper training, but a lower "
        "score, because these laws count tokens and not what they say. Another tokenizer has no change of loss: losses "
        "per token of different tokens do not compare.",
    )


def _cost(screen: Console, each: ScenarioPlan) -> None:
    _heading(screen, "What it costs")
    screen.print(sections.cost_table(each).screen())
    _say(screen, "One process, at the speed of the run (range: its quartiles).")
    _lines(screen, sections.cost_lines(each), "> ")


def _curves(screen: Console, each: ScenarioPlan) -> None:
    for curve in each.curves:
        if len(curve.x) > 1:
            _heading(screen, f"{curve.title} ({sections.law_name(curve.law)})")
            for line in plot(curve.x, curve.y, x_name=curve.x_name, y_name=curve.y_name, log_x=True):
                screen.print(line)


def _side_by_side(screen: Console, plan: Plan) -> None:
    _heading(screen, "Scenarios side by side")
    screen.print(scenarios.scenarios_table(plan).screen())
    _say(
        screen,
        f"Against {plan.scenarios[0].name}. Score: log(parameters x tokens of each modality), of which only "
        "differences mean anything; the last column is the growth of the model that would have gained as much.",
    )
    for difference in plan.differences:
        if difference.score.absent:
            _say(screen, f"{difference.scenario}: {difference.score.absent}.", "> ")
    if changes := scenarios.losses_table(plan):
        _heading(screen, "Change of loss, law by law")
        screen.print(changes.screen())
        _say(screen, "A law is left out where its part of the corpus, and the model, stay the same.")
    _lines(screen, scenarios.losses_absent(plan), "> ")
    _heading(screen, "What the scenarios are made of")
    _lines(screen, scenarios.made_of(plan), "- ")
    _heading(screen, "Before you believe it")
    _lines(screen, scenarios.notes(plan), "- ")


def _laws(screen: Console, laws: Iterable[LawNote], *, full: bool) -> None:
    for law in laws:
        ranges = ", ".join(
            f"{input_words(name)} {count(low)} to {count(high)}" for name, (low, high) in law.ranges.items()
        )
        covers = " + ".join(law.covers) if len(law.covers) < len(MODALITIES) else "any modality"
        fitted = f"fitted on {ranges}" if ranges else "its range of runs is not stated"
        _say(screen, f"{law.name} ({law.status}; {covers}; {fitted}): {law.source}.", "- ")
        if full:
            _say(screen, f"{law.formula}. {law.notes}", "    ")
