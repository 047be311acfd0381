"""The paper's question: how much smaller may the model be with more data of one kind, and how much data replaces size.

By Sun & Guo's law the answers are 1/k and k whatever the numbers. By a loss law they depend on where one stands: each
draw of law and tokens is solved for. Leaves out what the data costs.
"""

import numpy as np

from tokeff.planner.coverage import SUN_GUO
from tokeff.planner.draws import Fan, root
from tokeff.planner.view import Tokens, View, absent, grown
from tokeff.records.items import Modality
from tokeff.records.plans import Figure, Trade

SIZE_UNIT, DATA_UNIT = "of the model size", "times the data"
MOST_DATA = 1e9
LEAST_SIZE = 1.0
PAPER = "Sun & Guo 2024, arXiv 2409.06754"


def trade_by_product(modality: Modality, factor: float) -> Trade:
    """P2/P1 = 1/k, and k times the data for k times the model: the form of the law alone gives both."""
    exact = {"basis": "published", "source": PAPER, "law": SUN_GUO, "range_holds": "exact: follows from the form"}
    return Trade(
        law=SUN_GUO,
        modality=modality,
        factor=factor,
        size_ratio=Figure(value=1 / factor, unit=SIZE_UNIT, **exact),  # type: ignore[arg-type]
        data_ratio=Figure(value=factor, unit=DATA_UNIT, **exact),  # type: ignore[arg-type]
    )


def trade_by_law(view: View, modality: Modality, factor: float, size: Fan, tokens: Tokens) -> Trade:
    """The same by a fitted law, at this size and these tokens; what is added is new data."""
    sign = 1.0 if view.is_score else -1.0
    here = view.value(size, tokens)

    def with_size(smaller: Fan) -> Fan:
        return np.asarray(sign * (view.value(smaller * size, grown(tokens, modality, factor)) - here))

    def with_data(more: Fan) -> Fan:
        return np.asarray(sign * (view.value(size, grown(tokens, modality, more)) - view.value(size * factor, tokens)))

    inputs = view.inputs(size, tokens)
    return Trade(
        law=view.law.name,
        modality=modality,
        factor=factor,
        size_ratio=view.figure(root(with_size, LEAST_SIZE / float(size[0]), 1.0), SIZE_UNIT, inputs=inputs),
        data_ratio=_data_ratio(view, root(with_data, 1.0, MOST_DATA), inputs, modality),
    )


def _data_ratio(view: View, found: Fan, inputs: dict[str, Fan], modality: Modality) -> Figure:
    if np.isfinite(found[0]):
        return view.figure(found, DATA_UNIT, inputs=inputs)
    reason = f"no amount of {modality} makes up for it: what a small model cannot learn, more data does not add"
    return absent(DATA_UNIT, reason, law=view.law.name, source=view.law.source)
