"""Text engines side by side on real texts: each library against the reference of its kind of vocabulary file.

Run: python benchmarks/bench_text_engines.py SHARED [--out benchmarks/results/text_engines.json]

Ids are compared on every text before anything is timed. Runs of the engines alternate, so that a busy machine slows
all of them; the ratio of medians is the figure to keep, the rates are of this machine. `tokeff` is what the family
uses: the fast engine, its guard, and Tokens records. The first pass (cold caches) is reported apart.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tokeff.records.signals import TextSignal
from tokeff.tokenizers.registry import Registry

Encode = Callable[[Sequence[bytes]], Sequence[Any]]
LIBRARIES = ("gigatoken", "tiktoken", "tokenizers", "sentencepiece", "mistral-common", "numpy")
N_RUNS = 3


def corpora(shared: Path) -> dict[str, list[bytes]]:
    """Whole files, and their lines: few large texts and many small ones."""
    paths = sorted(path for path in (shared / "corpora" / "text").rglob("*") if path.is_file())
    files = [path.read_bytes() for path in paths]
    return {"files": files, "lines": [line for text in files for line in text.splitlines(keepends=True)]}


def engines(spec: str) -> dict[str, Encode]:
    """The reference, the fast engine alone, and the tokenizer with everything around it."""
    tokenizer: Any = Registry.load().open(spec)
    reference = tokenizer.vocabulary.reference()

    def whole(texts: Sequence[bytes]) -> list[Any]:
        return [row.streams[0] for row in tokenizer.encode([TextSignal(data=text) for text in texts])]

    found: dict[str, Encode] = {reference.name: reference.encode, "tokeff": whole}
    if tokenizer.vocabulary.fast is not None:
        found[tokenizer.vocabulary.fast.name] = tokenizer.vocabulary.fast.encode
    return found


def timed(encode: Encode, texts: Sequence[bytes]) -> tuple[float, Sequence[Any]]:
    start = time.perf_counter()
    rows = encode(texts)
    return time.perf_counter() - start, rows


def compare(spec: str, texts: Sequence[bytes]) -> dict[str, Any]:
    """Rates and ratios of the engines of one vocabulary on one set of texts."""
    n_bytes = sum(map(len, texts))
    candidates = engines(spec)
    cold, rows = {}, {}
    for name, encode in candidates.items():
        cold[name], rows[name] = timed(encode, texts)
    reference = next(iter(candidates))
    runs: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(N_RUNS):
        for name, encode in candidates.items():
            runs[name].append(timed(encode, texts)[0])
    medians = {name: statistics.median(times) for name, times in runs.items()}
    return {
        name: {
            "ids_equal_the_reference": all(map(np.array_equal, rows[name], rows[reference])),
            "n_tokens": sum(map(len, rows[name])),
            "megabytes_per_second": round(n_bytes / medians[name] / 1e6, 2),
            "seconds": [round(second, 4) for second in runs[name]],
            "cold_seconds": round(cold[name], 4),
            "speedup_over_reference": round(medians[reference] / medians[name], 2),
        }
        for name in candidates
    }


def machine() -> dict[str, Any]:
    cpu = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return {
        "cpu": cpu[0] if cpu else platform.processor(),
        "n_cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder with corpora/text and vocab")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "text_engines.json")
    arguments = parser.parse_args()
    os.environ["TOKEFF_ARTEFACTS"] = str(arguments.shared / "vocab")
    kinds = {
        "tiktoken ranks: gpt2": "gpt2",
        "tiktoken ranks: cl100k": "cl100k",
        "tiktoken ranks: o200k": "o200k",
        "tokenizer.json: gpt-neox-20b": f"bpe:{arguments.shared}/vocab/gpt_neox_20B_tokenizer.json",
        "SentencePiece: mistral-v3": "mistral-v3",
        "Tekken": "tekken",
    }
    results: dict[str, Any] = {"machine": machine(), "n_runs": N_RUNS, "corpora": {}, "results": {}}
    for label, texts in corpora(arguments.shared).items():
        results["corpora"][label] = {"n_texts": len(texts), "n_bytes": sum(map(len, texts))}
        for kind, spec in kinds.items():
            results["results"][f"{kind}, {label}"] = found = compare(spec, texts)
            for name, figures in found.items():
                rate, speedup = figures["megabytes_per_second"], figures["speedup_over_reference"]
                print(
                    f"{kind}, {label}, {name}: {rate} MB/s, {speedup}x, {figures['ids_equal_the_reference']}",
                    flush=True,
                )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
