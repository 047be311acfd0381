"""Statistics over rows: against plain Python over the same rows; a page of a million items stays small."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokeff.engine.groups import at_one_depth
from tokeff.reports.page.charts import ticks
from tokeff.reports.page.statistics import coarse, item_statistics

KEYS = ["c/en/a.txt", "c/en/b.TXT", "c/de/x/y/z.md", "c/de/q", "c/all.txt#L3", "c/all.txt#L4", "c/.hidden", "e.tar.gz"]
FOLDERS = ["c/en", "c/en", "c/de/x", "c/de", "c/all.txt", "c/all.txt", "c", ""]
ENDINGS = [".txt", ".txt", ".md", "(none)", ".txt", ".txt", "(none)", ".gz"]


def write_rows(run: Path, keys: list[str], tokens: list[int], raw: list[int], *, tokenizer: str = "t") -> None:
    columns = {"key": keys, "modality": ["text"] * len(keys), "tokenizer": [tokenizer] * len(keys)}
    pq.write_table(pa.table({**columns, "raw_bytes": raw, "n_tokens": tokens}), run / "items.parquet")


def test_groups_by_folder_and_ending(tmp_path: Path) -> None:
    tokens, raw = [2**k for k in range(8)], [3 * 2**k for k in range(8)]
    write_rows(tmp_path, KEYS, tokens, raw)
    found = item_statistics(tmp_path)
    for groups, names in ((found.folders, FOLDERS), (found.endings, ENDINGS)):
        wanted: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for name, n_tokens, n_bytes in zip(names, tokens, raw, strict=True):
            wanted[name] = [a + b for a, b in zip(wanted[name], (1, n_tokens, n_bytes), strict=True)]
        got = {name: [group.n, group.y, group.x] for name, group in groups["text", "t"].items()}
        assert got == wanted


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200))
def test_bins_hold_every_item_and_quantiles_are_near(tokens: list[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder), [str(k) for k in range(len(tokens))], tokens, tokens)
        spread = item_statistics(Path(folder)).spreads["text", "t"]
    some = [n for n in tokens if n]
    assert spread.n_without == len(tokens) - len(some)
    assert sum(spread.bins.values()) == sum(n for *_, n in coarse(spread.bins)) == len(some)
    assert [n for n, _ in spread.longest] == sorted(tokens, reverse=True)[:3]
    if some:
        exact = float(np.quantile(some, 0.5, method="inverted_cdf"))
        assert spread.quantile(0.5) == pytest.approx(exact, rel=0.1)


@given(st.lists(st.text("ab/", max_size=9), min_size=1, max_size=60))
def test_folders_are_merged_upwards_only(names: list[str]) -> None:
    merged = at_one_depth(names)
    assert set(merged) == set(names)
    assert all(name == into or name.startswith(f"{into}/") for name, into in merged.items())


@given(st.floats(1e-6, 1e9), st.floats(1.0, 1e9))
def test_ticks_lie_on_the_axis_and_are_few(low: float, factor: float) -> None:
    places = ticks(low, low * factor)
    assert all(low <= place <= low * factor for place in places)
    assert places == sorted(set(places))
    assert len(places) <= 12
    if factor > 1.3:
        assert len(places) >= 2
