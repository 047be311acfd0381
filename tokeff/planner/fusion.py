"""Early or late fusion, and experts, at one compute: the published frontiers side by side.

Leaves out what no frontier shows: latency, reuse of a trained vision encoder.
"""

import math

import numpy as np

from tokeff.laws import load
from tokeff.planner.view import View
from tokeff.records.items import Modality
from tokeff.records.plans import FusionPlan

FRONTIERS = {
    "early": "shukor-2025-early-frontier",
    "late": "shukor-2025-late-frontier",
    "sparse early (8 experts)": "shukor-2025-moe-frontier",
}
INDISTINCT = 0.01
"""Relative difference of losses below which the frontiers, whose fits state no error, decide nothing."""
TEXT_AND_IMAGE: tuple[Modality, ...] = ("text", "image")


def fusion(compute_flops: float, compute_of: str, confidence: float) -> FusionPlan:
    """Losses on the three frontiers, and what they say."""
    views = {name: View.of(load(law), TEXT_AND_IMAGE, confidence) for name, law in FRONTIERS.items()}
    inputs = {"compute_flops": np.array([compute_flops])}
    losses = {name: view.figure(view.at(inputs), inputs=inputs) for name, view in views.items()}
    return FusionPlan(
        compute_flops=compute_flops,
        compute_of=compute_of,
        losses=losses,
        crossing_flops=_crossing(views["early"], views["late"]),
        sentence=_sentence({name: figure.value or math.nan for name, figure in losses.items()}),
    )


def _crossing(first: View, second: View) -> float | None:
    k, c = ([float(view.parameters[name][0]) for view in (first, second)] for name in "kc")
    exponent = math.log(k[1] / k[0]) / (c[0] - c[1])
    return math.exp(exponent) if 0 < exponent < math.log(1e40) else None


def _sentence(losses: dict[str, float]) -> str:
    gap = losses["late"] / losses["early"] - 1
    far = f"{100 * abs(gap):.2g} %"
    dense = f"{'Early' if gap > 0 else 'Late'} fusion has the lower loss, by {far}"
    if abs(gap) < INDISTINCT:
        dense = f"Early and late fusion differ by {far} of the loss, less than the fits tell: let other needs decide"
    sparse = losses["sparse early (8 experts)"] / min(losses["early"], losses["late"]) - 1
    verb = "lower" if sparse < 0 else "raise"
    return f"{dense}; experts {verb} it by {100 * abs(sparse):.2g} % at equal active compute."
