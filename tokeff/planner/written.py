"""What people write, on a command line or in a file, turned into scenarios and settings.

The same words mean the same in both. Leaves out the options of the command line itself (`tokeff.cli.plan`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tokeff.errors import NotFound, TokeffError
from tokeff.planner.amounts import modality, parse_bytes, parse_count, parse_interval, parse_pairs
from tokeff.planner.request import SUBSTITUTIONS, Fidelity, Prices, Scenario, Size, Substitution
from tokeff.records.items import MODALITIES, Modality

CORPUS_EXAMPLE = "text=2TB,video=40TB, or text=x1000 for a thousand times the run"
PRICE_EXAMPLE = "text=0.5,video=0.02 (per GB as stored), gpu-hour=2, machine-hour=0.1"
ANOTHER_MODALITY = re.compile(r",(?=[^,=]*=)")
"""The comma between image=effective@8,1 and audio=effective@8,1."""
HOURS = ("gpu-hour", "machine-hour")
SCENARIO_KEYS = (
    "name",
    "corpus",
    "raw_sizes",
    "tokenizers",
    "parameters",
    "compute_flops",
    "mixture",
    "max_epochs",
    "substitute",
)


def corpus(texts: Iterable[str], *, raw: bool, where: str = "--corpus") -> dict[Modality, Size]:
    """Sizes by modality: bytes as stored (raw where `raw`), or x times the run."""
    pairs = parse_pairs(texts, where, CORPUS_EXAMPLE)
    return {modality(name, where): _size(value, f"{where} {name}", raw=raw) for name, value in pairs.items()}


def _size(text: str, where: str, *, raw: bool) -> Size:
    if text[:1] in {"x", "X", "×"}:
        return Size(kind="times", amount=parse_count(text[1:], where, "x1000"))
    return Size(kind="raw" if raw else "stored", amount=parse_bytes(text, where))


def prices(texts: Iterable[str], where: str = "--price") -> Prices:
    """Prices per GB of each modality and per hour."""
    pairs = parse_pairs(texts, where, PRICE_EXAMPLE)
    amounts = {name: parse_count(value, f"{where} {name}", "a number") for name, value in pairs.items()}
    if unknown := [name for name in amounts if name not in (*MODALITIES, *HOURS)]:
        raise NotFound.among("price", unknown[0], (*MODALITIES, *HOURS), fix=f"As in {PRICE_EXAMPLE}.")
    return Prices(
        per_gigabyte={m: amounts[m] for m in MODALITIES if m in amounts},
        gpu_hour=amounts.get("gpu-hour"),
        machine_hour=amounts.get("machine-hour"),
    )


def mixture(texts: Iterable[str], where: str = "--mixture") -> dict[Modality, tuple[float, float]]:
    """Least and largest share of the training tokens, by modality."""
    pairs = parse_pairs(texts, where, "text=0.3..0.7,image=..20%")
    return {modality(name, where): parse_interval(value, f"{where} {name}") for name, value in pairs.items()}


def max_epochs(texts: Iterable[str], where: str = "--max-epochs") -> dict[Modality, float]:
    """Passes over the data, by modality; a number alone is for all."""
    listed = [part for text in texts for part in text.split(",")]
    if len(listed) == 1 and "=" not in listed[0]:
        return dict.fromkeys(MODALITIES, parse_count(listed[0], where, "4"))
    pairs = parse_pairs(listed, where, "4, or text=4,video=1")
    return {modality(name, where): parse_count(value, f"{where} {name}", "4") for name, value in pairs.items()}


def fidelity(texts: Iterable[str], where: str = "--tokens") -> dict[Modality | None, Fidelity]:
    """`raw`, `effective@DEPTH,SCALE`, or `MODALITY=effective@DEPTH,SCALE`; empty for raw."""
    found: dict[Modality | None, Fidelity] = {}
    for text in (part for listed in texts for part in ANOTHER_MODALITY.split(listed)):
        name, sign, value = text.rpartition("=")
        subject = modality(name.strip(), where) if sign else None
        if value.strip() == "raw" and not sign:
            continue
        kind, _, at = value.strip().partition("@")
        depth, _, scale = (piece.strip() for piece in at.partition(","))
        if kind != "effective" or not depth or not scale:
            raise TokeffError(
                "not a way to count tokens",
                where=where,
                got=repr(text),
                expected="raw, effective@DEPTH,SCALE such as effective@6,2, or audio=effective@12,1",
            )
        if subject in found:
            raise TokeffError("is given twice", where=where, got=text)
        found[subject] = Fidelity(depth=depth, scale=scale)
    return found


def scenario(table: Mapping[str, Any], defaults: Scenario, where: str, *, raw: bool = False) -> Scenario:
    """A scenario of a file; what it leaves out is as in `defaults`. `raw`: sizes are, unless it says otherwise."""
    if unknown := sorted(set(table) - set(SCENARIO_KEYS)):
        raise TokeffError("unknown key", where=where, got=", ".join(unknown), expected=", ".join(SCENARIO_KEYS))
    changes: dict[str, Any] = {}
    if "name" in table:
        changes["name"] = str(table["name"])
    if "corpus" in table:
        pairs = [f"{name}={value}" for name, value in _table(table, "corpus", where).items()]
        changes["corpus"] = corpus(pairs, raw=raw_sizes(table, where, usual=raw), where=f"{where}: corpus")
    if "tokenizers" in table:
        changes["tokenizers"] = tuple(str(name) for name in _list(table, "tokenizers", where))
    for key, name in (("parameters", "n_parameters"), ("compute_flops", "compute_flops")):
        if key in table:
            changes[name] = parse_count(table[key], f"{where}: {key}")
    if "mixture" in table:
        pairs = [f"{name}={value}" for name, value in _table(table, "mixture", where).items()]
        changes["mixture"] = mixture(pairs, f"{where}: mixture")
    if "max_epochs" in table:
        value = table["max_epochs"]
        limits = [f"{m}={limit}" for m, limit in value.items()] if isinstance(value, dict) else [str(value)]
        changes["max_epochs"] = max_epochs(limits, f"{where}: max_epochs")
    if "substitute" in table:
        value = table["substitute"]
        entries = [value] if isinstance(value, dict) else _list(table, "substitute", where)
        changes["substitutions"] = tuple(_substitution(entry, f"{where}: substitute") for entry in entries)
    return replace(defaults, **changes)


def raw_sizes(table: Mapping[str, Any], where: str, *, usual: bool) -> bool:
    """Whether sizes are of raw bytes."""
    value = table.get("raw_sizes", usual)
    if not isinstance(value, bool):
        raise TokeffError("raw_sizes is true or false", where=where, got=repr(value))
    return value


def _substitution(entry: object, where: str) -> Substitution:
    keys = ("kind", "modality", "tokenizer", "frames_per_second", "scale")
    if not isinstance(entry, dict):
        raise TokeffError("a substitution is a table", where=where, got=repr(entry), expected="{ kind = ..., ... }")
    if unknown := sorted(set(entry) - set(keys)):
        raise TokeffError("unknown key", where=where, got=", ".join(unknown), expected=", ".join(keys))
    kind = entry.get("kind")
    if kind not in SUBSTITUTIONS:
        raise TokeffError("unknown kind", where=where, got=repr(kind), expected=", ".join(SUBSTITUTIONS))
    usual = "video" if kind in {"key-frames", "audio-track"} else None
    subject = entry.get("modality", usual)
    if subject is None:
        raise TokeffError("lacks modality: what is replaced", where=where, expected=", ".join(MODALITIES))
    if not isinstance(entry.get("tokenizer", ""), str):
        raise TokeffError("tokenizer is a name", where=where, got=repr(entry["tokenizer"]), expected="text")
    numbers = {
        name: parse_count(entry[name], f"{where}: {name}", "a number")
        for name in ("frames_per_second", "scale")
        if name in entry
    }
    return Substitution(kind=kind, modality=modality(str(subject), where), tokenizer=entry.get("tokenizer"), **numbers)


def _table(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = table[key]
    if not isinstance(value, dict):
        raise TokeffError(f"{key} is a table", where=where, got=repr(value), expected='{ text = "2TB" }')
    return value


def _list(table: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = table[key]
    if not isinstance(value, list):
        raise TokeffError(f"{key} is a list", where=where, got=repr(value), expected="[ ... ]")
    return value
