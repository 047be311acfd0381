"""A file of scenarios (TOML): several plans side by side, the first of which is the baseline.

    schema = "tokeff.scenarios/1"
    parameters = "7B"                       # for every scenario that does not say otherwise

    [[scenario]]
    name = "all video"
    corpus = { text = "2TB", video = "40TB" }

    [[scenario]]
    name = "sound only"
    corpus = { text = "2TB", video = "40TB" }
    substitute = { kind = "audio-track" }

Leaves out what the keys mean (`written`).
"""

import tomllib
from dataclasses import replace
from pathlib import Path

from tokeff.errors import NotFound, TokeffError
from tokeff.planner.request import Scenario
from tokeff.planner.written import raw_sizes, scenario

SCHEMA = "tokeff.scenarios/1"


def read_scenarios(path: Path, defaults: Scenario, *, raw: bool = False) -> tuple[Scenario, ...]:
    """The scenarios of a file; `defaults` and `raw` hold where it is silent. Raises TokeffError naming the key."""
    where = str(path)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotFound("there is no such file of scenarios", where=where) from error
    except (OSError, ValueError) as error:
        raise TokeffError(f"cannot be read: {error}", where=where, expected="TOML") from error
    if table.pop("schema", None) != SCHEMA:
        raise TokeffError("is not a file of scenarios", where=where, expected=f'schema = "{SCHEMA}"')
    entries = table.pop("scenario", None)
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise TokeffError("holds no scenario", where=where, expected="at least one [[scenario]]")
    raw = raw_sizes(table, where, usual=raw)
    common = scenario(table, defaults, where, raw=raw)
    found = tuple(
        scenario(entry, replace(common, name=f"scenario {k}"), f"{where}: scenario {entry.get('name', k)}", raw=raw)
        for k, entry in enumerate(entries, 1)
    )
    names = [each.name for each in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise TokeffError("two scenarios of one name", where=where, got=twice[0])
    return found
