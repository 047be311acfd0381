"""Compute-optimal size and data by each law, and what the corpus supports: enough tokens, or how many passes.

Closed forms for additive laws, the first-order condition for others, in every draw. Leaves out money.
"""

from dataclasses import dataclass, replace

import numpy as np

from tokeff.laws import load
from tokeff.laws.forms.text import optimal_parameters
from tokeff.laws.optimum import hoffmann_size
from tokeff.planner.coverage import REPEATED, covers
from tokeff.planner.draws import Fan, root
from tokeff.planner.view import Tokens, View, absent, figure
from tokeff.records.plans import Beyond, Figure, OptimumPlan

CLOSED = ("additive", "repeated")
TOKENS, PARAMETERS, FLOPS = "tokens", "parameters", "FLOPs"
MOST_PARAMETERS = 1e25
REPEATS = 1e-6  # of the corpus: what is read again below this is rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Supported:
    """What the corpus, read once, is the compute-optimal amount of data for."""

    n_parameters: Fan
    compute_flops: Fan


def has_optimum(view: View) -> bool:
    """Whether the law trades size against tokens under C = 6ND."""
    return view.form.data == "n_training_tokens" and view.law.accounting in {None, "dense"}


def supported(view: View, tokens: Tokens, real: Tokens) -> Supported:
    """The size for which the corpus is compute-optimal. `tokens` are those the law sees, `real` those computed on."""
    data, computed = view.total(tokens), view.total(real)
    if view.form.name in CLOSED:
        size = optimal_parameters(view.parameters, data)
    else:
        size = root(lambda n: _imbalance(view, n, data, data), 1.0, MOST_PARAMETERS)
    return Supported(n_parameters=size, compute_flops=np.asarray(6 * size * computed))


def optimum_plan(view: View, corpus: Tokens, real: Tokens, compute: Fan | None) -> OptimumPlan:
    """Size, data and loss at `compute` (at what the corpus supports where None), against what the corpus has."""
    once = supported(view, corpus, real)
    have, worth = view.total(corpus), view.total(corpus) / view.total(real)
    spent = once.compute_flops if compute is None else compute
    size = _best_size(view, spent * worth, have)
    data = spent * worth / (6 * size)
    inputs = {"n_parameters": size, "n_training_tokens": data, "n_unique_tokens": np.minimum(have, data)}
    inputs = {name: inputs[name] for name in view.form.variables}
    epochs = np.asarray(data / have)
    return OptimumPlan(
        law=view.law.name,
        scope=view.scope,
        compute_flops=figure(spent, FLOPS, basis="given" if compute is not None else "derived", source="C = 6ND"),
        n_parameters=view.figure(size, PARAMETERS, inputs=inputs),
        n_training_tokens=view.figure(np.asarray(data), TOKENS, inputs=inputs),
        loss=view.figure(view.at(inputs), inputs=inputs),
        epochs=view.figure(epochs, "passes over the corpus"),
        corpus_n_parameters=view.figure(once.n_parameters, PARAMETERS, inputs={"n_parameters": once.n_parameters}),
        corpus_compute_flops=view.figure(once.compute_flops, FLOPS, source="C = 6ND"),
        repeated_loss=repeated_loss(view, size, np.asarray(data), have),
    )


def optimum_size(view: View, corpus: Tokens, real: Tokens, compute: float) -> Fan:
    """The compute-optimal size when the law's part of the corpus takes its share of `compute`."""
    share = view.total(real) / sum(real.values())
    worth = view.total(corpus) / view.total(real)
    return _best_size(view, np.asarray(compute * share * worth), view.total(corpus))


def repeated_loss(view: View, size: Fan, data: Fan, unique: Fan) -> Figure:
    """Loss with the passes that the corpus needs, by the law of repeated data: its own level, next to `view`'s."""
    law = load(REPEATED)
    if data[0] <= unique[0] * (1 + REPEATS):
        return absent(law.unit, "nothing repeats: the corpus has enough tokens", law=law.name, source=law.source)
    repeated = View.of(law, ("text",), view.confidence)
    inputs = {"n_parameters": size, "n_training_tokens": data, "n_unique_tokens": np.minimum(unique, data)}
    found = repeated.figure(repeated.at(inputs), inputs=inputs)
    unseen = tuple(Beyond(name=m) for m in view.scope if m not in covers(law))
    return replace(found, extrapolates=(*found.extrapolates, *unseen))


def _best_size(view: View, compute: Fan, unique: Fan) -> Fan:
    """The size at which losing data to size stops paying: N dL/dN = D dL/dD along C = 6ND."""
    if view.form.name == "additive":
        return hoffmann_size(view.parameters, compute)
    return root(lambda size: _imbalance(view, size, compute / 6 / size, unique), 1.0, MOST_PARAMETERS)


def _imbalance(view: View, size: Fan, data: Fan, unique: Fan) -> Fan:
    """N dL/dN - D dL/dD: below zero where the model is too small for its data."""
    known = {"n_parameters": size, "n_training_tokens": data, "n_unique_tokens": unique}
    inputs = {
        name: np.broadcast_to(known[name], np.broadcast(size, data, unique).shape) for name in view.form.variables
    }
    slopes = view.form.gradient(view.parameters, inputs)
    return np.asarray(size * slopes["n_parameters"] - data * slopes["n_training_tokens"])
