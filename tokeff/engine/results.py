"""What a shard's work yields, as bytes: one zip of JSON facts, integer arrays and tables of rows; no pickle.

    facts.json      everything small
    NAME.npy        arrays
    NAME.parquet    rows

The same result is the same bytes. Leaves out what the facts mean (`look`, `measure`) and where they are kept
(`ledger`).
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import RunError
from tokeff.maths.conditional import PairCounts
from tokeff.records.tallies import Tally

EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Facts, arrays by name and Parquet files by name."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    tables: Mapping[str, bytes] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """As it is kept and sent."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            _add(archive, "facts.json", json.dumps(self.facts, allow_nan=False).encode())
            for name, array in self.arrays.items():
                data = io.BytesIO()
                np.save(data, array, allow_pickle=False)
                _add(archive, f"{name}.npy", data.getvalue())
            for name, table in self.tables.items():
                _add(archive, f"{name}.parquet", table)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> "Result":
        """What `to_bytes` gave. Raises RunError where a bit of it is another."""
        facts: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {}
        tables: dict[str, bytes] = {}
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for entry in archive.namelist():
                    name, _, kind = entry.rpartition(".")
                    content = archive.read(entry)
                    if kind == "npy":
                        arrays[name] = np.load(io.BytesIO(content), allow_pickle=False)
                    elif kind == "parquet":
                        tables[name] = content
                    else:
                        facts = json.loads(content)
        except (zipfile.BadZipFile, zlib.error, ValueError, OSError, KeyError, EOFError) as error:
            raise RunError(
                f"the result of a shard is damaged: {error}", where=where, fix="Delete this file and run again."
            ) from error
        return cls(facts=facts, arrays=arrays, tables=tables)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # Tables are compressed already; histograms are mostly zeros.
    method = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
    entry = zipfile.ZipInfo(name, EPOCH)
    archive.writestr(entry, content, compress_type=method, compresslevel=1)


def tally_facts(name: str, tally: Tally, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """A tally without its rows; its histograms go to `arrays`."""
    for stream, histogram in tally.histograms.items():
        arrays[f"{name}.histogram.{stream}"] = histogram
    return {"n_items": tally.n_items, "counts": dict(tally.counts), "reals": dict(tally.reals)}


def tally_of(name: str, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], rows: Any) -> Tally:
    """The tally back. rows: by key, as a Tally has them, or None."""
    prefix = f"{name}.histogram."
    found = {each.removeprefix(prefix): array for each, array in arrays.items() if each.startswith(prefix)}
    return Tally(**facts, histograms=found, rows=rows)


def pair_facts(name: str, pairs: Mapping[str, PairCounts], arrays: dict[str, NDArray[Any]]) -> dict[str, list[int]]:
    """Sizes of the alphabets of tables of pairs; the tables go to `arrays`."""
    for each, table in pairs.items():
        arrays[f"{name}.pairs.{each}.keys"], arrays[f"{name}.pairs.{each}.counts"] = table.keys, table.counts
    return {each: [table.n_contexts, table.n_symbols] for each, table in pairs.items()}


def pairs_of(name: str, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, PairCounts]:
    """The tables back."""
    return {
        each: PairCounts(
            n_contexts=n_contexts,
            n_symbols=n_symbols,
            keys=arrays[f"{name}.pairs.{each}.keys"],
            counts=arrays[f"{name}.pairs.{each}.counts"],
        )
        for each, (n_contexts, n_symbols) in facts.items()
    }
