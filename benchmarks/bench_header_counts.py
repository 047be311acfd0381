"""Counting tokens from headers against decoding everything, on the same folders, in one run; the counts must be equal.

Run: python benchmarks/bench_header_counts.py FOLDER... [--out benchmarks/results/header_counts.json]

`headers` is what `tokeff profile --count-only` does to every item, `decoding` reads and decodes it and counts from the
decoded signal; both find the items anew. Rounds alternate, so that a busy machine slows both; the ratio of the fastest
rounds is the figure to keep.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokeff.engine.environment import library_versions, machine
from tokeff.media.dispatch import decode, read_header
from tokeff.readers.corpus import find
from tokeff.records.items import Item, Modality
from tokeff.records.signals import VideoSignal
from tokeff.tokenizers.registry import Registry

TOKENIZERS: dict[Modality, str] = {"image": "qwen2-vl", "audio": "whisper", "video": "frames-1fps"}
N_ROUNDS = 5


def count_from_header(item: Item, tokenizer: Any) -> int:
    return int(tokenizer.count(read_header(item)).n_tokens)


def count_by_decoding(item: Item, tokenizer: Any) -> int:
    signal = decode(item)
    if isinstance(signal, VideoSignal):
        for _ in signal.source.frames():
            pass
    return int(tokenizer.count(signal.header).n_tokens)


def timed(count: Callable[[Item, Any], int], folder: str, tokenizers: dict[Modality, Any]) -> tuple[float, int, int]:
    """Seconds, items and tokens of one pass."""
    start = time.perf_counter()
    counts = [
        count(found, tokenizers[found.modality])
        for found in find([folder])
        if isinstance(found, Item) and found.modality in tokenizers
    ]
    return time.perf_counter() - start, len(counts), sum(counts)


def compare(folder: str, tokenizers: dict[Modality, Any]) -> dict[str, Any]:
    rounds: dict[str, list[float]] = {"headers": [], "decoding": []}
    totals = set()
    for _ in range(N_ROUNDS):
        for name, count in (("headers", count_from_header), ("decoding", count_by_decoding)):
            seconds, n_items, n_tokens = timed(count, folder, tokenizers)
            rounds[name].append(seconds)
            totals.add((n_items, n_tokens))
    if len(totals) != 1:
        raise SystemExit(f"{folder}: counts differ: {totals}")
    fastest = {name: min(seconds) for name, seconds in rounds.items()}
    (n_items, n_tokens) = totals.pop()
    ratio = fastest["decoding"] / fastest["headers"]
    print(f"{folder}: {n_items} items, {n_tokens} tokens, headers {ratio:.0f} x as fast as decoding")
    parts = Path(folder).parts[-2:]
    return {"folder": "/".join(parts), "n_items": n_items, "n_tokens": n_tokens, "seconds": fastest, "ratio": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "header_counts.json")
    arguments = parser.parse_args()
    registry = Registry.load()
    tokenizers = {modality: registry.open(name) for modality, name in TOKENIZERS.items()}
    results = [compare(folder, tokenizers) for folder in arguments.folders]
    report = {"machine": machine(), "libraries": library_versions(), "rounds": N_ROUNDS, "results": results}
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
