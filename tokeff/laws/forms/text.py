"""Laws of text beyond the additive one: Kaplan's joint law, repeated data (Muennighoff), vocabulary (Tao)."""

from types import MappingProxyType

import numpy as np

from tokeff.laws.forms.base import Array, Form, Values
from tokeff.laws.forms.power import PARAMETERS_UNIT, TOKENS_UNIT


class Kaplan(Form):
    """Kaplan et al. 2020, equation 1.5. N counts no embeddings."""

    name = "kaplan"
    formula = "L = [(N_c / N)^(alpha_N / alpha_D) + D_c / D]^alpha_D"
    variables = MappingProxyType({"n_parameters": "non-embedding parameters", "n_training_tokens": TOKENS_UNIT})
    parameters = MappingProxyType(
        {
            "N_c": "non-embedding parameters",
            "D_c": "tokens",
            "alpha_N": "exponent of model size",
            "alpha_D": "exponent of data",
        }
    )
    size, data, accounting = "n_parameters", "n_training_tokens", "dense"
    exponents = MappingProxyType({"alpha_N": (0.03, 0.3), "alpha_D": (0.03, 0.3)})
    start_scales = MappingProxyType({"N_c": (1e10, 1e16), "D_c": (1e10, 1e16)})

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """Nats per token."""
        size_term, data_term = self._terms(parameters, inputs)
        return np.asarray((size_term + data_term) ** parameters["alpha_D"])

    def gradient(self, parameters: Values, inputs: Values) -> dict[str, Array]:
        """Closed form: the loss times each term's share times its exponent."""
        size_term, data_term = self._terms(parameters, inputs)
        total = size_term + data_term
        loss = total ** parameters["alpha_D"]
        return {
            "n_parameters": np.asarray(-loss * parameters["alpha_N"] * size_term / total / inputs["n_parameters"]),
            "n_training_tokens": np.asarray(
                -loss * parameters["alpha_D"] * data_term / total / inputs["n_training_tokens"]
            ),
        }

    @staticmethod
    def _terms(parameters: Values, inputs: Values) -> tuple[Array, Array]:
        ratio = parameters["alpha_N"] / parameters["alpha_D"]
        size_term = (parameters["N_c"] / inputs["n_parameters"]) ** ratio
        return np.asarray(size_term), np.asarray(parameters["D_c"] / inputs["n_training_tokens"])


class Repeated(Form):
    """Muennighoff et al. 2023: repeated tokens, and parameters beyond what the unique tokens call for, count less."""

    name = "repeated"
    formula = (
        "L = E + A / N'^alpha + B / D'^beta, D' = U + U R_D (1 - exp(-(D/U - 1) / R_D)), "
        "N' = U_N + U_N R_N (1 - exp(-(N/U_N - 1) / R_N)), U_N = min(N, N_opt(U))"
    )
    variables = MappingProxyType(
        {
            "n_parameters": PARAMETERS_UNIT,
            "n_training_tokens": TOKENS_UNIT + ", repeats counted",
            "n_unique_tokens": "tokens seen at least once",
        }
    )
    parameters = MappingProxyType(
        {
            "E": "irreducible loss",
            "A": "coefficient of model size",
            "B": "coefficient of data",
            "alpha": "exponent of model size",
            "beta": "exponent of data",
            "R_D": "repetitions after which repeated data has decayed by 1/e",
            "R_N": "the same for excess parameters",
        }
    )
    size, data, accounting = "n_parameters", "n_training_tokens", "dense"
    exponents = MappingProxyType({"alpha": (0.15, 0.8), "beta": (0.15, 0.8)})
    linear = ("E", "A", "B")
    start_scales = MappingProxyType({"R_D": (2.0, 60.0), "R_N": (2.0, 60.0)})
    min_distinct = MappingProxyType({"n_parameters": 3, "n_training_tokens": 3})

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """Nats per token. Unique tokens beyond the training tokens count as the training tokens."""
        size, tokens = inputs["n_parameters"], inputs["n_training_tokens"]
        unique = np.minimum(inputs["n_unique_tokens"], tokens)
        base_size = np.minimum(size, optimal_parameters(parameters, unique))
        effective_tokens = _saturating(tokens, unique, parameters["R_D"])
        effective_size = _saturating(size, base_size, parameters["R_N"])
        return np.asarray(
            parameters["E"]
            + parameters["A"] / effective_size ** parameters["alpha"]
            + parameters["B"] / effective_tokens ** parameters["beta"]
        )

    def linear_terms(self, parameters: Values, inputs: Values) -> Array:
        """As if nothing were repeated: the excess depends on A/B, but starts only need the size of things."""
        size = inputs["n_parameters"] ** -parameters["alpha"][:, None]
        tokens = inputs["n_training_tokens"] ** -parameters["beta"][:, None]
        return np.stack([np.ones_like(size), size, tokens], axis=-1)


def optimal_parameters(parameters: Values, tokens: Array) -> Array:
    """The model size for which `tokens` are compute-optimal under E + A/N^alpha + B/D^beta and C = 6ND."""
    alpha, beta = parameters["alpha"], parameters["beta"]
    scale = (alpha * parameters["A"] / (beta * parameters["B"])) ** (1 / (alpha + beta))
    return np.asarray(scale * (scale * tokens) ** (beta / alpha))


def _saturating(total: Array, base: Array, decay: Array) -> Array:
    repeats = total / base - 1
    return np.asarray(base * (1 + decay * -np.expm1(-repeats / decay)))


class Vocabulary(Form):
    """Tao et al. 2024, approach 3: a negative loss relative to a unigram model, so that vocabularies compare."""

    name = "vocabulary"
    formula = "L_u = -E + A1 / (N_nv/1e6)^a1 + A2 / (V d/1e6)^a2 + B / (D/1e9)^b, D = H f(V)"
    variables = MappingProxyType(
        {
            "n_nonvocabulary_parameters": PARAMETERS_UNIT + " without the vocabulary's",
            "vocabulary_size": "tokens in the vocabulary",
            "embedding_size": "width of an embedding",
            "n_training_characters": "training characters",
        }
    )
    parameters = MappingProxyType(
        {
            "E": "offset",
            "A1": "coefficient of non-vocabulary parameters (in 1e6)",
            "A2": "coefficient of vocabulary parameters (in 1e6)",
            "B": "coefficient of tokens (in 1e9)",
            "a1": "exponent",
            "a2": "exponent",
            "b": "exponent",
        }
    )
    logarithmic = True  # of any sign: residuals are taken of the loss itself, as the paper does
    size, data, accounting = "n_nonvocabulary_parameters", "n_training_characters", "vocabulary"
    exponents = MappingProxyType({"a1": (0.1, 1.0), "a2": (0.1, 1.0), "b": (0.1, 1.0)})
    start_scales = MappingProxyType({"E": (1.0, 20.0), "A1": (0.1, 20.0), "A2": (0.1, 20.0), "B": (0.1, 20.0)})

    def evaluate(self, parameters: Values, inputs: Values) -> Array:
        """Unigram-normalised nats per token."""
        vocabulary = inputs["vocabulary_size"]
        tokens = inputs["n_training_characters"] * tokens_per_character(vocabulary)
        return np.asarray(
            -parameters["E"]
            + parameters["A1"] / (inputs["n_nonvocabulary_parameters"] / 1e6) ** parameters["a1"]
            + parameters["A2"] / (vocabulary * inputs["embedding_size"] / 1e6) ** parameters["a2"]
            + parameters["B"] / (tokens / 1e9) ** parameters["b"]
        )


VOCABULARY_CAP = 200_000.0  # the published fertility curve turns up again beyond it; the authors hold it flat


def tokens_per_character(vocabulary_size: Array) -> Array:
    """Tao et al.'s fitted fertility f(V), in tokens per character; flat beyond 200,000 as in their code."""
    log_size = np.log(np.minimum(vocabulary_size, VOCABULARY_CAP))
    return np.asarray(0.00639222 * log_size**2 - 0.15811069 * log_size + 1.20470122)


def optimal_vocabulary_parameters(n_nonvocabulary_parameters: Array | float) -> Array:
    """Tao et al., approach 2: vocabulary parameters V d that suit a model, 3,145,728 (N_nv / 33e6)^0.8353974."""
    return np.asarray(3_145_728.0 * (np.asarray(n_nonvocabulary_parameters) / 33e6) ** 0.8353974)
