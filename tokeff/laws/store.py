"""Laws in files: the built-in ones (TOML beside this module), and fitted ones saved as JSON of the same keys.

Every problem of a file is an error that names file, law and key. Leaves out how a law is used.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tokeff.errors import LawError, NotFound
from tokeff.laws.accounting import accounting_named
from tokeff.laws.definition import STATUSES, Law, Parameter
from tokeff.laws.forms import Array, Form, form_named

SCHEMA = "tokeff.laws/1"
TEXTS = ("name", "form", "title", "status", "source")
OPTIONAL_TEXTS = ("quantity", "unit", "notes", "accounting")
NUMBER_TABLES = ("constants", "reported")
KEYS = {
    *TEXTS,
    *OPTIONAL_TEXTS,
    *NUMBER_TABLES,
    "parameters",
    "ranges",
    "covariance",
    "covariance_of",
    "draws",
    "draw_names",
    "modalities",
}
PARAMETER_KEYS = {"value", "status", "standard_error", "low", "high"}
N_COVARIANCE_DRAWS = 2000


def names() -> list[str]:
    """Names of the built-in laws, sorted."""
    return sorted(_built_in())


def load(name: str | Path, *, folders: Iterable[Path] = ()) -> Law:
    """A law by name, among the built-in ones and `<name>.json` or `.toml` in `folders`, or by path of its file.

    Raises NotFound for an unknown name (close names suggested) and LawError for a file that is not a law.
    """
    text = str(name)
    if text in _built_in():
        return _built_in()[text]
    paths = [Path(text)] if Path(text).suffix in {".json", ".toml"} else []
    paths += [Path(folder) / f"{text}{suffix}" for folder in folders for suffix in (".json", ".toml")]
    for path in paths:
        if path.is_file():
            return _only(parse(path.read_text("utf-8"), str(path)), str(path))
    raise NotFound.among("law", text, _built_in(), fix="A fitted law is given by the path of its .json file.")


def save(law: Law, path: Path) -> None:
    """Write a law to a JSON file that `load` reads back."""
    table: dict[str, Any] = {key: getattr(law, key) for key in (*TEXTS, *OPTIONAL_TEXTS) if getattr(law, key)}
    table |= {key: dict(getattr(law, key)) for key in NUMBER_TABLES}
    table["parameters"] = {
        name: {key: value for key in sorted(PARAMETER_KEYS) if (value := getattr(parameter, key)) is not None}
        for name, parameter in law.parameters.items()
    }
    table["ranges"] = {name: list(bounds) for name, bounds in law.ranges.items()}
    if law.modalities:
        table["modalities"] = list(law.modalities)
    if law.draws is not None:
        table |= {"draw_names": list(law.draw_names), "draws": law.draws.tolist()}
    text = json.dumps({"schema": SCHEMA, "law": [table]}, indent=1, allow_nan=False)
    path.write_text(text + "\n", "utf-8")


def parse(text: str, where: str) -> list[Law]:
    """The laws of a TOML or JSON text; `where` names its file in messages."""
    try:
        table = json.loads(text) if where.endswith(".json") else tomllib.loads(text)
    except ValueError as error:
        raise LawError(f"cannot be read: {error}", where=where, expected="TOML, or JSON in a .json file") from error
    if not isinstance(table, dict) or table.get("schema") != SCHEMA or not isinstance(table.get("law"), list):
        raise LawError("is not a file of laws", where=where, expected=f'schema = "{SCHEMA}" and a list of [[law]]')
    return [_law(entry, f"{where}: law {k + 1}") for k, entry in enumerate(table["law"])]


@cache
def _built_in() -> Mapping[str, Law]:
    laws: dict[str, Law] = {}
    for file in sorted(files("tokeff.laws").joinpath("data").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            for law in parse(file.read_text("utf-8"), file.name):
                if law.name in laws:
                    raise LawError("two built-in laws of one name", where=file.name, got=law.name)
                laws[law.name] = law
    return laws


def _only(laws: list[Law], where: str) -> Law:
    if len(laws) != 1:
        raise LawError("a law file that is given by path holds one law", where=where, got=len(laws), expected=1)
    return laws[0]


def _law(table: object, where: str) -> Law:
    if not isinstance(table, dict):
        raise LawError("a law is a table", where=where, got=type(table).__name__)
    where = f"{where} ({table.get('name', 'no name')})"
    if unknown := sorted(set(table) - KEYS):
        raise LawError("unknown key", where=where, got=", ".join(unknown), expected=", ".join(sorted(KEYS)))
    texts = {key: _text(table, key, where) for key in TEXTS}
    texts |= {key: _text(table, key, where) for key in OPTIONAL_TEXTS if key in table}
    if texts["status"] not in STATUSES:
        raise LawError("unknown status", where=where, got=texts["status"], expected=", ".join(STATUSES))
    modalities = _names(table, "modalities", where)
    form = form_named(texts["form"])
    form = form.bind(modalities) if modalities else form
    if "accounting" in texts:
        accounting_named(texts["accounting"])
    parameters = _parameters(table.get("parameters"), form, texts["status"], where)
    draws, draw_names = _draws(table, form, parameters, where)
    ranges = _table(table, "ranges", where)
    return Law(
        **texts,  # type: ignore[arg-type]
        parameters=parameters,
        ranges={name: _pair(bounds, f"{where}: ranges.{name}") for name, bounds in ranges.items()},
        constants=_numbers(table, "constants", where),
        reported=_numbers(table, "reported", where),
        modalities=modalities,
        draws=draws,
        draw_names=draw_names,
    )


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise LawError(f"{key} must be text", where=where, got=repr(value))
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise LawError("must be a finite number", where=where, got=repr(value))
    return float(value)


def _numbers(table: Mapping[str, Any], key: str, where: str) -> dict[str, float]:
    return {name: _number(value, f"{where}: {key}.{name}") for name, value in _table(table, key, where).items()}


def _table(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise LawError(f"{key} is a table", where=where, got=repr(value))
    return value


def _names(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise LawError(f"{key} is a list of names", where=where, got=repr(value))
    return tuple(value)


def _pair(bounds: object, where: str) -> tuple[float, float]:
    if not isinstance(bounds, list) or len(bounds) != 2:
        raise LawError("a range is [low, high]", where=where, got=repr(bounds))
    low, high = (_number(bound, where) for bound in bounds)
    if low > high:
        raise LawError("a range is [low, high]", where=where, got=bounds, expected="low at most high")
    return low, high


def _parameters(table: object, form: Form, status: str, where: str) -> dict[str, Parameter]:
    if not isinstance(table, dict):
        raise LawError("a law has a table of parameters", where=where, got=type(table).__name__)
    parameters = {}
    for name, entry in table.items():
        here = f"{where}: parameters.{name}"
        fields = dict(entry) if isinstance(entry, dict) else {"value": entry}
        if unknown := sorted(set(fields) - PARAMETER_KEYS):
            raise LawError(
                "unknown key", where=here, got=", ".join(unknown), expected=", ".join(sorted(PARAMETER_KEYS))
            )
        stated = fields.pop("status", status)
        if stated not in STATUSES:
            raise LawError("unknown status", where=here, got=stated, expected=", ".join(STATUSES))
        numbers = {key: _number(value, here) for key, value in fields.items()}
        if name in form.parameters and form.is_log(name) and numbers.get("value", 0.0) < 0:
            raise LawError("must not be below zero", where=here, got=numbers["value"])
        parameters[name] = Parameter(**{"value": None, **numbers}, status=stated)
    expected = list(form.parameters)
    absent = [name for name in expected if name not in parameters]
    extra = [name for name in parameters if name not in expected]
    if extra:
        raise LawError("not parameters of the form", where=where, got=", ".join(extra), expected=", ".join(expected))
    return parameters | {name: Parameter(value=None) for name in absent}


def _draws(
    table: Mapping[str, Any], form: Form, parameters: Mapping[str, Parameter], where: str
) -> tuple[Array | None, tuple[str, ...]]:
    """A sample of the parameters: as stored, or drawn (seeded) from a covariance of the fitting coordinates."""
    draw_names = _names(table, "draw_names", where) or tuple(parameters)
    if bad := [name for name in draw_names if name not in parameters]:
        raise LawError("draw_names are parameters", where=where, got=bad[0], expected=", ".join(parameters))
    if "draws" in table:
        draws = _matrix(table["draws"], f"{where}: draws")
        if draws.ndim != 2 or draws.shape[1] != len(draw_names) or not np.isfinite(draws).all():
            raise LawError("draws is a table with one column per draw name", where=where, got=draws.shape)
        return draws, draw_names
    if "covariance" not in table:
        return None, ()
    varied = tuple(table.get("covariance_of", parameters))
    if bad := [name for name in varied if name not in parameters or name in form.entangled]:
        raise LawError("covariance_of names parameters of the form", where=where, got=", ".join(bad))
    covariance = _matrix(table["covariance"], f"{where}: covariance")
    if covariance.shape != (len(varied),) * 2 or not np.allclose(covariance, covariance.T):
        raise LawError("covariance is a symmetric matrix over its parameters", where=where, got=covariance.shape)
    values = np.array([parameters[name].value or np.nan for name in varied])
    logs = np.array([form.is_log(name) for name in varied])
    centre = np.where(logs, np.log(np.where(logs, values, 1.0)), values)
    theta = np.random.default_rng(0).multivariate_normal(centre, covariance, N_COVARIANCE_DRAWS)
    return np.where(logs, np.exp(np.where(logs, theta, 0.0)), theta), varied


def _matrix(value: object, where: str) -> Array:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LawError(f"is not a table of numbers: {error}", where=where) from error
