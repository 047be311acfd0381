"""A law as data: which form, with which numbers, from where, valid where; and what it predicts.

Leaves out optima (`optimum`), inverse problems (`inverse`), files (`store`) and fits (`fitting`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokeff.errors import LawError
from tokeff.laws.forms import Array, Form, form_named

Inputs = Mapping[str, ArrayLike]
Flags = NDArray[np.bool_]
Status = Literal["published", "refitted", "derived"]
STATUSES: tuple[Status, ...] = get_args(Status)
CHUNK_NUMBERS = 4_000_000  # of draws x inputs at once: 32 MB
EDGE = 1e-9  # relative slack at the ends of a range, so that a range's own end does not count as outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One constant of a law; `value` is None where its paper does not publish it."""

    value: float | None
    status: Status = "published"
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a law says at some inputs. All arrays have the broadcast shape of the inputs."""

    value: Array
    low: Array | None
    high: Array | None
    """Interval of the law's curve from the uncertainty of its parameters; a single run scatters around the curve."""
    confidence: float
    absent: str | None
    """Why there is no interval, where there is none."""
    extrapolates: Flags
    """True where an input lies outside the range on which the law was fitted."""
    outside: Mapping[str, tuple[float, float]]
    """Variables that lie outside somewhere -> the fitted range."""
    unchecked: tuple[str, ...]
    """Variables for which no fitted range is known."""
    law: str
    quantity: str
    unit: str
    status: Status
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Law:
    """A scaling law. `draws` [n_draws, n_parameters] is a bootstrap or covariance sample of its parameters."""

    name: str
    form: str
    title: str
    status: Status
    source: str
    parameters: Mapping[str, Parameter]
    quantity: str = "loss"
    unit: str = "nats per token"
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    accounting: str | None = None
    constants: Mapping[str, float] = field(default_factory=dict)
    """Constants of the accounting, where they differ from its usual ones."""
    reported: Mapping[str, float] = field(default_factory=dict)
    """Further published figures that `predict` does not use: exponents of the frontier, break-even points."""
    notes: str = ""
    modalities: tuple[str, ...] = ()
    """Inputs `<modality>_tokens` that a law over modalities was fitted for."""
    draws: Array | None = None
    draw_names: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Parameters of which no value is known."""
        return tuple(name for name, parameter in self.parameters.items() if parameter.value is None)

    def bound_form(self, inputs: Iterable[str] = ()) -> Form:
        """The functional form; over modalities, the law's own ones or else those among `inputs`."""
        return form_named(self.form).bind(self.modalities or inputs)

    def values(self) -> dict[str, Array]:
        """The parameters; raises LawError where the law's paper publishes no constants."""
        if self.missing:
            known = ", ".join(f"{k} {p.value:g}" for k, p in self.parameters.items() if p.value is not None)
            raise LawError(
                f"{self.source} publishes no value of {', '.join(self.missing)}, so the law cannot predict",
                where=self.name,
                got=f"only {known}" if known else "no constant",
                expected=f"values of {', '.join(self.parameters)}",
                fix=f"Fit the form {self.form!r} on your own runs and use the fitted law.",
            )
        return {name: np.asarray(parameter.value, float) for name, parameter in self.parameters.items()}

    def predict(self, inputs: Inputs, *, confidence: float = 0.95) -> Prediction:
        """The law at `inputs` (positive numbers or arrays that broadcast), with an interval where it has draws.

        Raises LawError for an unknown, absent or non-positive input, and where constants are not public.
        """
        values = self.values()
        form = self.bound_form(inputs)
        checked = check_inputs(form, inputs, self.name)
        value = np.broadcast_to(
            form.evaluate(values, checked), np.broadcast_shapes(*(x.shape for x in checked.values()))
        )
        low, high = self._interval(form, checked, confidence)
        outside, extrapolates = self._outside(checked, value.shape)
        return Prediction(
            value=value.copy(),
            low=low,
            high=high,
            confidence=confidence,
            absent=None if low is not None else "the source gives no joint distribution of the parameters",
            extrapolates=extrapolates,
            outside=outside,
            unchecked=tuple(name for name in checked if name not in self.ranges),
            law=self.name,
            quantity=self.quantity,
            unit=self.unit,
            status=self.status,
            source=self.source,
        )

    def gradient(self, inputs: Inputs) -> dict[str, Array]:
        """d(quantity)/d(variable) at the inputs."""
        form = self.bound_form(inputs)
        return form.gradient(self.values(), check_inputs(form, inputs, self.name))

    def elasticities(self, inputs: Inputs) -> dict[str, Array]:
        """d ln(quantity) / d ln(variable); for a logarithmic score d(score) / d ln(variable)."""
        form = self.bound_form(inputs)
        values, checked = self.values(), check_inputs(form, inputs, self.name)
        scale = np.asarray(1.0) if form.logarithmic else form.evaluate(values, checked)
        return {name: slope * checked[name] / scale for name, slope in form.gradient(values, checked).items()}

    def drawn(self, n_dims: int) -> dict[str, Array] | None:
        """The draws as parameters of shape [n_draws, 1, ...] that broadcast over inputs of `n_dims` dimensions."""
        if self.draws is None:
            return None
        shape = (len(self.draws), *(1,) * n_dims)
        drawn = {name: self.draws[:, k].reshape(shape) for k, name in enumerate(self.draw_names)}
        return {name: drawn.get(name, np.asarray(value)) for name, value in self.values().items()}

    def _interval(
        self, form: Form, inputs: Mapping[str, Array], confidence: float
    ) -> tuple[Array, Array] | tuple[None, None]:
        if not 0 < confidence < 1:
            raise LawError("not a confidence level", where=self.name, got=confidence, expected="between 0 and 1")
        drawn = self.drawn(1)
        if self.draws is None or drawn is None:
            return None, None
        shape = np.broadcast_shapes(*(x.shape for x in inputs.values()))
        flat = {name: np.broadcast_to(x, shape).ravel() for name, x in inputs.items()}
        size = max(1, CHUNK_NUMBERS // len(self.draws))
        levels = [(1 - confidence) / 2, (1 + confidence) / 2]
        parts = [
            np.quantile(form.evaluate(drawn, {name: x[k : k + size] for name, x in flat.items()}), levels, axis=0)
            for k in range(0, len(next(iter(flat.values()))), size)
        ]
        ends = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0))
        return ends[0].reshape(shape), ends[1].reshape(shape)

    def _outside(
        self, inputs: Mapping[str, Array], shape: tuple[int, ...]
    ) -> tuple[dict[str, tuple[float, float]], Flags]:
        anywhere = np.zeros(shape, bool)
        outside = {}
        for name, (low, high) in self.ranges.items():
            if name in inputs:
                beyond = (inputs[name] < low * (1 - EDGE)) | (inputs[name] > high * (1 + EDGE))
                anywhere |= beyond
                if beyond.any():
                    outside[name] = (low, high)
        return outside, anywhere


def check_inputs(form: Form, inputs: Inputs, where: str) -> dict[str, Array]:
    """Inputs as positive float arrays, complete and known to the form; LawError otherwise."""
    unknown = [name for name in inputs if name not in form.variables]
    absent = [name for name in form.variables if name not in inputs]
    if unknown or absent:
        raise LawError(
            f"the law {form.formula} has other inputs",
            where=where,
            got=", ".join(inputs) or "none",
            expected="; ".join(f"{name} ({what})" for name, what in form.variables.items()),
        )
    checked = {name: positive(name, value, where) for name, value in inputs.items()}
    try:
        np.broadcast_shapes(*(value.shape for value in checked.values()))
    except ValueError as error:
        shapes = {name: value.shape for name, value in checked.items()}
        raise LawError("the inputs' shapes do not broadcast", where=where, got=shapes) from error
    return checked


def positive(name: str, value: ArrayLike, where: str) -> Array:
    """`value` as a float array, every element finite and above zero; LawError otherwise."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LawError(f"{name} is not a number", where=where, got=repr(value), expected="a positive number") from error
    bad = array[~((array > 0) & np.isfinite(array))]
    if bad.size:
        raise LawError(
            f"{name} must be positive: the law is made of powers and logarithms and has no value there",
            where=where,
            got=bad.ravel()[0],
            expected="a finite number above 0",
        )
    return array
