"""Laws over several modalities: Sun & Guo's product and its weighted generalisation, effective tokens, interaction.

The first three take any number of modalities: an input named `<modality>_tokens` each.
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType

import numpy as np

from tokeff.errors import LawError
from tokeff.laws.forms.base import Array, Form, Values
from tokeff.laws.forms.power import PARAMETERS_UNIT

SUFFIX = "_tokens"


class _OverModalities(Form):
    """A form over n_parameters and the tokens of each bound modality."""

    size = "n_parameters"

    def __init__(self, tokens: Sequence[str] = ()) -> None:
        self.tokens = tuple(tokens)
        units = {name: f"training tokens of modality {name.removesuffix(SUFFIX)}" for name in self.tokens}
        self.variables = MappingProxyType({"n_parameters": PARAMETERS_UNIT, **units})

    def bind(self, names: Iterable[str]) -> "Form":
        """The form for the modalities among these input names."""
        # n_training_tokens and its like are totals of other laws, not a modality.
        tokens = sorted(name for name in names if name.endswith(SUFFIX) and not name.startswith("n_"))
        if not tokens:
            raise LawError(
                "no modality is named",
                where=self.name,
                expected="at least one input named <modality>_tokens, such as text_tokens or image_tokens",
            )
        return type(self)(tokens)


class LogProduct(_OverModalities):
    """Sun & Guo 2024 (2409.06754): performance ~ alpha [sum_i log N_i + log P] + eps. A hypothesis: no constants."""

    name = "log-product"
    formula = "performance = alpha [sum_i log N_i + log P] + eps, N_i = T_i / C_i"
    parameters = MappingProxyType({"alpha": "score per unit of log(P prod N_i)", "eps": "offset of the score"})
    logarithmic = True
    target = "score"
    least_squares = True
    signed = frozenset({"alpha", "eps"})

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """The score, in the unit of alpha."""
        return np.asarray(
            parameters["alpha"] * sum(np.log(inputs[name]) for name in self.variables) + parameters["eps"]
        )

    def gradient(self, parameters: Values, inputs: Values) -> dict[str, Array]:
        """Closed form: alpha / x, the same elasticity for every variable."""
        return {name: np.asarray(parameters["alpha"] / inputs[name]) for name in self.variables}

    def design(self, inputs: Values) -> Array:
        """Linear in (alpha, eps)."""
        total = np.sum([np.log(inputs[name]) for name in self.variables], axis=0)
        return np.stack([total, np.ones_like(total)], axis=-1)[:, None, :]


class WeightedLogProduct(_OverModalities):
    """tokeff's generalisation, not published: an exponent for each factor of Sun & Guo's product."""

    name = "weighted-log-product"
    formula = "performance = sum_i alpha_i log N_i + alpha_P log P + eps"
    logarithmic = True
    target = "score"
    least_squares = True

    def __init__(self, tokens: Sequence[str] = ()) -> None:
        super().__init__(tokens)
        slopes = {f"alpha_{name}": f"score per unit of log {name}" for name in self.variables}
        self.parameters = MappingProxyType({**slopes, "eps": "offset of the score"})
        self.signed = frozenset(self.parameters)

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """The score, in the unit of the slopes."""
        total = sum(parameters[f"alpha_{name}"] * np.log(inputs[name]) for name in self.variables)
        return np.asarray(total + parameters["eps"])

    def gradient(self, parameters: Values, inputs: Values) -> dict[str, Array]:
        """Closed form: alpha_i / x_i."""
        return {name: np.asarray(parameters[f"alpha_{name}"] / inputs[name]) for name in self.variables}

    def design(self, inputs: Values) -> Array:
        """Linear in the slopes and the offset."""
        columns = [np.log(inputs[name]) for name in self.variables]
        return np.stack([*columns, np.ones_like(columns[0])], axis=-1)[:, None, :]


class EffectiveTokens(_OverModalities):
    """tokeff's generalisation, not published: a token of one modality is worth w tokens of the first one."""

    name = "effective-tokens"
    formula = "L = E + A / N^alpha + B / (sum_i w_i D_i)^beta, w = 1 for the first modality in alphabetical order"
    exponents = MappingProxyType({"alpha": (0.1, 0.8), "beta": (0.1, 0.8)})
    linear = ("E", "A", "B")
    min_distinct = MappingProxyType({"n_parameters": 3})

    def __init__(self, tokens: Sequence[str] = ()) -> None:
        super().__init__(tokens)
        weights = {f"w_{name}": f"worth of one of {name} in {self.tokens[0]}" for name in self.tokens[1:]}
        self.parameters = MappingProxyType(
            {
                "E": "irreducible loss",
                "A": "coefficient of model size",
                "B": "coefficient of data",
                "alpha": "exponent of model size",
                "beta": "exponent of data",
                **weights,
            }
        )
        self.start_scales = MappingProxyType(dict.fromkeys(weights, (0.05, 5.0)))

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """Nats per token."""
        tokens = inputs[self.tokens[0]] + sum(parameters[f"w_{name}"] * inputs[name] for name in self.tokens[1:])
        size_term = parameters["A"] / inputs["n_parameters"] ** parameters["alpha"]
        return np.asarray(parameters["E"] + size_term + parameters["B"] / tokens ** parameters["beta"])


class Interaction(Form):
    """Aghajanyan et al. 2023: the mean of two unimodal laws, less a synergy, plus competition."""

    name = "interaction"
    formula = (
        "L = (L_i(N, D_i) + L_j(N, D_j)) / 2 - C + A / N^a + B / (D_i + D_j)^b, L_m = E_m + A_m/N^a_m + B_m/D_m^b_m"
    )
    variables = MappingProxyType(
        {
            "n_parameters": PARAMETERS_UNIT,
            "first_tokens": "training tokens of modality i",
            "second_tokens": "training tokens of modality j",
        }
    )
    parameters = MappingProxyType(
        {
            **{
                f"{name}_{side}": f"unimodal law of modality {side}"
                for side in "ij"
                for name in ("E", "A", "B", "a", "b")
            },
            "C": "synergy, in the unit of the loss",
            "A": "coefficient of competition in model size",
            "B": "coefficient of competition in data",
            "a": "exponent of competition in model size",
            "b": "exponent of competition in data",
        }
    )
    size = "n_parameters"
    signed = frozenset({"C"})
    exponents = MappingProxyType(dict.fromkeys(("a_i", "b_i", "a_j", "b_j", "a", "b"), (0.1, 0.8)))
    start_scales = MappingProxyType(
        {
            **{f"E_{side}": (0.5, 3.0) for side in "ij"},
            **dict.fromkeys(("A_i", "B_i", "A_j", "B_j", "A", "B"), (10.0, 3000.0)),
        }
    )

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """Nats per token, averaged over the two modalities."""
        size, first, second = (inputs[name] for name in self.variables)
        alone = [
            parameters[f"E_{side}"]
            + parameters[f"A_{side}"] / size ** parameters[f"a_{side}"]
            + parameters[f"B_{side}"] / tokens ** parameters[f"b_{side}"]
            for side, tokens in (("i", first), ("j", second))
        ]
        competition = parameters["A"] / size ** parameters["a"] + parameters["B"] / (first + second) ** parameters["b"]
        return np.asarray(sum(alone) / 2 - parameters["C"] + competition)
