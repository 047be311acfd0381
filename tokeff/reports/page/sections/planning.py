"""The plan of a run with sliders: the page recomputes Sun & Guo's law and additive loss laws as one moves them.

The numbers are those of `tokeff plan` at the same size, corpus and prices. Leaves out everything else that a plan
holds: optima, splits, ranges.
"""

import json
from typing import Any

from tokeff.engine.planning import plan
from tokeff.errors import TokeffError
from tokeff.laws.store import load
from tokeff.records.plans import LossPlan, ScenarioPlan
from tokeff.records.runs import Profile
from tokeff.reports.page.blocks import Section, Sliders

START_PARAMETERS = 7e9
FORM = "additive"
"""L = E + A / N^alpha + B / D^beta."""
LEAD = (
    "What the measured bytes per token mean for a training run. Move model size, how many times this corpus you hold, "
    "and prices. The score is Sun & Guo's log(P ∏ Nᵢ): its level means nothing, only differences do. Each loss law "
    "speaks for the modalities that are named with it.",
    "The command “tokeff plan” gives the same numbers with their ranges, and the best split of a budget.",
)


def planning(profile: Profile) -> Section:
    """The section; where no plan can be made of the run, it says why."""
    try:
        scenario = plan(profile, parameters=START_PARAMETERS).scenarios[0]
    except TokeffError as error:
        return Section(ident="plan", title="Plan", lead=(f"No plan can be made of this run: {error}",))
    model = json.dumps(_model(scenario), allow_nan=False)
    return Section(ident="plan", title="Plan", lead=LEAD, blocks=(Sliders(model=model),))


def _model(scenario: ScenarioPlan) -> dict[str, Any]:
    """What the page's program needs: tokens and bytes of the corpus as it is, and constants of laws."""
    return {
        "n_parameters": START_PARAMETERS,
        "modalities": [
            {
                "name": each.modality,
                "tokenizer": each.tokenizer,
                "tokens": each.tokens.value,
                "gigabytes": (each.stored_bytes.value or 0) / 1e9,
            }
            for each in scenario.modalities
        ],
        "laws": [law for loss in scenario.losses if (law := _law(loss))],
        "gpu_flops": scenario.cost.gpu_flops,
        "utilisation": scenario.cost.utilisation,
    }


def _law(loss: LossPlan) -> dict[str, Any] | None:
    law = load(loss.law)
    if law.form != FORM or loss.loss.value is None:
        return None
    return {
        "name": law.name,
        "title": law.title,
        "scope": list(loss.scope),
        "ranges": {name: list(bounds) for name, bounds in law.ranges.items()},
        **{name: parameter.value for name, parameter in law.parameters.items()},
    }
