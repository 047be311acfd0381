"""The kept information of a measurement as a list of cells, where it was measured. Leaves out how it is shown."""

from dataclasses import dataclass

from tokeff.records.measurements import MIDDLE_SCALE, Measurement
from tokeff.reports.numbers import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The share of the information at one depth and scale that the tokens keep."""

    depth: int
    """Bits per sample."""
    scale: int
    """The signal reduced so many times; 1 is full size."""
    value: float


def retained_shares(each: Measurement) -> tuple[Share, ...]:
    """From full depth and full scale down; () where it was not measured (`absent` then has the reason)."""
    table = each.reconstruction.get("retained_share") or {}
    shares = [
        Share(depth=int(depth), scale=int(scale), value=value)
        for depth, by_scale in table.items()
        for scale, value in by_scale.items()
        if value is not None
    ]
    return tuple(sorted(shares, key=lambda share: (-share.depth, share.scale)))


def kept_share(each: Measurement) -> float | None:
    """The share that the tokens keep, at full depth and a quarter of the size; all where every item came back."""
    if missing_bits(each) == 0:
        return 1.0
    return next((share.value for share in retained_shares(each) if share.scale == MIDDLE_SCALE), None)


def missing_bits(each: Measurement) -> float | None:
    """H(X | reconstruction) in bits per raw byte at full depth and scale; None where it was not measured."""
    value = each.reconstruction.get("entropy_bits_per_byte")
    return None if value is None else float(value)


def said_missing(each: Measurement) -> str:
    """What is missing per raw byte and kept at the middle fidelity, with their intervals; "" where there are none."""
    spread, value = each.reconstruction.get("intervals") or {}, missing_bits(each)
    if value is None or not spread:
        return ""
    missing, kept = spread["entropy_bits_per_byte"], spread["retained_share"]
    low, high = (None if missing[end] is None else f"{missing[end]:.3g}" for end in ("low", "high"))
    said = [f"{value:.3g} bits per raw byte are missing{_between(low, high)}"]
    share = next(
        (s.value for s in retained_shares(each) if (s.depth, s.scale) == (kept["depth_bits"], kept["scale"])), None
    )
    if share is not None:
        low, high = (None if kept[end] is None else percent(kept[end], 1) for end in ("low", "high"))
        said.append(f"{percent(share, 1)} is kept at scale 1/{kept['scale']}{_between(low, high)}")
    return f" {'; '.join(said)}."


def _between(low: str | None, high: str | None) -> str:
    return "" if low is None or high is None else f" ({low} to {high})"
