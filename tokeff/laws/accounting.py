"""How a law counts compute: FLOPs from its inputs, and the data that a budget still pays for once the size is chosen.

Each law names its own accounting; leaves out attention's quadratic term, as all the published laws do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tokeff.errors import NotFound
from tokeff.laws.forms.base import Array, Values
from tokeff.laws.forms.text import tokens_per_character


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """`flops(inputs)` in FLOPs, and its inverse in the data variable, `data(compute_flops, inputs)`."""

    name: str
    formula: str
    uses: tuple[str, ...]
    """Every input that it reads; a law need not have all of them as variables."""
    constants: Mapping[str, float]
    """Constants with their usual values; a law may set others."""
    flops: Callable[[Values, Mapping[str, float]], Array]
    data: Callable[[Array, Values, Mapping[str, float]], Array]


def _dense_flops(inputs: Values, constants: Mapping[str, float]) -> Array:
    del constants
    return np.asarray(6 * inputs["n_parameters"] * inputs["n_training_tokens"])


def _dense_data(compute_flops: Array, inputs: Values, constants: Mapping[str, float]) -> Array:
    del constants
    return np.asarray(compute_flops / (6 * inputs["n_parameters"]))


def _late_rate(inputs: Values, constants: Mapping[str, float]) -> Array:
    vision = constants["vision_share"] * inputs["n_vision_parameters"]
    return np.asarray(6 * (vision + inputs["n_parameters"]))


def _vocabulary_rate(inputs: Values) -> Array:
    parameters = inputs["n_nonvocabulary_parameters"] + inputs["vocabulary_size"] * inputs["embedding_size"]
    return np.asarray(6 * parameters * tokens_per_character(inputs["vocabulary_size"]))


ACCOUNTINGS: dict[str, Accounting] = {
    rule.name: rule
    for rule in (
        Accounting(
            name="dense",
            formula="C = 6 N D",
            uses=("n_parameters", "n_training_tokens"),
            constants={},
            flops=_dense_flops,
            data=_dense_data,
        ),
        Accounting(
            name="late-fusion",
            formula="C = 6 (N_v D_v + N D), D_v = vision_share D",
            uses=("n_parameters", "n_training_tokens", "n_vision_parameters"),
            constants={"vision_share": 0.544},
            flops=lambda inputs, constants: _late_rate(inputs, constants) * inputs["n_training_tokens"],
            data=lambda compute_flops, inputs, constants: compute_flops / _late_rate(inputs, constants),
        ),
        Accounting(
            name="vocabulary",
            formula="C = 6 (N_nv + V d) H f(V)",
            uses=("n_nonvocabulary_parameters", "vocabulary_size", "embedding_size", "n_training_characters"),
            constants={},
            flops=lambda inputs, constants: _vocabulary_rate(inputs) * inputs["n_training_characters"],
            data=lambda compute_flops, inputs, constants: compute_flops / _vocabulary_rate(inputs),
        ),
        Accounting(
            name="visual-inference",
            formula="C = 2 N (T + Q) FLOPs to read one picture with Q text tokens",
            uses=("n_parameters", "n_visual_tokens", "n_text_tokens"),
            constants={},
            flops=lambda inputs, constants: (
                2 * inputs["n_parameters"] * (inputs["n_visual_tokens"] + inputs["n_text_tokens"])
            ),
            data=lambda compute_flops, inputs, constants: (
                compute_flops / (2 * (inputs["n_visual_tokens"] + inputs["n_text_tokens"]))
            ),
        ),
    )
}


def accounting_named(name: str) -> Accounting:
    """The accounting of this name; NotFound with close names otherwise."""
    if name not in ACCOUNTINGS:
        raise NotFound.among("accounting of compute", name, ACCOUNTINGS)
    return ACCOUNTINGS[name]
