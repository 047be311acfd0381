"""Errors, and how to repeat the run: arguments, versions, hashes."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokeff.records.runs import Profile
from tokeff.reports.numbers import percent
from tokeff.reports.page.blocks import Listing, Section, Table, cell, table
from tokeff.reports.wording import unprintable

OPTIONS = {"modality": None, "unit": "file", "device": "auto", "sample": None, "seed": 0, "reconstruction": "sample"}
"""Options of `tokeff profile` and their defaults."""


def errors(profile: Profile) -> Section:
    """Counts by reason, then the first failures in their own words."""
    if not profile.n_err:
        lead: tuple[str, ...] = (f"None: {profile.n_in:,} items went in and {profile.n_ok:,} were measured.",)
        return Section(ident="errors", title="Errors", lead=lead)
    reasons = table("Quarantined items by reason", ("reason", "failures"),
                    [(cell(reason), cell(n)) for reason, n in sorted(profile.failures.items())])  # fmt: skip
    examples = table(
        "Failures" if len(profile.examples) == profile.n_err else f"The first {len(profile.examples)} failures",
        ("item", "stage", "reason", "message", "tokenizer"),
        [(cell(f.key), cell(f.stage), cell(f.reason), cell(f.message), cell(f.tokenizer)) for f in profile.examples],
    )
    said = (
        f"{profile.n_err:,} of {profile.n_in:,} items ({percent(profile.error_rate, 1)}) could not be measured. They "
        "are in no figure of this page; errors.jsonl in the run directory lists them all."
    )
    return Section(ident="errors", title="Errors", lead=(said,), blocks=(reasons, examples))


def reproduce(profile: Profile, folder: Path) -> Section:
    """The command, the corpus fingerprint, the cards with their hashes, the machine and the libraries."""
    run = profile.run
    facts = {
        "corpus fingerprint": run["corpus"]["fingerprint"],
        "seed": run["seed"],
        "device, dtype": f"{run['device']}, {run['dtype']}",
        **{name: value for name, value in run["machine"].items() if value is not None},
        "seconds": run["seconds"],
    }
    return Section(
        ident="reproduce",
        title="How to repeat it",
        lead=("The fingerprint is of keys and sizes of all items; a tokenizer's hash is of its whole declaration.",),
        blocks=(
            Listing(title="Command", lines=(command(run["arguments"], folder),)),
            table("Run", ("what", "value"), [(cell(name), cell(str(value))) for name, value in facts.items()]),
            _cards(run),
            *_verified(run),
            *_inputs(run),
            table("Libraries", ("library", "version"), [(cell(n), cell(v)) for n, v in run["libraries"].items()]),
        ),
    )


def command(arguments: Mapping[str, Any], folder: Path) -> str:
    """The command line of a run.

    >>> command({"paths": ["my photos"], "tokenizers": ["png"], "sample": 9, "cards": []}, Path("runs/a"))
    "tokeff profile 'my photos' -t png --sample 9 -o runs/a"
    """
    words = ["tokeff", "profile", *arguments["paths"]]
    for name in arguments["tokenizers"]:
        words += ["-t", name]
    for name, default in OPTIONS.items():
        if arguments.get(name, default) != default:
            words += [f"--{name}", str(arguments[name])]
    words += ["--count-only"] * bool(arguments.get("count_only"))
    for cards in arguments.get("cards", ()):
        words += ["--cards", cards]
    return unprintable(shlex.join([*words, "-o", str(folder)]))


def _cards(run: Mapping[str, Any]) -> Table:
    rows = [
        (
            cell(card["name"]),
            cell(card["modality"]),
            cell(card["family"]),
            cell(", ".join(f"{key}={value}" for key, value in card["completed"].items()) or None),
            cell(card["sha256"]),
            cell((card["artefact"] or {}).get("sha256")),
        )
        for card in run["cards"]
    ]
    return table("Tokenizers", ("name", "modality", "family", "parameters", "sha256 of its card", "of its file"), rows)


def _inputs(run: Mapping[str, Any]) -> tuple[Table, ...]:
    rows = [
        (cell(name), cell(subject.replace("_", " ")), cell(sentence))
        for name, policy in run.get("inputs", {}).items()
        for subject, sentence in policy.items()
    ]
    return (table("What is done before encoding", ("tokenizer", "what", "how"), rows),) if rows else ()


def _verified(run: Mapping[str, Any]) -> tuple[Table, ...]:
    checks = [
        (cell(name), cell(check["reference"]), cell(check["n_texts"]), cell(check["n_bytes"]))
        for name, check in run["verified"].items()
    ]
    named = "Ids of the fast engine equalled those of the reference library on"
    return (table(named, ("tokenizer", "reference", "texts", "bytes"), checks),) if checks else ()
