"""What follows from Sun & Guo's law, performance ~ alpha [sum_i log(T_i / C_i) + log P] + eps, without its constants.

It is the logarithm of P times the product of all N_i, so every factor has the same elasticity. It is undefined at
N_i = 0, has no floor and no interaction. Leaves out the fit of alpha and eps (`fitting`, form "log-product").
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tokeff.errors import LawError
from tokeff.laws.definition import positive
from tokeff.laws.forms import Array

WHERE = "sun-guo-2024"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A training setting: raw bytes T_i and bytes per token C_i by modality, and model parameters P."""

    n_parameters: float
    n_bytes: Mapping[str, float]
    bytes_per_token: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.n_bytes or set(self.n_bytes) != set(self.bytes_per_token):
            raise LawError(
                "n_bytes and bytes_per_token must name the same modalities",
                where=WHERE,
                got=f"{sorted(self.n_bytes)} and {sorted(self.bytes_per_token)}",
            )
        positive("n_parameters", self.n_parameters, WHERE)
        for name in self.n_bytes:
            positive(f"n_bytes of {name}", self.n_bytes[name], WHERE)
            positive(f"bytes_per_token of {name}", self.bytes_per_token[name], WHERE)

    def n_tokens(self) -> dict[str, float]:
        """N_i = T_i / C_i by modality."""
        return {name: self.n_bytes[name] / self.bytes_per_token[name] for name in self.n_bytes}


def score(setting: Setting, *, alpha: float = 1.0, eps: float = 0.0) -> float:
    """Performance in the unit of alpha; with the defaults log(P prod N_i), of which only differences mean anything."""
    tokens = np.array(list(setting.n_tokens().values()))
    return float(alpha * (np.log(tokens).sum() + np.log(setting.n_parameters)) + eps)


def difference(after: Setting, before: Setting, *, alpha: float = 1.0) -> float:
    """Performance of `after` less that of `before`, in units of alpha. Both must have the same modalities."""
    if set(after.n_bytes) != set(before.n_bytes):
        raise LawError(
            "the law compares settings of the same modalities: it is undefined where a modality has no token",
            where=WHERE,
            got=f"{sorted(after.n_bytes)} against {sorted(before.n_bytes)}",
        )
    return score(after, alpha=alpha) - score(before, alpha=alpha)


def elasticities(setting: Setting) -> dict[str, float]:
    """d log(P prod N_i) / d log(factor): one for the parameters and for the tokens of every modality."""
    return {"n_parameters": 1.0} | dict.fromkeys((f"{name}_tokens" for name in setting.n_bytes), 1.0)


def parameters_at_equal_performance(n_parameters: ArrayLike, token_factor: ArrayLike) -> Array:
    """P_2 when the tokens of any one modality grow k-fold and performance stays: P_1 / k."""
    return np.asarray(
        positive("n_parameters", n_parameters, WHERE) / positive("token_factor", token_factor, WHERE), dtype=np.float64
    )


def equal_spend(budget: float, price_per_byte: Mapping[str, float]) -> dict[str, float]:
    """Bytes of each modality that maximise performance for a budget of money: the same money for each, whatever C_i.

    Money and prices in one currency. C_i moves the level of performance, not the split.
    """
    if not price_per_byte:
        raise LawError("no modality has a price", where=WHERE, expected="a price per byte of each modality")
    share = float(positive("budget", budget, WHERE)) / len(price_per_byte)
    return {name: share / float(positive(f"price of {name}", p, WHERE)) for name, p in price_per_byte.items()}
