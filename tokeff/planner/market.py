"""What money buys of data and training at a model size, and the size at which it buys most: arrays of draws.

For each size the rest of the money buys the tokens that are best by the law: in closed form where tokens are added, by
one bisection where they are multiplied. The best size is found by golden section in its logarithm; both problems are
convex in logarithms. Leaves out limits of the mixture (`allocation`) and what laws say (`budget_size`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tokeff.planner.draws import Fan

LEAST, MOST = 1e3, 1e17
"""Parameters between which the best size is looked for."""
STEPS = 60
BISECTIONS = 60
GOLDEN = (np.sqrt(5) - 1) / 2
AT_THE_END = 1.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """Arrays [n_modalities, n_draws] unless said. `price` is money per token bought, inf where none is sold."""

    held: Fan
    price: Fan
    epochs: Fan
    """Passes over the data that are allowed, [n_modalities, 1]."""
    worth: Fan
    """What a token counts for where tokens are added, [n_modalities, 1]."""
    per_parameter: float
    """Money for training one parameter on one token."""
    budget: float


def used_by_sum(market: Market, size: Fan) -> Fan:
    """Tokens trained on, [n_modalities, n_draws], that are worth most in all: by worth per money, held or bought."""
    use = np.broadcast_to(market.per_parameter * size, market.held.shape[1:])
    have = market.held * market.epochs
    density = market.worth / (market.price / market.epochs + use)
    best = density.max(axis=0)
    used, left = np.zeros_like(have), np.full(use.shape, market.budget)
    for k in np.argsort(-market.worth[:, 0], kind="stable"):
        used[k] = np.where(market.worth[k] / use >= best, np.minimum(have[k], left / use), 0.0)
        left = np.maximum(left - used[k] * use, 0.0)
    bought = (density == best) & (best > 0)
    cost = np.where(bought, market.price / market.epochs + use, 1.0)
    return np.asarray(used + np.where(bought, left / cost / np.maximum(bought.sum(axis=0), 1), 0.0))


def used_by_product(market: Market, size: Fan) -> Fan:
    """Tokens trained on, [n_modalities, n_draws], of the largest product: equal marginal money, held ones first."""
    use = np.broadcast_to(market.per_parameter * size, market.held.shape[1:])
    have = market.held * market.epochs
    dear = market.price / market.epochs + use

    def tokens(multiplier: Fan) -> Fan:
        spend = np.exp(multiplier)
        return np.asarray(np.maximum(spend / dear, np.minimum(spend / use, have)))

    price = np.where(np.isfinite(market.price), market.price / market.epochs, 0.0)
    owned = (have * price).sum(axis=0)
    low, high = np.full(use.shape, -80.0), np.log(market.budget + owned)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        found = tokens(middle)
        money = np.maximum(found - have, 0.0) * price + found * use
        low, high = np.where(money.sum(axis=0) < market.budget, (middle, high), (low, middle))
    return tokens((low + high) / 2)


def best_size(gain: Callable[[Fan], Fan], n_draws: int, steps: int = STEPS) -> Fan | None:
    """The size [n_draws] of the largest `gain`; None where the first draw has its best at an end: no finite size."""
    low, high = np.full(n_draws, np.log(LEAST)), np.full(n_draws, np.log(MOST))
    for _ in range(steps):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        worse = gain(np.exp(left)) < gain(np.exp(right))
        low, high = np.where(worse, (left, high), (low, right))
    size = np.exp((low + high) / 2)
    return None if size[0] < LEAST * AT_THE_END or size[0] > MOST / AT_THE_END else np.asarray(size)
