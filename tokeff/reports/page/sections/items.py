"""Items: how many tokens each has, which have most, and how folders and kinds of files differ."""

from collections.abc import Iterator, Mapping

from tokeff.records.measurements import Estimate
from tokeff.records.runs import Profile
from tokeff.reports.numbers import digits, estimate, quantity
from tokeff.reports.page.blocks import Cell, Figure, Section, Table, cell, table
from tokeff.reports.page.charts import colour_of, histogram, intervals
from tokeff.reports.page.drawing import figure
from tokeff.reports.page.spoken import Spoken
from tokeff.reports.page.statistics import Group, ItemStatistics, Spread, Who, coarse
from tokeff.reports.wording import unprintable

MAX_FIGURES = 8
"""Tokenizers with a figure of their own; the tables have all."""
MAX_BARS = 14


def spreads(profile: Profile, found: ItemStatistics) -> Section:
    """Tokens per item: a histogram per tokenizer, quantiles, and the longest items by name."""
    figures = [_histogram(who, spread) for who, spread in _firsts(found.spreads)]
    tables = (_quantiles(found.spreads), _longest(found.spreads)) if found.spreads else ()
    lead = (
        "How many tokens an item becomes. The longest items decide how long a context must be, and how much a batch "
        "is padded."
    )
    if not found.spreads:
        lead = "This run kept no rows of single items."
    return Section(ident="items", title="Tokens per item", lead=(lead,), blocks=(*figures, *tables))


def _firsts(spreads: Mapping[Who, Spread]) -> list[tuple[Who, Spread]]:
    return [(who, spread) for who, spread in spreads.items() if spread.bins][:MAX_FIGURES]


def _histogram(who: Who, spread: Spread) -> Figure:
    modality, tokenizer = who
    bins = coarse(spread.bins, 12 if sum(spread.bins.values()) < 100 else 40)
    rows = [
        {"low": low, "high": high, "n": n, "said": f"{n:,} items of {quantity(low)} to {quantity(high)} tokens"}
        for low, high, n in bins
    ]
    middle = quantity(spread.quantile(0.5), significant=2)
    return figure(
        f"{tokenizer} ({modality})",
        f"Histogram of tokens per item, {tokenizer}: half of the items have fewer than about {middle} tokens.",
        histogram(rows, x_name="tokens per item, logarithmic", y_name="items", colour=colour_of(modality)),
        small=True,
        table=table(
            f"Tokens per item, {tokenizer}",
            ("from", "to", "items"),
            [(cell(low, quantity(low)), cell(high, quantity(high)), cell(n)) for low, high, n in bins],
        ),
    )


def _quantiles(spreads: Mapping[Who, Spread]) -> Table:
    shares = {"a tenth below": 0.1, "half below": 0.5, "nine tenths below": 0.9, "99 % below": 0.99}
    rows = [
        (
            cell(tokenizer),
            cell(modality),
            *(cell(q := spread.quantile(share), f"~{quantity(q, significant=2)}") for share in shares.values()),
            cell(spread.longest[0][0]),
            cell(spread.n_without),
        )
        for (modality, tokenizer), spread in spreads.items()
        if spread.bins
    ]
    columns = ("tokenizer", "modality", *shares, "most", "items without a token")
    return table("Tokens per item (quantiles to about 9 %)", columns, rows)


def _longest(spreads: Mapping[Who, Spread]) -> Table:
    rows = [
        (cell(key), cell(modality), cell(tokenizer), cell(n))
        for (modality, tokenizer), spread in spreads.items()
        for n, key in spread.longest
    ]
    return table("The longest items", ("item", "modality", "tokenizer", "tokens"), rows)


def breakdown(found: ItemStatistics, by_language: Spoken | None) -> Section:
    """Bytes per token by language, folder and file ending, where there is more than one."""
    kinds: list[tuple[Mapping[Who, Mapping[str, Group]], str, bool]] = [
        (found.folders, "folder", True),
        (found.endings, "file ending", False),
    ]
    if by_language:
        kinds.insert(0, (by_language.groups, by_language.found.kind, True))
    blocks = tuple(block for groups, kind, figures in kinds for block in _breakdowns(groups, kind, figures=figures))
    lead = (
        "Bytes per token of each part of the corpus, with 95 % intervals from 10 items on. Compare tokenizers within a "
        "part; across scripts remember that a letter takes one byte of UTF-8 in one and three in another."
    )
    if not blocks:
        lead = "All items lie in one folder and are of one kind and language, as far as is known: no parts to compare."
    said = (by_language.found.sentence,) if by_language else ()
    return Section(ident="parts", title="Parts of the corpus", lead=(lead, *said), blocks=blocks)


def _breakdowns(groups: Mapping[Who, Mapping[str, Group]], kind: str, *, figures: bool) -> Iterator[Figure | Table]:
    n_figures = 0
    for (modality, tokenizer), held in groups.items():
        if len(held) < 2:
            continue
        behind = table(f"{tokenizer} ({modality}) by {kind}", (kind, "items", "raw bytes", "tokens", "bytes per token"),
                       [_row(name, group) for name, group in held.items()])  # fmt: skip
        bars = _bars(held)
        differ = len({bar["value"] for bar in bars}) > 1
        if figures and n_figures < MAX_FIGURES and differ:
            n_figures += 1
            said = f"Bytes per token of {tokenizer} by {kind}: " + "; ".join(str(bar["said"]) for bar in bars)
            spec = intervals(bars, x_name="bytes per token, logarithmic", colour=colour_of(modality), domain=None)
            yield figure(f"{tokenizer} ({modality}) by {kind}", said, spec, table=behind)
        else:
            yield behind


def _bars(held: Mapping[str, Group]) -> list[dict[str, object]]:
    known = [(name, found) for name, group in held.items() if (found := group.interval())]
    chosen = sorted(known[:MAX_BARS], key=lambda named: -named[1].value)
    return [
        {"name": unprintable(name) or "(top)", "value": f.value, "low": f.low, "high": f.high,
         "said": f"{unprintable(name)} {digits(f.value)}"}
        for name, f in chosen
    ]  # fmt: skip


def _row(name: str, group: Group) -> tuple[Cell, ...]:
    found = group.interval()
    ratio = Estimate(value=found.value, low=found.low, high=found.high) if found else None
    return (
        cell(name or "(top)"),
        cell(group.n),
        cell(group.x, quantity(group.x, "B")),
        cell(group.y, quantity(group.y)),
        cell(ratio.value, estimate(ratio)) if ratio else cell(None),
    )
