"""What a functional form is: its variables, parameters, value, slope, and the coordinates in which it is fitted.

A form knows no numbers: those are data (`tokeff.laws.data`) or come from a fit. Leaves out optima and inverses,
which work on any form.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Values = Mapping[str, Array]

STEP = 1e-5  # of ln x: the error of a central difference is then near 1e-10


class Form:
    """A formula. Parameters and inputs broadcast: draws of parameters on the first axis, inputs on the others."""

    name: str
    formula: str
    variables: Mapping[str, str] = MappingProxyType({})
    """Name of an input -> what it is, with its unit. Inputs must be positive."""
    parameters: Mapping[str, str] = MappingProxyType({})
    """Name of a parameter -> what it is, with its unit."""
    logarithmic = False
    """The form predicts a score that is itself a logarithm (of any sign), not a positive loss."""
    target = "loss"
    """What a fit calls the observed quantity: a loss, better when lower, or a score."""
    least_squares = False
    """Fitted by least squares instead of the Huber loss: the scale of a score is not known beforehand."""
    entangled: frozenset[str] = frozenset()
    """Parameters whose fitting coordinate depends on another parameter: they cannot be fixed or tied."""
    size: str | None = None
    """The variable that a budget of compute is traded for against `data`."""
    data: str | None = None
    accounting: str | None = None
    """The accounting of compute that fitted laws of this form get unless told otherwise."""
    signed: frozenset[str] = frozenset()
    """Parameters that may be negative or zero; the others are positive and fitted as logarithms."""
    exponents: Mapping[str, tuple[float, float]] = MappingProxyType({})
    """Parameter -> the range from which starts of a fit draw it. Exponents are fitted as they are."""
    start_scales: Mapping[str, tuple[float, float]] = MappingProxyType({})
    """Further positive parameters -> the range from which starts draw them, uniformly in the logarithm."""
    linear: tuple[str, ...] = ()
    """Coefficients in which the value is linear, of forms without a `design`; starts solve for them."""
    min_distinct: Mapping[str, int] = MappingProxyType({})
    """Variable -> how many distinct values a fit needs at least (2 where it is not named)."""

    def bind(self, names: Iterable[str]) -> "Form":
        """The form for these input names; only forms over any number of modalities differ from themselves."""
        del names
        return self

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """The predicted quantity, broadcast over parameters and inputs."""
        raise NotImplementedError

    def gradient(self, parameters: Values, inputs: Values) -> dict[str, Array]:
        """d(quantity)/d(variable) for each variable; central differences where a form has no closed one."""
        return {name: self._slope(parameters, inputs, name) / inputs[name] for name in self.variables}

    def _slope(self, parameters: Values, inputs: Values, name: str) -> Array:
        above = self.evaluate(parameters, {**inputs, name: inputs[name] * np.exp(STEP)})
        below = self.evaluate(parameters, {**inputs, name: inputs[name] * np.exp(-STEP)})
        return np.asarray((above - below) / (2 * STEP))

    def is_log(self, parameter: str) -> bool:
        """Whether the parameter is fitted as its logarithm."""
        return parameter not in self.signed and parameter not in self.exponents

    def encode(self, parameters: Mapping[str, float]) -> Array:
        """Parameters -> fitting coordinates [n_parameters], in the order of `self.parameters`."""
        return np.array(
            [np.log(parameters[name]) if self.is_log(name) else parameters[name] for name in self.parameters]
        )

    def decode(self, theta: Array) -> dict[str, Array]:
        """Fitting coordinates [..., n_parameters] -> parameters, each [...]."""
        with np.errstate(over="ignore"):
            return {
                name: np.exp(theta[..., k]) if self.is_log(name) else np.asarray(theta[..., k])
                for k, name in enumerate(self.parameters)
            }

    def design(self, inputs: Values) -> Array | None:
        """X [n_runs, n_terms, n_parameters] with target = log(sum over terms of exp(X theta)), where there is one."""
        del inputs
        return None

    def linear_terms(self, parameters: Values, inputs: Values) -> Array:
        """Value per unit of each coefficient of `linear`: [n_draws, n_runs, n_coefficients]."""
        columns = {name: value[:, None] for name, value in parameters.items()}
        zero = {name: np.zeros((1, 1)) for name in self.linear}
        units = [self.evaluate(columns | zero | {name: np.ones((1, 1))}, inputs) for name in self.linear]
        return np.stack(np.broadcast_arrays(*units), axis=-1)

    def fit_target(self, observed: Array) -> Array:
        """What residuals are taken of: the logarithm of a loss, or a logarithmic score as it is."""
        return observed if self.logarithmic else np.log(observed)

    def fit_value(self, theta: Array, inputs: Values) -> Array:
        """The form's value of `fit_target` [n_draws, n_runs] for theta [n_draws, n_parameters]."""
        parameters = {name: value[:, None] for name, value in self.decode(theta).items()}
        with np.errstate(all="ignore"):  # far-off trial points overflow; the optimiser refuses them
            value = self.evaluate(parameters, inputs)
            return value if self.logarithmic else np.log(value)
