"""A run of a million items makes a page below 3 MB; its time is measured in benchmarks/bench_report.py."""

from pathlib import Path

from benchmarks.bench_report import write_synthetic_run
from tokeff.reports.page import write_page


def test_a_page_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    sizes = []
    for n_items in (1_000, 60_000):
        run = tmp_path / str(n_items)
        write_synthetic_run(run, n_items)
        sizes.append(write_page(run).stat().st_size)
    assert max(sizes) < 3_000_000
    assert sizes[1] < 1.5 * sizes[0]
