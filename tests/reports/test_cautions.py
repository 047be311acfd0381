"""Dead codes and dead digits of codes: said where there are tokens enough to know, in the terminal and in the page."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tokeff.records.items import Failure
from tokeff.records.measurements import Estimate, Measurement
from tokeff.records.runs import Profile
from tokeff.reports.cautions import cautions
from tokeff.reports.page.blocks import Table
from tokeff.reports.page.sections.information import information
from tokeff.reports.page.sections.overview import overview
from tokeff.reports.terminal import notes, profile_table


def level(n_values: int, n_dead: int) -> dict[str, Any]:
    return {"n_values": n_values, "n_dead": n_dead, "order0_bits": 1.5, "perplexity": 2.8, "shares": []}


def measured(n_tokens: int, n_types: int) -> Measurement:
    """A codebook of 8 x 5 codes, some of which never occur."""
    entropy = {
        "n_types": n_types, "utilisation": n_types / 40, "perplexity": 9.0, "capacity_bits_per_token": 5.32,
        "order0_bits_per_token": 3.2, "order0_miller_madow_bits_per_token": 3.2, "order1_bits_per_token": 3.0,
        "renyi_efficiency": {"observed": 0.8, "vocabulary": 0.7},
        "codebook": {"n_dead_codes": 40 - n_types, "levels": [level(8, 5), level(5, 0)]},
    }  # fmt: skip
    ratio = Estimate(value=12.0, low=11.9, high=12.1)
    return Measurement(
        modality="image", tokenizer="fsq", family="vq", card_sha256="0" * 64, device="cpu", dtype="float32",
        n_items=40, n_errors=0, stored_bytes=10**6, raw_bytes=12 * n_tokens, n_tokens=n_tokens, n_positions=n_tokens,
        vocab_size=40, codebook_sizes=(40,), coverage="census", counted="encoded", bytes_per_token=ratio,
        stored_bytes_per_token=ratio, tokens_per_byte=1 / 12, rate_bits_per_byte=0.27, entropy=entropy,
    )  # fmt: skip


def profile(each: Measurement) -> Profile:
    return Profile(
        measurements=(each,), population={}, n_in=40, n_ok=40, n_err=0, n_ignored=0, failures={}, examples=(),
        alerts=(), run={},
    )  # fmt: skip


def test_dead_codes_and_digits_are_said() -> None:
    found = {caution.code: caution for caution in cautions(profile(measured(4000, 15)))}
    assert "15 of 40 codes occur" in found["dead_codes"].sentence
    assert "digit 1 takes 3 of 8 values" in found["dead_levels"].sentence
    assert "digit 2" not in found["dead_levels"].sentence
    assert any("digit 1 takes 3 of 8 values" in line for line in notes(profile(measured(4000, 15))))


@pytest.mark.parametrize(("n_tokens", "n_types"), [(100, 15), (4000, 40)])
def test_nothing_is_said_of_few_tokens_or_a_codebook_in_use(n_tokens: int, n_types: int) -> None:
    each = measured(n_tokens, n_types)
    if n_types == 40:
        each = replace(each, entropy={**each.entropy, "codebook": {"n_dead_codes": 0, "levels": [level(8, 0)]}})
    assert not {caution.code for caution in cautions(profile(each))} & {"dead_codes", "dead_levels"}


def test_codes_of_several_codebooks_are_counted_together() -> None:
    each = replace(measured(4000, 15), codebook_sizes=(40, 40, 40))
    each = replace(each, entropy={**each.entropy, "n_types": 55, "utilisation": 55 / 120})
    found = {caution.code: caution for caution in cautions(profile(each))}
    assert "55 of 120 codes occur, with 33.3 tokens per code" in found["dead_codes"].sentence
    few = replace(each, n_tokens=120)
    assert "dead_codes" not in {caution.code for caution in cautions(profile(few))}


def test_the_page_has_a_table_of_digits() -> None:
    tables = [block for block in information(profile(measured(4000, 15))).blocks if isinstance(block, Table)]
    (table,) = tables
    rows = [[cell.text for cell in row[:4]] for row in table.rows]
    assert rows == [["fsq", "whole code", "40", "25"], ["fsq", "digit 1", "8", "5"], ["fsq", "digit 2", "5", "0"]]


def test_streams_have_rows_of_their_own() -> None:
    each = measured(4000, 40)
    streams = [
        {"stream": k, "n_types": 30 + k, "utilisation": 0.8, "perplexity": 20.0, "order0_bits_per_token": 4.3}
        for k in range(2)
    ]
    entropy = {**{k: v for k, v in each.entropy.items() if k != "codebook"}, "perplexity": None, "streams": streams}
    residual = replace(each, entropy=entropy, codebook_sizes=(32, 64), absent={"entropy.perplexity": "several_streams"})
    tables = [block for block in information(profile(residual)).blocks if isinstance(block, Table)]
    assert [[cell.text for cell in row[1:4]] for row in tables[0].rows] == [
        ["stream 1", "32", "2"],
        ["stream 2", "64", "33"],
    ]


def test_the_page_and_the_rows_have_the_bits_per_token_of_the_terminal() -> None:
    """The best code that the sample supports, in each of them: bits per byte times bytes per token."""
    found = profile(measured(4000, 40))
    (table,) = overview(found).blocks
    assert isinstance(table, Table)
    shown = dict(zip(table.columns, table.rows[0], strict=True))
    assert shown["bits per token"].value == pytest.approx(0.27 * 12)
    assert found.rows()[0]["bits_per_token"] == pytest.approx(0.27 * 12)
    assert "3.24" in list(profile_table(found)[0].columns[6].cells)


def test_a_third_bar_is_spoken_of_where_there_is_one() -> None:
    each = measured(4000, 40)
    assert "third bar" in information(profile(each)).lead[0]
    without = replace(each, entropy={**each.entropy, "order1_bits_per_token": None})
    assert "third bar" not in information(profile(without)).lead[0]


def test_one_failure_of_each_reason_is_told() -> None:
    failures = tuple(
        Failure(key=f"{reason}{n}", modality=None, stage="find", reason=reason, message="bad", stored_bytes=1)
        for reason in ("unknown_type", "truncated", "not_utf8")
        for n in range(4)
    )
    reasons = {"unknown_type": 4, "truncated": 4, "not_utf8": 4}
    found = replace(profile(measured(4000, 40)), n_err=12, failures=reasons, examples=failures)
    told = [line.strip() for line in notes(found) if line.startswith("    ")]
    assert told == ["unknown_type0: bad", "truncated0: bad", "not_utf80: bad"]


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_narrow_terminal_keeps_the_names_and_the_headline(width: int) -> None:
    """Columns are left out as a whole, and said to be; none is cut and no tokenizer loses its name."""
    long = replace(measured(4000, 15), tokenizer="bpe:vocabularies/of/mine/tokenizer.json")
    found = replace(profile(long), measurements=(long, measured(4000, 40)))
    table, left_out = profile_table(found, width)
    screen = Console(width=width, file=StringIO(), highlight=False, markup=False)
    screen.print(table)
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= width
    assert "bytes/token (95 %)" in lines[0]
    place = lines[0].index("tokenizer")
    assert long.tokenizer in "".join(line[place:].split(" ")[0] for line in lines[1:])
    assert bool(left_out) == (width < 100)
    assert all(name not in lines[0].split() for name in left_out)
