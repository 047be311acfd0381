"""A law as a plan sees it: bound to its part of the corpus, evaluated on fans, reported as Figures.

Leaves out which laws a plan uses (`coverage`) and what it asks them (`performance`, `optima`, `trades`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tokeff.laws import Form, Law
from tokeff.laws.accounting import accounting_named
from tokeff.planner.coverage import scope
from tokeff.planner.draws import Fan, constant, law_fan, spread
from tokeff.records.items import Modality
from tokeff.records.plans import Basis, Beyond, Figure

Tokens = Mapping[Modality, Fan]
EDGE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One law on the modalities of its scope. Tokens are what the law sees: effective ones where those are wanted."""

    law: Law
    form: Form
    scope: tuple[Modality, ...]
    parameters: Mapping[str, Fan]
    confidence: float

    @classmethod
    def of(cls, law: Law, corpus: tuple[Modality, ...], confidence: float) -> "View":
        """The law on what it covers of the corpus. Raises LawError where its constants are not public."""
        part = scope(law, corpus)
        form = law.bound_form(f"{m}_tokens" for m in part)
        return cls(law=law, form=form, scope=part, parameters=law_fan(law), confidence=confidence)

    @property
    def is_score(self) -> bool:
        """Higher is better."""
        return self.form.logarithmic

    @property
    def uses_data(self) -> bool:
        """Whether tokens enter at all."""
        return any(name != "n_parameters" for name in self.form.variables)

    def total(self, tokens: Tokens) -> Fan:
        """Tokens of the scope together."""
        return np.asarray(sum(tokens[m] for m in self.scope))

    def inputs(self, size: Fan, tokens: Tokens, unique: Tokens | None = None) -> dict[str, Fan]:
        """The law's inputs; compute by its own accounting or 6ND."""
        data = self.total(tokens)
        seen = tokens if unique is None else {m: np.minimum(unique[m], tokens[m]) for m in self.scope}
        known = {
            "n_parameters": size,
            "n_training_tokens": data,
            "n_unique_tokens": self.total(seen),
            "compute_flops": 6 * size * data,
        } | {f"{m}_tokens": tokens[m] for m in self.scope}
        return {name: known[name] for name in self.form.variables}

    def value(self, size: Fan, tokens: Tokens, unique: Tokens | None = None) -> Fan:
        """What the law predicts, with the draws of its parameters and of the tokens paired."""
        return self.at(self.inputs(size, tokens, unique))

    def at(self, inputs: Mapping[str, Fan]) -> Fan:
        """What the law predicts at inputs that are fans."""
        return np.asarray(self.form.evaluate(self.parameters, inputs))

    def central(self) -> "View":
        """The same law without its uncertainty: parameters of one entry, for inputs of any shape."""
        return replace(self, parameters={name: fan[:1] for name, fan in self.parameters.items()})

    def figure(
        self,
        values: Fan,
        unit: str | None = None,
        *,
        inputs: Mapping[str, Fan] | None = None,
        holds: str | None = None,
        source: str | None = None,
    ) -> Figure:
        """A Figure of this law; `inputs` are checked against the range on which it was fitted."""
        outside, unchecked = self.reach(inputs or {})
        return figure(
            values,
            unit or self.law.unit,
            basis=self.law.status,
            source=source or self.law.source,
            law=self.law.name,
            confidence=self.confidence,
            holds=holds or self.holds(),
            extrapolates=outside,
            unchecked=unchecked,
        )

    def holds(self) -> str:
        """Which uncertainties a range of this law carries."""
        return (
            "bytes per token and law" if self.law.draws is not None else "bytes per token; the law's own is not public"
        )

    def reach(self, inputs: Mapping[str, Fan]) -> tuple[tuple[Beyond, ...], tuple[str, ...]]:
        """(inputs outside the fitted range, inputs of which no range is known)."""
        outside = []
        for name, fan in inputs.items():
            if name in self.law.ranges:
                low, high = self.law.ranges[name]
                if not low * (1 - EDGE) <= fan[0] <= high * (1 + EDGE):
                    outside.append(Beyond(name=name, value=float(fan[0]), low=low, high=high))
        return tuple(outside), tuple(name for name in inputs if name not in self.law.ranges)

    def flops(self, size: Fan, tokens: Tokens) -> Fan | None:
        """Training compute by the law's own accounting; None where that asks for more than a plan has."""
        rule = accounting_named(self.law.accounting or "dense")
        if rule.name != "dense":
            return None
        return np.asarray(6 * size * self.total(tokens))


def figure(
    values: Fan,
    unit: str,
    *,
    basis: Basis,
    source: str,
    law: str | None = None,
    confidence: float = 0.95,
    holds: str = "bytes per token",
    extrapolates: tuple[Beyond, ...] = (),
    unchecked: tuple[str, ...] = (),
    absent: str = "no finite value",
) -> Figure:
    """A Figure of a fan: its central value and interval; absent where the central value is not finite."""
    finite = bool(np.isfinite(values[0]))
    low, high = spread(values, confidence) if finite and len(values) > 1 else (None, None)
    return Figure(
        value=float(values[0]) if finite else None,
        unit=unit,
        basis=basis,
        source=source,
        law=law,
        low=low,
        high=high,
        confidence=confidence,
        range_holds=holds if low is not None or high is not None else f"no range, which would hold {holds}",
        extrapolates=extrapolates,
        unchecked=unchecked,
        absent=None if finite else absent,
    )


def absent(unit: str, reason: str, *, law: str | None = None, source: str = "") -> Figure:
    """A number that cannot be had, and why."""
    return Figure(value=None, unit=unit, basis="derived", source=source, law=law, absent=reason)


def given(value: float, unit: str, source: str, *, basis: Basis = "given") -> Figure:
    """A number that the user gave, or that was assumed."""
    return Figure(value=float(value), unit=unit, basis=basis, source=source)


def grown(tokens: Tokens, modality: Modality, factor: float | Fan) -> dict[Modality, Fan]:
    """The same tokens with one modality multiplied."""
    return {m: np.asarray(fan * factor) if m == modality else fan for m, fan in tokens.items()}


def log_product(size: Fan | None, tokens: Tokens) -> Fan:
    """log(P prod N_i) of Sun & Guo; without P where no size is known."""
    total = sum((np.log(fan) for fan in tokens.values()), constant(0.0))
    return np.asarray(total + (np.log(size) if size is not None else 0.0))
