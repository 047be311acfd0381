"""Cards from TOML, strictly: every problem of a card at once, each with its file, key, got and expected.

Leaves out which cards there are (`registry`) and what a specification on the command line means (`specs`).
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tokeff.errors import CardError, CardErrors
from tokeff.records.cards import Artefact, Card, ParameterValue
from tokeff.records.items import MODALITIES, Modality
from tokeff.tokenizers.families import Family, Parameter

SCHEMA_VERSION = 1
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
REQUIRED = ("schema_version", "name", "modality", "family", "summary", "licence", "source")
OPTIONAL_TEXT = ("date", "citation", "extra", "notes")
KEYS = (*REQUIRED, *OPTIONAL_TEXT, "aliases", "vocab_size", "parameters", "artefact")
ARTEFACT_KEYS = {"package": str, "file": str, "hub": str, "library": str, "sha256": str, "bytes": int}

Families = Mapping[tuple[Modality, str], Family]


class _Problems:
    """Collects what is wrong with one card."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[CardError] = []

    def add(self, key: str, what: str, *, got: object = None, expected: object = None, fix: str | None = None) -> None:
        where = f"{self.where}: {key}" if key else self.where
        self.found.append(CardError(what, where=where, got=got, expected=expected, fix=fix))

    def unknown_keys(
        self, table: Mapping[str, Any], known: Mapping[str, Any] | tuple[str, ...], prefix: str = ""
    ) -> None:
        for key in table:
            if key not in known:
                close = get_close_matches(key, list(known), n=1)
                fix = f"Did you mean {close[0]}?" if close else None
                expected = "one of " + ", ".join(sorted(known)) if known else "no key here"
                self.add(prefix + key, "unknown key", got=key, expected=expected, fix=fix)


def parse_card(text: str, where: str, families: Families) -> Card:
    """The card in a TOML `text`; `where` names its file in messages. Raises CardErrors with every problem."""
    problems = _Problems(where)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.add("", f"is not TOML: {error}")
        raise CardErrors(problems.found) from error
    problems.unknown_keys(table, KEYS)
    _check_plain_keys(table, problems)
    artefact = _beside(_artefact(table.get("artefact"), problems), Path(where))
    family = _family(table, families, problems)
    parameters = _parameters(table.get("parameters", {}), family, problems)
    if problems.found:
        raise CardErrors(problems.found)
    plain = {key: table[key] for key in ("name", "modality", "family", "summary", "licence", "source")}
    plain |= {key: table[key] for key in OPTIONAL_TEXT if key in table}
    return with_hash(
        Card(
            **plain,
            aliases=tuple(table.get("aliases", ())),
            vocab_size=table.get("vocab_size"),
            parameters=parameters,
            artefact=artefact,
        )
    )


def with_hash(card: Card) -> Card:
    """The card with the sha256 of what it declares; where a file of known content lies is no part of that."""
    content = card.artefact
    if content and content.file and content.sha256:
        content = replace(content, file=Path(content.file).name)
    declared = json.dumps(asdict(replace(card, sha256="", artefact=content)), sort_keys=True, default=list)
    return replace(card, sha256=hashlib.sha256(declared.encode()).hexdigest())


def check_value(name: str, value: object, parameter: Parameter, report: Callable[..., None]) -> ParameterValue | None:
    """`value` as the parameter's type, or None after a report of what is wrong with it."""
    if isinstance(value, list):
        value = tuple(value)
    if parameter.type is float and type(value) is int:
        value = float(value)
    if type(value) is not parameter.type:
        expected = "list" if parameter.type is tuple else parameter.type.__name__
        report(name, "wrong type", got=f"{type(value).__name__} {value!r}", expected=expected)
        return None
    if parameter.choices and value not in parameter.choices:
        report(name, "not a choice", got=repr(value), expected="one of " + ", ".join(map(str, parameter.choices)))
        return None
    checked: ParameterValue = value  # type: ignore[assignment]
    return checked


def _check_plain_keys(table: Mapping[str, Any], problems: _Problems) -> None:
    for key in REQUIRED:
        if key not in table:
            problems.add(key, "missing key", expected="int" if key == "schema_version" else "str")
    for key in (*REQUIRED[1:], *OPTIONAL_TEXT):
        if key in table and type(table[key]) is not str:
            problems.add(key, "wrong type", got=type(table[key]).__name__, expected="str")
    if table.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        problems.add("schema_version", "not this schema", got=table["schema_version"], expected=SCHEMA_VERSION)
    vocab_size = table.get("vocab_size", 1)
    if type(vocab_size) is not int or vocab_size < 1:
        problems.add("vocab_size", "wrong value", got=repr(vocab_size), expected="an int of at least 1")
    aliases = table.get("aliases", [])
    if not isinstance(aliases, list):
        problems.add("aliases", "wrong type", got=type(aliases).__name__, expected="a list of names")
        aliases = []
    for key, names in (("name", [table.get("name", "x")]), ("aliases", aliases)):
        for name in names:
            if not (isinstance(name, str) and NAME.fullmatch(name)):
                problems.add(key, "not a name", got=repr(name), expected="lower-case letters, digits, '.', '_' and '-'")


def _artefact(table: object, problems: _Problems) -> Artefact | None:
    if table is None:
        return None
    if not isinstance(table, dict):
        problems.add("artefact", "wrong type", got=type(table).__name__, expected="a table")
        return None
    problems.unknown_keys(table, ARTEFACT_KEYS, "artefact.")
    for key, kind in ARTEFACT_KEYS.items():
        if key in table and type(table[key]) is not kind:
            problems.add(f"artefact.{key}", "wrong type", got=type(table[key]).__name__, expected=kind.__name__)
    if not any(key in table for key in ("package", "file", "hub", "library")):
        problems.add("artefact", "says no place", expected="at least one of package, file, hub, library")
    sha256 = table.get("sha256", "0" * 64)
    if not (isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256)):
        problems.add("artefact.sha256", "not a sha256", got=repr(sha256), expected="64 lower-case hexadecimal digits")
    known = {key: value for key, value in table.items() if key in ARTEFACT_KEYS and key != "bytes"}
    return Artefact(**known, n_bytes=table.get("bytes"))


def _beside(artefact: Artefact | None, card: Path) -> Artefact | None:
    """The artefact with the path of its file, where that lies beside the card."""
    if artefact and isinstance(artefact.file, str) and card.is_file() and (card.parent / artefact.file).is_file():
        return replace(artefact, file=str((card.parent / artefact.file).resolve()))
    return artefact


def _family(table: Mapping[str, Any], families: Families, problems: _Problems) -> Family | None:
    modality, name = table.get("modality"), table.get("family")
    if not isinstance(modality, str) or not isinstance(name, str):
        return None
    if modality not in MODALITIES:
        problems.add("modality", "unknown modality", got=modality, expected="one of " + ", ".join(MODALITIES))
        return None
    known = sorted(family for place, family in families if place == modality)
    if name not in known:
        close = get_close_matches(name, known, n=1)
        problems.add(
            "family",
            f"unknown {modality} family",
            got=name,
            expected="one of " + ", ".join(known),
            fix=f"Did you mean {close[0]}?"
            if close
            else "A package adds families through the entry-point group tokeff.families.",
        )
        return None
    return families[modality, name]


def _parameters(table: object, family: Family | None, problems: _Problems) -> dict[str, ParameterValue]:
    if not isinstance(table, dict):
        problems.add("parameters", "wrong type", got=type(table).__name__, expected="a table")
        return {}
    if family is None:
        return {}
    problems.unknown_keys(table, family.parameters, "parameters.")
    checked: dict[str, ParameterValue] = {}
    for name, value in table.items():
        if name in family.parameters:
            good = check_value(f"parameters.{name}", value, family.parameters[name], problems.add)
            if good is not None:
                checked[name] = good
    return checked
