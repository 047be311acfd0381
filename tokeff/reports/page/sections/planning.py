"""The plan of a run: its pictures, and sliders with which the page recomputes Sun & Guo's law and additive loss laws.

The numbers are those of `tokeff plan` at the same size, corpus and prices. Leaves out everything else that a plan
holds: optima, splits, ranges (`page.plans` has them).
"""

import json
import math
from typing import Any

from tokeff.engine.planning import plan
from tokeff.errors import TokeffError
from tokeff.records.plans import LawNote, LossPlan, Plan
from tokeff.records.runs import Profile
from tokeff.reports.page.blocks import Block, Section, Sliders
from tokeff.reports.page.sections.plan_figures import plan_figures

START_PARAMETERS = 7e9
START_PRICE, START_GPU_HOUR = 1.0, 2.0
FORM = "additive"
"""L = E + A / N^alpha + B / D^beta."""
TOKENS_PER_PARAMETER = 20
"""About what Hoffmann et al. (2022) found compute-optimal."""


def planning(profile: Profile) -> Section:
    """The section; where no plan can be made of the run, it says why."""
    times = _times(profile)
    try:
        corpus = [f"{each}=x{times:g}" for each in dict.fromkeys(each.modality for each in profile.measurements)]
        made = plan(profile, parameters=START_PARAMETERS, corpus=corpus)
    except TokeffError as error:
        return Section(ident="plan", title="Plan", lead=(f"No plan can be made of this run: {error}",))
    blocks: tuple[Block, ...] = (sliders(made, times=times), *plan_figures(made.scenarios[0], made.laws))
    return Section(ident="plan", title="Plan", lead=_lead(times), blocks=blocks)


def _times(profile: Profile) -> float:
    """So many times the run, a round number, are about the tokens that the first model size is trained on."""
    first = {each.modality: each.n_tokens for each in reversed(profile.measurements)}
    wanted = START_PARAMETERS * TOKENS_PER_PARAMETER / max(1, sum(first.values()))
    return max(1.0, 10.0 ** math.floor(math.log10(wanted)))


def _lead(times: float) -> tuple[str, str]:
    return (
        f"What the measured bytes per token mean for a training run: a corpus like this one, {times:,.0f} times as "
        f"large, read once by a model of {START_PARAMETERS / 1e9:g} B parameters. Move sizes and prices (of any one "
        "currency). The score is Sun & Guo's log(P ∏ Nᵢ): its level means nothing, only differences do. Each loss law "
        "speaks for the modalities that are named with it.",
        "The pictures stay where they are; lines are strong where a law was fitted and thin beyond. "
        "“tokeff plan RUN --corpus text=2TB -o plan.html” draws them for your own sizes, with every number, its range "
        "and the best split of a budget.",
    )


def sliders(made: Plan, *, times: float = 1.0) -> Sliders:
    """The first scenario, to be moved; prices start where the plan has them, amounts so many `times` their unit."""
    return Sliders(model=json.dumps(_model(made, times), allow_nan=False))


def _model(made: Plan, times: float) -> dict[str, Any]:
    """What the page's program needs: tokens and bytes of the corpus as it is, and constants of laws."""
    scenario, prices = made.scenarios[0], made.request["settings"]["prices"]
    laws = {law.name: law for law in made.laws}
    return {
        "n_parameters": scenario.n_parameters.value or START_PARAMETERS,
        "times": times,
        "gpu_hour": prices["gpu_hour"] or START_GPU_HOUR,
        "modalities": [
            {
                "name": each.modality,
                "tokenizer": each.tokenizer,
                "tokens": (each.tokens.value or 0) / times,
                "seen": ((each.effective_tokens or each.tokens).value or 0) / times,
                "gigabytes": (each.stored_bytes.value or 0) / 1e9 / times,
                "price": prices["per_gigabyte"].get(each.modality, START_PRICE),
            }
            for each in scenario.modalities
        ],
        "laws": [law for loss in scenario.losses if (law := _law(laws[loss.law], loss))],
        "gpu_flops": scenario.cost.gpu_flops,
        "utilisation": scenario.cost.utilisation,
    }


def _law(law: LawNote, loss: LossPlan) -> dict[str, Any] | None:
    if law.form != FORM or loss.loss.value is None:
        return None
    return {
        "name": law.name,
        "title": law.title,
        "scope": list(loss.scope),
        "ranges": {name: list(bounds) for name, bounds in law.ranges.items()},
        **law.parameters,
    }
