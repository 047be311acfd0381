"""A Measurement as JSON and back. Light: who only reads a saved run needs no torch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from tokeff.errors import RunError
from tokeff.records.measurements import Estimate, Measurement

_IN_CI = ("bytes_per_token", "stored_bytes_per_token")


def to_json(measurement: Measurement) -> dict[str, Any]:
    """One entry of `measurements.json`: plain, strict JSON. Raises ValueError for NaN and infinities."""
    table = asdict(measurement)
    estimates = {name: table.pop(name) for name in _IN_CI}
    # Read back at once, so that what is returned holds nothing that JSON does not.
    content: dict[str, Any] = json.loads(json.dumps({**table, "ci": estimates}, allow_nan=False))
    return content


def from_json(table: Mapping[str, Any]) -> Measurement:
    """What `to_json` gave. Raises RunError naming what is missing or unknown."""
    known = {each.name for each in fields(Measurement)} - set(_IN_CI) | {"ci"}
    if set(table) != known or set(table["ci"]) != set(_IN_CI):
        raise RunError(
            "is not a measurement of this version of tokeff",
            where=str(table.get("tokenizer", "measurements.json")),
            got=", ".join(sorted(set(table) ^ known)) or ", ".join(table["ci"]),
            expected="exactly the keys of tokeff.measurements/1",
        )
    content = {name: value for name, value in table.items() if name != "ci"}
    estimates = {name: Estimate(**table["ci"][name]) for name in _IN_CI}
    return Measurement(**{**content, **estimates, "codebook_sizes": tuple(table["codebook_sizes"])})
