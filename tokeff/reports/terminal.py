"""A profile as a terminal shows it: one row per modality and tokenizer, then what a reader must know.

Leaves out the page (`tokeff.reports.page`) and the arithmetic (`tokeff.measures`).
"""

import json
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Literal

from rich.table import Table

from tokeff.measures.saved import to_json
from tokeff.records.items import Failure
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Profile
from tokeff.reports.cautions import cautions
from tokeff.reports.console import console
from tokeff.reports.numbers import ABSENT, estimate, optional, percent, quantity
from tokeff.reports.retained import kept_share
from tokeff.reports.wording import quarantined, sentence, unprintable

COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("", "left"),
    ("tokenizer", "left"),
    ("items", "right"),
    ("raw", "right"),
    ("tokens", "right"),
    ("bytes/token (95 %)", "left"),
    ("bits/token", "right"),
    ("bits/byte", "right"),
    ("kept", "right"),
    ("MB/s", "right"),
    ("err", "right"),
)

SPARE = ("raw", "MB/s", "bits/byte", "tokens", "bits/token")
"""Columns that a narrow terminal does without, the first to go first."""
NAME_WIDTHS = (20, 12)
"""Longer names take several lines; the second width where the first does not fit."""
N_SHOWN = 5
"""Failures told in their own words."""


def print_profile(profile: Profile, out: Path | None, *, page: bool = False) -> None:
    """The table, alerts, failures and a sentence per modality; `page`: the run directory has a report.html."""
    screen = console()
    table, left_out = profile_table(profile, screen.width)
    screen.print(table)
    if left_out:
        screen.print(f"A wider terminal shows {', '.join(left_out)} too.", style="dim")
    for line in notes(profile):
        screen.print(line, soft_wrap=False)
    if out:
        names = ["report.html"] * page + ["measurements.json", "items.parquet", "errors.jsonl", "run.json"]
        screen.print(f"Kept in {out}: {', '.join(names)}.", style="dim")
    else:
        screen.print("Nothing was kept. -o RUN keeps the run, with report.html: a page to look at.", style="dim")


def print_profile_json(profile: Profile) -> None:
    """What measurements.json holds."""
    content = {"schema": "tokeff.measurements/1", "measurements": [to_json(each) for each in profile.measurements]}
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def profile_table(profile: Profile, width: int = 100) -> tuple[Table, tuple[str, ...]]:
    """One row per modality and tokenizer, and the columns that are left out because so many do not fit."""
    screen = console()
    roomy = screen.options.update(max_width=10 * width)
    for n_left_out, name_width in product(range(len(SPARE) + 1), NAME_WIDTHS):
        table = _table(profile, SPARE[:n_left_out], name_width)
        if screen.measure(table, options=roomy).maximum <= width:
            break
    return table, SPARE[:n_left_out]


def _table(profile: Profile, left_out: tuple[str, ...], name_width: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    shown = [place for place, (name, _) in enumerate(COLUMNS) if name not in left_out]
    for name, justify in (COLUMNS[place] for place in shown):
        named = name == "tokenizer"
        width = name_width if named else None
        table.add_column(name, justify=justify, no_wrap=not named, overflow="fold", max_width=width)
    for each in profile.measurements:
        cells = _cells(each)
        table.add_row(*(cells[place] for place in shown))
    return table


def _cells(each: Measurement) -> tuple[str, ...]:
    return (
        each.modality,
        each.tokenizer,
        f"{each.n_items:,}",
        quantity(each.raw_bytes, "B"),
        quantity(each.n_tokens),
        estimate(each.bytes_per_token),
        optional(each.rate_bits_per_token),
        optional(each.rate_bits_per_byte),
        _kept(each),
        optional(_encode_rate(each), 2),
        f"{each.n_errors:,}" if each.n_errors else ABSENT,
    )


def _kept(each: Measurement) -> str:
    share = kept_share(each)
    return ABSENT if share is None else percent(share)


def _encode_rate(each: Measurement) -> float | None:
    rates = each.throughput.get("encode", {}).get("raw_megabytes_per_second")
    return rates["median"] if rates else None


def notes(profile: Profile) -> Iterator[str]:
    """What stands under the table: how to read it, alerts, what was quarantined or left out."""
    yield ""
    for note in profile.run.get("corpus", {}).get("notes", ()):
        yield unprintable(note)
    for each in profile.measurements:
        yield sentence(each)
    for caution in cautions(profile):
        yield f"! {', '.join(caution.about) + ': ' if caution.about else ''}{caution.sentence}"
    if profile.n_err:
        shown = _one_per_reason(profile.examples)
        yield f"! {quarantined(profile)}{', for example' if len(shown) < profile.n_err else ''}:"
        for failure in shown:
            named = failure.message if failure.key in failure.message else f"{failure.key}: {failure.message}"
            yield f"    {unprintable(named)}"
    if profile.n_ignored:
        yield f"{profile.n_ignored:,} items of other modalities were left out: no -t names a tokenizer for them."


def _one_per_reason(failures: Iterable[Failure]) -> list[Failure]:
    """The first failure of each reason, few of them: three of one kind would hide the others."""
    firsts: dict[str, Failure] = {}
    for failure in failures:
        firsts.setdefault(failure.reason, failure)
    return list(firsts.values())[:N_SHOWN]
