"""Prices put to what a run measured: money per token collected and tokenised. Leaves out training (`cost`)."""

from collections.abc import Mapping

import numpy as np

from tokeff.errors import NotFound
from tokeff.planner.corpus import Holding
from tokeff.planner.cost import tokenising_rate
from tokeff.planner.draws import Fan
from tokeff.planner.request import Settings
from tokeff.records.items import Modality

GIGABYTE = 1e9


def check_prices(held: Mapping[Modality, Holding], settings: Settings) -> None:
    """Refuse prices of what the corpus lacks."""
    for modality in settings.prices.per_gigabyte:
        if modality not in held:
            raise NotFound(
                "a price for a modality that the corpus lacks",
                where="--price",
                got=modality,
                expected=", ".join(held),
                fix=f"Give it a size: --corpus {modality}=... (what you hold already).",
            )


def price_per_token(holding: Holding, settings: Settings) -> Fan:
    """Money per token collected and tokenised; inf where the modality has no price."""
    price = settings.prices.per_gigabyte.get(holding.modality)
    if price is None:
        return np.full_like(holding.bytes_per_token, np.inf)
    raw_price = price * holding.stored_per_raw / GIGABYTE
    rate = tokenising_rate(holding)
    if rate is not None and settings.prices.machine_hour is not None:
        raw_price += settings.prices.machine_hour / 3600 / rate.median
    return np.asarray(raw_price * holding.bytes_per_token)
