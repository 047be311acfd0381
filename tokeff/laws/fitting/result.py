"""What a fit hands back: parameters with intervals, and what there is to know about how they were got.

Leaves out the fit itself (`fit`) and pictures (the reports).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokeff.laws.definition import Law, Parameter
from tokeff.laws.forms import Array, Form
from tokeff.records.measurements import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How a fit to the smaller runs predicts the largest ones. Errors are residuals as the fit has them."""

    rows: NDArray[np.int64]
    residuals: Array
    mean_absolute: float
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A fitted law and what there is to know about the fit. Arrays over runs follow `rows`."""

    form: Form
    parameters: Mapping[str, Estimate]
    objective: float
    objective_kind: str
    r2: float | None
    """Share of the variance of the observed quantity (not its logarithm) that the law explains, in sample."""
    n_runs: int
    n_dropped: int
    rows: NDArray[np.int64]
    """Row of the table that each run comes from."""
    inputs: Mapping[str, Array]
    observed: Array
    n_starts: int
    n_starts_at_best: int
    """How many starts ended at the best objective: few mean that more starts may find a better one."""
    n_bootstrap: int
    n_bootstrap_failed: int
    draws: Array
    """Bootstrap sample of the parameters [n_draws, n_parameters], in the order of `parameters`."""
    residuals: Array
    """Logarithm of observed over predicted; observed less predicted for a score or with plain residuals."""
    shifts: Array
    """[n_runs, n_parameters]: what each parameter changes by when the run is left out."""
    influence: Array | None
    """Largest shift of a run in bootstrap standard deviations; None without a bootstrap."""
    held_out: HeldOut | None
    held_out_absent: str | None
    ranges: Mapping[str, tuple[float, float]]
    accounting: str | None

    def most_influential(self, n: int = 5) -> NDArray[np.int64]:
        """Rows of the table whose omission moves the parameters most, first the strongest."""
        strength = self.influence if self.influence is not None else np.abs(self.shifts).max(axis=1)
        return self.rows[np.argsort(-strength, kind="stable")[:n]]

    def to_law(self, name: str, *, title: str = "", source: str = "", quantity: str = "", unit: str = "") -> Law:
        """The fitted law, with its bootstrap sample and the ranges of the runs; `tokeff.laws.save` writes it."""
        score = self.form.target == "score"
        return Law(
            name=name,
            form=self.form.name,
            title=title or f"{self.form.formula}, fitted to {self.n_runs} runs",
            status="refitted",
            source=source or f"fit of {self.n_runs} runs by {self.objective_kind}",
            parameters={
                key: Parameter(value=estimate.value, status="refitted", low=estimate.low, high=estimate.high)
                for key, estimate in self.parameters.items()
            },
            quantity=quantity or ("score" if score else "loss"),
            unit=unit or ("score" if score else "nats per token"),
            ranges=self.ranges,
            accounting=self.accounting,
            modalities=tuple(getattr(self.form, "tokens", ())),
            draws=self.draws if len(self.draws) else None,
            draw_names=tuple(self.parameters) if len(self.draws) else (),
        )
