"""What a plan costs: tokenising by measured throughput, storing tokens, training FLOPs and GPU-hours, money.

Leaves out collecting the data (`budget`), attention's quadratic term and failed runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokeff.planner.corpus import Holding
from tokeff.planner.draws import Fan
from tokeff.planner.request import H100_FLOPS, Settings
from tokeff.planner.view import absent, figure
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import CostPlan, Figure

SECONDS = 3600.0
SHORT_IDS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Raw bytes per second of tokenising: median and quartiles over the run's batches."""

    median: float
    q1: float
    q3: float
    seconds: float


def tokenising_rate(holding: Holding) -> Rate | None:
    """How fast the run encoded this modality; None where it took no time of it."""
    stage = holding.measurement.throughput.get("encode") or {}
    speed = stage.get("raw_megabytes_per_second") or {}
    if not speed.get("median"):
        return None
    found = {name: float(speed[name]) * 1e6 for name in ("median", "q1", "q3")}
    return Rate(**found, seconds=float(stage.get("seconds", 0.0)))


def training_money_per_token(size: Fan, settings: Settings) -> float:
    """Money for 6P FLOPs; 0 where a GPU-hour has no price."""
    price = settings.prices.gpu_hour
    return 0.0 if price is None else float(6 * size[0] / _flops_per_hour(settings) * price)


def _flops_per_hour(settings: Settings) -> float:
    return settings.gpu_flops * settings.utilisation * SECONDS


def cost(
    held: Mapping[Modality, Holding], trained: Mapping[Modality, Fan], size: Fan | None, settings: Settings
) -> CostPlan:
    """All of it; what cannot be had is absent with its reason."""
    hours: dict[str, Figure] = {m: _hours(holding) for m, holding in held.items()}
    flops, gpu_hours = _training(trained, size, settings)
    return CostPlan(
        tokenising_hours=hours,
        storage_bytes={m: _storage(holding.measurement, holding.tokens) for m, holding in held.items()},
        training_flops=flops,
        gpu_hours=gpu_hours,
        utilisation=settings.utilisation,
        gpu_flops=settings.gpu_flops,
        money=_money(hours, gpu_hours, settings),
    )


def _hours(holding: Holding) -> Figure:
    rate = tokenising_rate(holding)
    each = holding.measurement
    if rate is None:
        return absent("hours", "the run took no time of encoding", source=f"throughput of {each.tokenizer}")
    work = holding.raw_bytes / SECONDS
    several = rate.q1 < rate.q3
    return Figure(
        value=work / rate.median,
        low=work / rate.q3 if several else None,
        high=work / rate.q1 if several else None,
        confidence=0.5,
        unit="hours",
        basis="measured",
        source=f"{each.tokenizer} on {each.device}, {rate.seconds:.3g} s of encoding in the run, one process",
        range_holds="quartiles over batches" if several else "no range: the run has one batch",
    )


def _storage(measurement: Measurement, tokens: Fan) -> Figure:
    largest = max(measurement.codebook_sizes, default=measurement.vocab_size or 0)
    if not largest:
        return absent("bytes", "vectors, no ids: their width is the model's", source="vocabulary")
    width = 2 if largest <= SHORT_IDS else 4
    said = f"{width} bytes per id ({largest:,} ids)"
    return figure(tokens * width, "bytes", basis="derived", source=said)


def _training(trained: Mapping[Modality, Fan], size: Fan | None, settings: Settings) -> tuple[Figure, Figure]:
    if size is None:
        reason = "no model size is known: give --parameters"
        return absent("FLOPs", reason), absent("GPU-hours", reason)
    flops = np.asarray(6 * size * sum(trained.values()))
    card = "H100 (dense bf16)" if settings.gpu_flops == H100_FLOPS else "the given GPU"
    said = f"{settings.gpu_flops / 1e12:.4g} TFLOP/s of {card}, {100 * settings.utilisation:.3g} % used: assumed"
    return (
        figure(flops, "FLOPs", basis="derived", source="C = 6 P N", confidence=settings.confidence),
        figure(flops / _flops_per_hour(settings), "GPU-hours", basis="assumed", source=said),
    )


def _money(hours: Mapping[str, Figure], gpu_hours: Figure, settings: Settings) -> dict[str, Figure]:
    prices, money = settings.prices, {}
    known = [figure for figure in hours.values() if figure.value is not None]
    if prices.machine_hour is not None and known:
        money["tokenising"] = _spent(known, prices.machine_hour, "hours x price of a machine-hour")
    if prices.gpu_hour is not None and gpu_hours.value is not None:
        money["training"] = _spent([gpu_hours], prices.gpu_hour, "GPU-hours x price of a GPU-hour")
    return money


def _spent(hours: Sequence[Figure], price: float, source: str) -> Figure:
    """Their sum times the price; the ends of ranges add up as if all were slow, or fast, together."""
    ranged = any(figure.low is not None for figure in hours)
    low = sum(each.value or 0.0 if each.low is None else each.low for each in hours)
    high = sum(each.value or 0.0 if each.high is None else each.high for each in hours)
    return Figure(
        value=price * sum(figure.value or 0.0 for figure in hours),
        low=price * low if ranged else None,
        high=price * high if ranged else None,
        confidence=hours[0].confidence,
        unit="money",
        basis="derived",
        source=source,
        range_holds=hours[0].range_holds,
    )
