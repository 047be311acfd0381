"""The first table of the page agrees with itself and with the terminal."""

from pathlib import Path

import pytest

import tokeff
from tokeff.reports.page.blocks import Table
from tokeff.reports.page.sections.overview import overview


def test_bits_per_token_are_those_of_the_rate_per_byte(tmp_path: Path) -> None:
    for number in range(16):
        (tmp_path / f"{number}.txt").write_text("the cat sat on the mat; " * 400)
    profile = tokeff.profile(tmp_path, tokenizers="bytes")
    (found,) = profile.measurements
    assert found.rate_bits_per_byte is not None
    assert found.rate_bits_per_byte < 0.9 * found.entropy["order0_bits_per_token"]  # the neighbour says much
    (table,) = overview(profile).blocks
    assert isinstance(table, Table)
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert cells["bits per token"].value == pytest.approx(found.rate_bits_per_byte)  # a token is a byte
    assert cells["bits per token"].text == cells["bits per raw byte"].text
