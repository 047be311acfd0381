"""Bytes per token (C_i) by modality and tokenizer, with intervals, on one logarithmic axis."""

from collections.abc import Iterator

from tokeff.records.items import MODALITIES
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Profile
from tokeff.reports.numbers import digits, estimate
from tokeff.reports.page.blocks import Figure, Section, Table, cell, table
from tokeff.reports.page.charts import colour_of, intervals
from tokeff.reports.page.drawing import figure

X_NAME = "raw bytes per token, logarithmic"


def efficiency(profile: Profile) -> Section:
    """One figure per modality; all share their axis, so they can be compared by eye."""
    return Section(
        ident="efficiency",
        title="Bytes per token",
        lead=(
            "How many bytes of the decoded signal one token stands for (C_i), with the 95 % interval over items. "
            "More bytes per token mean fewer tokens for the same data, and say nothing of what the tokens lose.",
        ),
        blocks=tuple(_figures(profile)),
    )


def _figures(profile: Profile) -> Iterator[Figure]:
    for modality in MODALITIES:
        mine = [each for each in profile.measurements if each.modality == modality]
        if mine:
            yield _figure(modality, mine, _domain(profile), _extent(profile))


def _domain(profile: Profile) -> tuple[float, float]:
    ratios = [each.bytes_per_token for each in profile.measurements]
    low = min(ratio.low or ratio.value for ratio in ratios)
    return min(low / 1.3, 1.0), max(ratio.high or ratio.value for ratio in ratios) * 1.3


def _extent(profile: Profile) -> float:
    """Room for the longest name, in px, the same in every figure: equal axes then lie below each other."""
    return min(120.0, 10 + 7.0 * max(len(each.tokenizer) for each in profile.measurements))


def _figure(modality: str, mine: list[Measurement], domain: tuple[float, float], extent: float) -> Figure:
    rows = [
        {
            "name": each.tokenizer,
            "value": each.bytes_per_token.value,
            "low": each.bytes_per_token.low,
            "high": each.bytes_per_token.high,
            "said": f"{each.tokenizer}: {estimate(each.bytes_per_token)} bytes per token",
        }
        for each in mine
    ]
    spec = intervals(rows, x_name=X_NAME, colour=colour_of(modality), domain=domain)
    spec["encoding"]["y"]["axis"] = {"minExtent": extent}
    said = "; ".join(f"{each.tokenizer} {digits(each.bytes_per_token.value)}" for each in mine)
    return figure(
        modality.capitalize(),
        f"Bytes per token of {modality}: {said}.",
        spec,
        table=_behind(modality, mine),
    )


def _behind(modality: str, mine: list[Measurement]) -> Table:
    columns = ("tokenizer", "bytes per token", "low", "high", "stored bytes per token", "tokens per item", "counted")
    rows = []
    for each in mine:
        ratio, per_item = each.bytes_per_token, each.density.get("tokens_per_item")
        bounds = [
            cell(bound, digits(bound, 4)) if bound is not None else cell(None) for bound in (ratio.low, ratio.high)
        ]
        rows.append((
            cell(each.tokenizer),
            cell(ratio.value, digits(ratio.value, 5)),
            *bounds,
            cell(each.stored_bytes_per_token.value, estimate(each.stored_bytes_per_token)),
            cell(per_item, digits(per_item)) if per_item is not None else cell(None),
            cell(f"{each.counted}, {each.coverage}"),
        ))  # fmt: skip
    return table(f"Bytes per token, {modality}", columns, rows)
