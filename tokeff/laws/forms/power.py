"""Sums of power laws: E + sum of terms, each a coefficient over powers of the inputs.

Hoffmann's law, its tied variants, Henighan's law of one variable and Li's law of visual tokens. Their logarithm is a
log-sum-exp of functions linear in (log coefficients, exponents), so a fit has exact first and second derivatives.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from tokeff.laws.forms.base import Array, Form, Values

PARAMETERS_UNIT = "model parameters"
TOKENS_UNIT = "training tokens"


class PowerSum(Form):
    """constant + sum over terms of coefficient / product of variable^exponent."""

    constant: str
    terms: Mapping[str, Mapping[str, str]]
    """Coefficient -> {variable: exponent}."""

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """The sum of the constant and the terms."""
        return np.asarray(parameters[self.constant] + sum(self._terms(parameters, inputs).values()))

    def gradient(self, parameters: Values, inputs: Values) -> dict[str, Array]:
        """Closed form: -exponent * term / variable, summed over the terms that the variable is in."""
        terms = self._terms(parameters, inputs)
        slopes = {}
        for variable in self.variables:
            parts = [
                -parameters[powers[variable]] * terms[coefficient] / inputs[variable]
                for coefficient, powers in self.terms.items()
                if variable in powers
            ]
            slopes[variable] = np.asarray(sum(parts))
        return slopes

    def design(self, inputs: Values) -> Array:
        """One row per term: 1 for its log coefficient, -log of each variable for its exponents."""
        order = {name: k for k, name in enumerate(self.parameters)}
        n_runs = len(next(iter(inputs.values())))
        design = np.zeros((n_runs, len(self.terms) + 1, len(order)))
        design[:, 0, order[self.constant]] = 1
        for row, (coefficient, powers) in enumerate(self.terms.items(), 1):
            design[:, row, order[coefficient]] = 1
            for variable, exponent in powers.items():
                design[:, row, order[exponent]] -= np.log(inputs[variable])
        return design

    def _terms(self, parameters: Values, inputs: Values) -> dict[str, Array]:
        return {
            coefficient: parameters[coefficient]
            * np.exp(-sum(parameters[exponent] * np.log(inputs[variable]) for variable, exponent in powers.items()))
            for coefficient, powers in self.terms.items()
        }


class Additive(PowerSum):
    """Hoffmann et al. 2022, approach 3."""

    name = "additive"
    formula = "L = E + A / N^alpha + B / D^beta"
    variables = MappingProxyType({"n_parameters": PARAMETERS_UNIT, "n_training_tokens": TOKENS_UNIT})
    parameters = MappingProxyType(
        {
            "E": "irreducible loss",
            "A": "coefficient of model size",
            "B": "coefficient of data",
            "alpha": "exponent of model size",
            "beta": "exponent of data",
        }
    )
    size, data, accounting = "n_parameters", "n_training_tokens", "dense"
    exponents = MappingProxyType({"alpha": (0.05, 1.0), "beta": (0.05, 1.0)})
    min_distinct = MappingProxyType({"n_parameters": 3, "n_training_tokens": 3})
    constant = "E"
    terms = MappingProxyType({"A": {"n_parameters": "alpha"}, "B": {"n_training_tokens": "beta"}})


class Power(PowerSum):
    """Henighan et al. 2020: one variable, with the scale inside the power. Fitted as E + (scale^alpha) / N^alpha."""

    name = "power"
    formula = "L = E + (N0 / N)^alpha"
    variables = MappingProxyType({"n_parameters": PARAMETERS_UNIT})
    parameters = MappingProxyType(
        {"E": "irreducible loss", "N0": PARAMETERS_UNIT + " at which the reducible loss is 1", "alpha": "exponent"}
    )
    size = "n_parameters"
    entangled = frozenset({"N0"})
    exponents = MappingProxyType({"alpha": (0.05, 1.0)})
    min_distinct = MappingProxyType({"n_parameters": 3})
    constant = "E"
    terms = MappingProxyType({"N0": {"n_parameters": "alpha"}})

    def encode(self, parameters: Mapping[str, float]) -> Array:
        """(log E, alpha log N0, alpha): in these the law is a log-sum-exp."""
        alpha = parameters["alpha"]
        return np.array([np.log(parameters["E"]), alpha * np.log(parameters["N0"]), alpha])

    def decode(self, theta: Array) -> dict[str, Array]:
        """The inverse of `encode`."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            scale = np.exp(theta[..., 1] / theta[..., 2])
        return {"E": np.exp(theta[..., 0]), "N0": scale, "alpha": np.asarray(theta[..., 2])}

    def _terms(self, parameters: Values, inputs: Values) -> dict[str, Array]:
        return {"N0": np.asarray((parameters["N0"] / inputs["n_parameters"]) ** parameters["alpha"])}


class VisualTokens(PowerSum):
    """Li et al. 2024 (2411.03312). Only the product A * B of the published formula can be told: here K."""

    name = "visual-tokens"
    formula = "error = K / (N^alpha T^beta) + D"
    variables = MappingProxyType({"n_parameters": PARAMETERS_UNIT, "n_visual_tokens": "visual tokens per picture"})
    parameters = MappingProxyType(
        {
            "D": "irreducible error",
            "K": "coefficient",
            "alpha": "exponent of model size",
            "beta": "exponent of visual tokens",
        }
    )
    size, data, accounting = "n_visual_tokens", "n_parameters", "visual-inference"
    exponents = MappingProxyType({"alpha": (0.005, 0.5), "beta": (0.005, 0.5)})
    constant = "D"
    terms = MappingProxyType({"K": {"n_parameters": "alpha", "n_visual_tokens": "beta"}})


class Frontier(Form):
    """A published compute frontier: the loss of compute-optimal runs as one power of compute, with no floor."""

    name = "frontier"
    formula = "L = k C^c"
    variables = MappingProxyType({"compute_flops": "training FLOPs"})
    parameters = MappingProxyType({"k": "coefficient", "c": "exponent (negative)"})
    size = "compute_flops"
    exponents = MappingProxyType({"c": (-0.5, -0.01)})

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """K C^c."""
        return np.asarray(parameters["k"] * inputs["compute_flops"] ** parameters["c"])

    def gradient(self, parameters: Values, inputs: Values) -> dict[str, Array]:
        """Closed form."""
        compute = inputs["compute_flops"]
        return {"compute_flops": np.asarray(parameters["c"] * self.evaluate(parameters, inputs) / compute)}

    def design(self, inputs: Values) -> Array:
        """One term, linear in (log k, c)."""
        compute = inputs["compute_flops"]
        return np.stack([np.ones_like(compute), np.log(compute)], axis=-1)[:, None, :]
