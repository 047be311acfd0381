"""A comparison as rows of text, the same for terminal, Markdown, LaTeX, CSV and page. Leaves out their syntax."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokeff.records.comparisons import Comparison, Contrast, Metric, Standing
from tokeff.records.items import Modality
from tokeff.reports.numbers import ABSENT, digits
from tokeff.reports.page.blocks import Cell, Table, cell, table
from tokeff.reports.wording import unprintable

MARKS = {"better": "+", "worse": "−", "undecided": "="}
LEGEND = "+ better than the baseline beyond chance, − worse, = not to be told apart."


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One modality of a comparison: its table, the sentences under it, and the table of parts of the corpus."""

    modality: Modality
    table: Table
    sentences: tuple[str, ...]
    groups: Table | None
    """None where all items are of one part."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """All of them, for a document."""
        return (self.table, self.groups) if self.groups else (self.table,)


def parts(comparison: Comparison) -> Iterator[Part]:
    """Modality by modality."""
    for modality, baseline in comparison.baselines.items():
        standings = [each for each in comparison.standings if each.modality == modality]
        metrics = [m for m in comparison.metrics if any(each.values[m.name] is not None for each in standings)]
        n_common, n_dropped = comparison.n_common[modality], comparison.n_dropped[modality]
        caption = f"{modality}: {n_common:,} common items, baseline {unprintable(baseline)}"
        rows = [_row(comparison, each, metrics) for each in standings]
        yield Part(
            modality=modality,
            table=table(caption, ["tokenizer", *_columns(metrics)], rows),
            sentences=tuple(map(unprintable, _sentences(comparison, modality, metrics, n_dropped))),
            groups=_groups(comparison, modality),
        )


def _columns(metrics: Sequence[Metric]) -> Iterator[str]:
    for metric in metrics:
        yield metric.title
        if metric.name == "bytes_per_token":
            yield "× baseline"


def _row(comparison: Comparison, standing: Standing, metrics: Sequence[Metric]) -> list[Cell]:
    cells = [cell(standing.system)]
    for metric in metrics:
        value = standing.values[metric.name]
        found = comparison.contrast(standing.modality, metric.name, standing.system)
        shown = ABSENT if value is None else digits(value, 3 if metric.kind == "ratio" else 4)
        if metric.name == "bytes_per_token":
            cells += [cell(value, shown), _against(found)]
        elif found is not None and found.kind == "difference":
            cells.append(cell(value, f"{shown} {MARKS[found.verdict]}"))
        else:
            cells.append(cell(value, shown))
    return cells


def _against(found: Contrast | None) -> Cell:
    if found is None:
        return cell(1.0, "1")
    return cell(found.value, f"{interval(found.value, found.low, found.high)} {MARKS[found.verdict]}")


def interval(value: float, low: float | None, high: float | None) -> str:
    """A ratio or difference with its interval.

    >>> interval(0.446254, 0.34547, 0.57824), interval(2.0, None, None)
    ('0.446 [0.345, 0.578]', '2.00')
    """
    if low is None or high is None:
        return digits(value)
    return f"{digits(value)} [{digits(low)}, {digits(high)}]"


def _sentences(comparison: Comparison, modality: Modality, metrics: Sequence[Metric], n_dropped: int) -> Iterator[str]:
    titles = {metric.name: metric.title for metric in metrics}
    for winner in comparison.winners:
        if winner.modality == modality:
            yield winner.sentence
    for front in comparison.fronts:
        if front.modality == modality:
            beaten = f"; beaten: {', '.join(front.beaten)}" if front.beaten else ""
            yield f"Bytes per token with {titles[front.metric]}: no other beats {', '.join(front.members)}{beaten}."
    if n_dropped:
        yield f"{n_dropped:,} {modality} items were left out: not every tokenizer has them."


def _groups(comparison: Comparison, modality: Modality) -> Table | None:
    """Bytes per token by part of the corpus and tokenizer, with the ratio to the baseline; None for one part."""
    mine = [each for each in comparison.groups if each.modality == modality]
    if not mine:
        return None
    systems = list(dict.fromkeys(each.system for each in mine))
    names = list(dict.fromkeys(each.group for each in mine))
    if comparison.grouped_by in {"language", "script"}:
        names.sort(key=lambda name: -max(each.n_items for each in mine if each.group == name))
    by_place = {(each.group, each.system): each for each in mine}
    rows = []
    for name in names:
        n_items = next(each.n_items for each in mine if each.group == name)
        cells = [cell(name or "(top)"), cell(n_items)]
        for system in systems:
            found = by_place.get((name, system))
            if found is None:
                cells.append(cell(None))
            elif system == comparison.baselines[modality]:
                cells.append(cell(found.bytes_per_token, digits(found.bytes_per_token)))
            else:
                shown = f"{digits(found.bytes_per_token)}, × {interval(found.ratio, found.low, found.high)}"
                cells.append(cell(found.bytes_per_token, shown))
        rows.append(cells)
    kind = comparison.grouped_by
    return table(f"{modality}: bytes per token by {kind}", [kind, "items", *map(unprintable, systems)], rows)
