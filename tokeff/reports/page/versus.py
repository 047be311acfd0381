"""The page of a comparison: tables, ratios to the baseline, fronts, groups."""

from collections.abc import Iterator, Mapping

from tokeff.records.comparisons import Comparison, Metric
from tokeff.records.items import Modality
from tokeff.reports.comparison_rows import LEGEND, Part, interval, parts
from tokeff.reports.numbers import digits
from tokeff.reports.page.assembly import render
from tokeff.reports.page.blocks import Block, Figure, Message, Section
from tokeff.reports.page.charts import colour_of, intervals, points
from tokeff.reports.page.drawing import figure
from tokeff.reports.wording import unprintable


def comparison_page(comparison: Comparison) -> str:
    """HTML of a comparison."""
    sections = [_section(comparison, part) for part in parts(comparison)]
    notes = tuple(Message(text=unprintable(note), code="allowed") for note in comparison.notes)
    how = Section(
        ident="how",
        title="How to read it",
        lead=(
            "Every tokenizer went through the same items, so differences are taken item by item: what the items "
            "differ in falls out. " + LEGEND,
            "The intervals of one column hold together with 95 %. Speed and missing bits are of the whole run, each "
            "on its own, and have no paired interval.",
        ),
        blocks=notes,
    )
    names = list(dict.fromkeys(each.system for each in comparison.standings))
    return render(unprintable(f"Comparison of {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}"),
                  [*sections, how])  # fmt: skip


def _section(comparison: Comparison, part: Part) -> Section:
    figures = (*_ratios(comparison, part.modality), *_fronts(comparison, part.modality))
    first, *others = part.tables
    blocks: tuple[Block, ...] = (first, *figures, *others)
    return Section(ident=part.modality, title=part.modality.capitalize(), lead=part.sentences, blocks=blocks)


def _ratios(comparison: Comparison, modality: Modality) -> Iterator[Figure]:
    found = [c for c in comparison.contrasts if c.modality == modality and c.metric == "bytes_per_token"]
    baseline = comparison.baselines[modality]
    rows = [
        {"name": c.system, "value": c.value, "low": c.low, "high": c.high,
         "said": f"{c.system}: {interval(c.value, c.low, c.high)} times the bytes per token of {baseline}"}
        for c in found
    ]  # fmt: skip
    if rows:
        rows.append({"name": baseline, "value": 1.0, "low": None, "high": None, "said": f"{baseline}: the baseline"})
        spec = intervals(
            rows, x_name=f"times the bytes per token of {baseline}", colour=colour_of(modality), domain=None
        )
        alt = "; ".join(str(row["said"]) for row in rows)
        yield figure(f"Bytes per token against {baseline}", alt, spec)


def _fronts(comparison: Comparison, modality: Modality) -> Iterator[Figure]:
    metrics: Mapping[str, Metric] = {metric.name: metric for metric in comparison.metrics}
    standings = {each.system: each for each in comparison.standings if each.modality == modality}
    for front in comparison.fronts:
        if front.modality != modality:
            continue
        metric = metrics[front.metric]
        rows = [
            {
                "name": name,
                "x": standings[name].values["bytes_per_token"],
                "y": standings[name].values[metric.name],
                "front": name in front.members,
                "said": f"{name}: {digits(standings[name].values['bytes_per_token'] or 0)} bytes per token, "
                f"{metric.title} {digits(standings[name].values[metric.name] or 0)}",
            }
            for name in (*front.members, *front.beaten)
        ]
        if len({row["y"] for row in rows}) == 1:
            # The sentences say that all are equal.
            continue
        axis = metric.title if metric.more_is_better else f"{metric.title} (less is better)"
        spec = points(
            rows,
            x_name="raw bytes per token, logarithmic",
            y_name=axis,
            colour=colour_of(modality),
            log_y=metric.kind == "ratio",
        )
        alt = f"No other tokenizer beats {', '.join(front.members)} in both."
        yield figure(f"Bytes per token and {metric.title}; filled: beaten by no other", alt, spec)
