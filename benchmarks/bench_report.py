"""Time and size of the page of a run with many items: synthetic rows, four tokenizers.

    python benchmarks/bench_report.py [--items 1000000]

Writes benchmarks/results/report.json.
"""

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow.parquet as pq

from tokeff.engine.directory import RunDirectory
from tokeff.engine.environment import library_versions, machine
from tokeff.engine.options import Options
from tokeff.measures.measurement import measurement
from tokeff.measures.rows import tally_of_columns
from tokeff.measures.saved import to_json
from tokeff.records.items import Failure
from tokeff.records.tallies import Tally
from tokeff.reports.page import write_page
from tokeff.tokenizers.registry import Registry

TOKENIZERS = ("tekken", "bytes", "jpeg-q75", "qwen2-vl")
CHUNK = 4096


def write_synthetic_run(folder: Path, n_items: int) -> None:
    """A run directory as a real one is written, but for random numbers of bytes and tokens."""
    registry = Registry.load()
    cards = [registry.card(name) for name in TOKENIZERS]
    draw = np.random.default_rng(0)
    tallies = {card.name: Tally() for card in cards}
    with RunDirectory.create(folder) as directory:
        for start in range(0, n_items // 2, CHUNK):
            for card in cards:
                tally = _tally(draw, start, min(CHUNK, n_items // 2 - start), card.modality)
                directory.add_rows(card.modality, card.name, tally)
                tallies[card.name] += tally
        names = (f"{card.modality}/damaged {k}" for card in cards for k in range(200))
        failures = [Failure(key=name, modality=None, stage="find", reason="x", message="y" * 200) for name in names]
        directory.add_failures(failures)
        measured = [
            measurement(card, tallies[card.name], codebook_sizes=(), n_errors=0, device="cpu", dtype="float32",
                        throughput={}, absent={"reconstruction": "no_decoder"})
            for card in cards
        ]  # fmt: skip
        population = {m: {"n_items": n_items // 2, "stored_bytes": n_items * 1000} for m in ("text", "image")}
        directory.finish([to_json(each) for each in measured], {
            "arguments": Options(paths=("synthetic",)).to_json(), "seed": 0,
            "corpus": {"fingerprint": "0" * 64, "population": population},
            "totals": {"n_in": n_items + 800, "n_ok": n_items, "n_err": 800, "n_ignored": 0},
            "failures": {"x": 800}, "alerts": [],
            "cards": [asdict(card) | {"completed": {}} for card in cards], "verified": {}, "device": "cpu",
            "dtype": "float32", "machine": machine(), "libraries": library_versions(), "decoding": {}, "seconds": 0.0,
        })  # fmt: skip


def _tally(draw: np.random.Generator, start: int, n: int, modality: str) -> Tally:
    raw = draw.lognormal(8, 1.5, n).astype(int) + 1
    tokens = np.maximum(1, (raw / draw.lognormal(1.3, 0.3, n)).astype(int))
    places = range(start, start + n)
    keys = [f"corpus/{modality}/{place % 700:03d}/some folder/item number {place}.{modality[:3]}" for place in places]
    columns = {"raw_bytes": raw.tolist(), "stored_bytes": raw.tolist(), "n_tokens": tokens.tolist(),
               "n_positions": tokens.tolist()}  # fmt: skip
    return tally_of_columns(keys, columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    n_items = parser.parse_args().items
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        write_synthetic_run(run, n_items)
        start = perf_counter()
        page = write_page(run)
        result = {
            "n_items": n_items,
            "n_rows": pq.ParquetFile(run / "items.parquet").metadata.num_rows,
            "seconds": round(perf_counter() - start, 2),
            "page_bytes": page.stat().st_size,
            "machine": machine(),
            "libraries": library_versions(),
        }
    out = Path(__file__).parent / "results" / "report.json"
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({name: result[name] for name in ("n_items", "n_rows", "seconds", "page_bytes")}))


if __name__ == "__main__":
    main()
