"""Token information: capacity and entropy in bits per token, and how much of a vocabulary or codebook is used."""

from collections.abc import Iterator

from tokeff.records.items import MODALITIES
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Profile
from tokeff.reports.numbers import digits, percent
from tokeff.reports.page.blocks import Cell, Figure, Section, Table, cell, table
from tokeff.reports.page.charts import grouped_bars
from tokeff.reports.page.drawing import figure

GIVEN = "given the one before"
SERIES = {
    "capacity": "capacity_bits_per_token",
    "entropy": "order0_miller_madow_bits_per_token",
    GIVEN: "order1_bits_per_token",
}
THIRD = (
    " The third bar is what an id costs once the one before is known, coded with counts of the other half of the "
    "items: on a small corpus it can exceed the entropy, which knows its own counts."
)
DIGITS = ("tokenizer", "part", "values", "never taken", "perplexity", "entropy, bits")
REASONS = {
    "continuous_tokens": "its tokens are vectors, not ids",
    "not_encoded": "tokens were counted from headers, not made",
}


def information(profile: Profile) -> Section:
    """A figure per modality that has tokenizers with ids; the others are named with the reason."""
    without = [
        f"{each.tokenizer} has no entropy: {REASONS.get(each.absent['entropy'], each.absent['entropy'])}."
        for each in profile.measurements
        if "entropy" in each.absent
    ]
    return Section(
        ident="information",
        title="What a token carries",
        lead=(
            "Capacity is what an id could carry (log2 of the number of ids), entropy what the ids of this corpus do "
            "carry." + THIRD * any(each.entropy.get(SERIES[GIVEN]) is not None for each in profile.measurements),
            *without,
        ),
        blocks=tuple(_blocks(profile)),
    )


def _blocks(profile: Profile) -> Iterator[Figure | Table]:
    for modality in MODALITIES:
        mine = [each for each in profile.measurements if each.modality == modality and each.entropy]
        if mine:
            yield _figure(modality, mine)
    if rows := [row for each in profile.measurements for row in _codebook(each)]:
        yield table("Codebooks: how each stream, or digit of a code, is used", DIGITS, rows)


def _codebook(each: Measurement) -> Iterator[tuple[Cell, ...]]:
    """A row for each stream; or for the whole code, then for each digit that it is made of."""
    for stream in each.entropy.get("streams", ()):
        size, bits = each.codebook_sizes[stream["stream"]], stream["order0_bits_per_token"]
        yield (
            cell(each.tokenizer), cell(f"stream {stream['stream'] + 1}"), cell(size), cell(size - stream["n_types"]),
            cell(stream["perplexity"], digits(stream["perplexity"])), cell(bits, digits(bits)),
        )  # fmt: skip
    codebook = each.entropy.get("codebook")
    if codebook is None:
        return
    n_dead, whole = codebook["n_dead_codes"], each.entropy
    bits = whole["order0_bits_per_token"]
    yield (
        cell(each.tokenizer), cell("whole code"), cell(whole["n_types"] + n_dead), cell(n_dead),
        _figure_or_reason(each, "entropy.perplexity", whole["perplexity"]), cell(bits, digits(bits)),
    )  # fmt: skip
    for place, level in enumerate(codebook.get("levels", ()), 1):
        yield (
            cell(each.tokenizer), cell(f"digit {place}"), cell(level["n_values"]), cell(level["n_dead"]),
            cell(level["perplexity"], digits(level["perplexity"])),
            cell(level["order0_bits"], digits(level["order0_bits"])),
        )  # fmt: skip


def _figure(modality: str, mine: list[Measurement]) -> Figure:
    rows = [
        {
            "name": each.tokenizer,
            "series": series,
            "value": each.entropy[name],
            "said": f"{each.tokenizer}, {series}: {digits(each.entropy[name])} bits per token",
        }
        for each in mine
        for series, name in SERIES.items()
        if each.entropy.get(name) is not None
    ]
    said = "; ".join(f"{each.tokenizer} {digits(each.entropy[SERIES['entropy']])}" for each in mine)
    present = [series for series in SERIES if any(row["series"] == series for row in rows)]
    return figure(
        modality.capitalize(),
        f"Bits per token of {modality}; entropy of {said}.",
        grouped_bars(rows, x_name="bits per token", series=present),
        table=_behind(modality, mine),
    )


def _behind(modality: str, mine: list[Measurement]) -> Table:
    columns = (
        "tokenizer", "ids", "ids that occur", "share used", "perplexity", "capacity, bits", "entropy, bits",
        "given the one before, bits", "Rényi efficiency (observed)", "bits per raw byte",
    )  # fmt: skip
    return table(f"Information, {modality}", columns, [_row(each) for each in mine])


def _row(each: Measurement) -> tuple[Cell, ...]:
    entropy = each.entropy
    renyi = entropy.get("renyi_efficiency") or {}
    order1 = entropy.get("order1_bits_per_token")
    return (
        cell(each.tokenizer),
        cell(each.vocab_size),
        cell(entropy["n_types"]),
        cell(entropy["utilisation"], percent(entropy["utilisation"], 1)),
        _figure_or_reason(each, "entropy.perplexity", entropy["perplexity"]),
        _figure_or_reason(each, "", entropy["capacity_bits_per_token"]),
        _figure_or_reason(each, "", entropy["order0_miller_madow_bits_per_token"]),
        _figure_or_reason(each, "entropy.order1_bits_per_token", order1),
        _figure_or_reason(each, "entropy.renyi_efficiency.observed", renyi.get("observed")),
        _figure_or_reason(each, "rate_bits_per_byte", each.rate_bits_per_byte),
    )


def _figure_or_reason(each: Measurement, name: str, value: float | None) -> Cell:
    """A figure, or why it is not there."""
    if value is not None:
        return cell(value, digits(value))
    return cell(None, each.absent.get(name, each.absent.get(name.rsplit(".", 1)[0], "–")).replace("_", " "))
