"""Words of `tokeff laws` turned into what the laws take. Imported by a command when it runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tokeff.errors import NotFound, TokeffError
from tokeff.laws import FORMS, Law, names, save
from tokeff.laws.forms import Array
from tokeff.laws.representation import RepresentationFit, Terms, fit_representation, normalise, policy_recall
from tokeff.planner.amounts import parse_count
from tokeff.planner.shelf import find, refuse_taken

TOP, N_DRAWS = 3, 1000


def parse_inputs(texts: Sequence[str]) -> dict[str, list[float]]:
    """`NAME=VALUE` or `NAME=VALUE,VALUE`; columns of one value are repeated to the length of the others."""
    columns: dict[str, list[float]] = {}
    for name, values in pairs(texts, "inputs", "n_parameters=7B or n_parameters=1B,7B").items():
        columns[name] = [parse_count(value, name) for value in values.split(",")]
    n_points = max((len(column) for column in columns.values()), default=1)
    for name, column in columns.items():
        if len(column) not in {1, n_points}:
            raise TokeffError("has another number of values", where=name, got=len(column), expected=f"1 or {n_points}")
    return {name: column * (n_points // len(column)) for name, column in columns.items()}


def pairs(texts: Sequence[str], where: str, example: str) -> dict[str, str]:
    """`NAME=VALUE`, where VALUE may hold anything; refuses what is given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = (piece.strip() for piece in text.partition("="))
        if not sign or not name or not value:
            raise TokeffError("not of the form NAME=VALUE", where=where, got=repr(text), expected=example)
        if name in found:
            raise TokeffError("is given twice", where=f"{where} {name}", got=f"{found[name]} and {value}")
        found[name] = value
    return found


def refuse_mixed(
    compute_flops: str | None,
    target: float | None,
    variable: str | None,
    law: Law,
    given: Mapping[str, Sequence[float]],
) -> None:
    """Refuse questions that exclude each other, or half of one."""
    if (target is None) != (variable is None):
        raise TokeffError("--target and --for go together", expected="--target 2.1 --for n_training_tokens")
    if compute_flops is not None and target is not None:
        raise TokeffError("either a compute to split or a target to reach", got="--compute-flops and --target")
    if compute_flops is None and target is None and not given:
        variables = law.bound_form(("text_tokens",)).variables
        raise TokeffError(
            "no inputs",
            where=law.name,
            expected="; ".join(f"{name}=... ({what})" for name, what in variables.items()),
            fix="Or --compute-flops, or --target with --for.",
        )
    if target is not None and any(len(column) > 1 for column in given.values()):
        raise TokeffError("one point at a time with --target", got="several values")


def fit_options(
    columns: Sequence[str], where: Sequence[str], fixed: Sequence[str], tied: Sequence[str]
) -> tuple[dict[str, str], dict[str, str], dict[str, float], dict[str, str]]:
    """The pairs of `tokeff laws fit`."""
    values = pairs(fixed, "--fix", "alpha=0.34")
    return (
        pairs(columns, "--column", "n_parameters=params"),
        pairs(where, "--where", "task=ocr"),
        {name: _number(value, f"--fix {name}") for name, value in values.items()},
        pairs(tied, "--tie", "beta=alpha"),
    )


def with_errors(table: Mapping[str, Sequence[Any]], columns: Mapping[str, str]) -> dict[str, Any]:
    """The table with a column `1-NAME` for each that `columns` asks for: the error of a score between 0 and 1."""
    errors: dict[str, Any] = {}
    for column in columns.values():
        score = column.removeprefix("1-").strip()
        if column not in table and column.startswith("1-") and score in table:
            errors[column] = [1 - _number(str(value), f"{score}, row {k}") for k, value in enumerate(table[score])]
    return {**table, **errors}


def _number(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise TokeffError("not a number", where=where, got=repr(text)) from error
    if not np.isfinite(number):
        raise TokeffError("not a finite number", where=where, got=repr(text))
    return number


def representation_fits(
    table: Mapping[str, Sequence[Any]], alignment: str, correspondence: str, scores: Sequence[str], n_runs: int
) -> tuple[dict[str, RepresentationFit], dict[str, float]]:
    """Fits of every set of terms, and the recall of the AC policy on the mean of the normalised scores."""
    a, c = _numbers(table, alignment), _numbers(table, correspondence)
    columns = [_numbers(table, name) for name in scores]
    mean = np.mean([normalise(column) for column in columns], axis=0)
    terms: tuple[Terms, ...] = ("AC", "A", "C", "linear")
    fits: dict[str, RepresentationFit] = {}
    for name in terms:
        fits[name] = fit_representation(a, c, np.stack(columns, axis=1), name)
    recall = policy_recall(a, c, mean, n_runs=n_runs, top=TOP, n_draws=N_DRAWS)
    return fits, {"recall": recall, "n_runs": n_runs, "top": TOP, "n_draws": N_DRAWS}


def _numbers(table: Mapping[str, Sequence[Any]], name: str) -> Array:
    if name not in table:
        raise NotFound.among("column", name, table)
    return np.array([_number(str(value), f"{name}, row {k}") for k, value in enumerate(table[name])])


def form_of(name: str) -> str:
    """The form of this name, or of the law of this name."""
    if name in FORMS:
        return name
    try:
        return find(name).form
    except NotFound as error:
        raise NotFound.among("form or law", name, {*FORMS, *names()}) from error


def keep(law: Law, folder: Path | None) -> Path:
    """The law as `<name>.json`, where `tokeff laws` finds it by name. Refuses to write over another file."""
    refuse_taken(law.name)
    if not law.name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise TokeffError("not a name", where="--name", got=law.name, expected="letters, digits, - _ .")
    path = (folder or Path()) / f"{law.name}.json"
    if path.exists():
        raise TokeffError("a file is in the way", where=str(path), fix="Give --name another, or delete it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(law, path)
    except OSError as error:
        raise TokeffError(f"cannot write the law: {error.strerror or error}", where=str(path)) from error
    return path
