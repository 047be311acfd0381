"""Which laws speak for which modalities, and which of them a plan uses.

A law speaks for the modalities of the runs it was fitted on. Without a choice of the user, each law of the defaults is
shown for its own part of the corpus; laws that disagree stand beside each other.
"""

from collections.abc import Sequence

from tokeff.errors import LawError
from tokeff.laws import Law, form_named, load
from tokeff.planner.shelf import find
from tokeff.records.items import MODALITIES, Modality

COVERS: tuple[tuple[str, tuple[Modality, ...]], ...] = (
    ("hoffmann-", ("text",)),
    ("besiroglu-", ("text",)),
    ("kaplan-", ("text",)),
    ("muennighoff-", ("text",)),
    ("tao-", ("text",)),
    ("henighan-2020-image", ("image",)),
    ("henighan-2020-video", ("video",)),
    ("henighan-2020", ("text",)),
    ("shukor-", ("text", "image")),
    ("aghajanyan-2023-image-text", ("text", "image")),
    ("aghajanyan-2023-image", ("image",)),
    ("aghajanyan-2023-speech-text", ("text", "audio")),
    ("aghajanyan-2023-speech", ("audio",)),
    ("aghajanyan-2023-interaction", ("text", "audio")),
    ("aghajanyan-", ("text",)),
    ("li-2024", ("image",)),
)
"""Beginning of a built-in law's name -> modalities; the first that fits."""

TEXT_DEFAULTS = ("besiroglu-2024-refit", "hoffmann-2022", "muennighoff-2023", "kaplan-2020")
PAIR_DEFAULTS = ("shukor-2025-early", "shukor-2025-moe")
SUN_GUO = "sun-guo-2024"
REPEATED = "muennighoff-2023"
PLANNABLE = {"n_parameters", "n_training_tokens", "n_unique_tokens", "compute_flops"}


def covers(law: Law) -> tuple[Modality, ...]:
    """The modalities that a law speaks for; all of them for a user's law that does not say."""
    for start, modalities in COVERS:
        if law.name.startswith(start):
            return modalities
    named = tuple(m for m in MODALITIES if f"{m}_tokens" in law.modalities)
    return named or MODALITIES


def scope(law: Law, corpus: Sequence[Modality]) -> tuple[Modality, ...]:
    """The part of the corpus that a law speaks for."""
    return tuple(m for m in corpus if m in covers(law))


def choose(names: Sequence[str], corpus: Sequence[Modality]) -> list[Law]:
    """The laws of a plan, besides Sun & Guo's, which is always there.

    Named laws must cover the whole corpus and need no other inputs than a plan has. Raises LawError or NotFound.
    """
    if names:
        laws = [find(name) for name in names if name != SUN_GUO]
        for law in laws:
            _refuse_uncovered(law, corpus)
            _refuse_absent(law, corpus)
            _refuse_other_inputs(law)
        return laws
    chosen = PAIR_DEFAULTS if {"text", "image"} <= set(corpus) else ()
    return [load(name) for name in (*chosen, *(TEXT_DEFAULTS if "text" in corpus else ()))]


def _refuse_uncovered(law: Law, corpus: Sequence[Modality]) -> None:
    if missing := [m for m in corpus if m not in covers(law)]:
        part = ",".join(f"{m}=..." for m in scope(law, corpus))
        raise LawError(
            f"the law does not cover {' and '.join(missing)}",
            where=law.name,
            got=f"a corpus of {', '.join(corpus)}",
            expected=f"only {' and '.join(covers(law))}",
            fix=f"{f'Plan its part alone with --corpus {part}, or l' if part else 'L'}eave --law out: each default law "
            "is then shown for the part that it covers.",
        )


def _refuse_absent(law: Law, corpus: Sequence[Modality]) -> None:
    """A law over modalities has a term for each, without a value where there is no token of it."""
    inputs = law.bound_form(law.modalities).variables if law.modalities else ()
    if absent := [m for m in MODALITIES if f"{m}_tokens" in inputs and m not in corpus]:
        raise LawError(
            f"the law has no value without {' and '.join(absent)}: it was fitted on runs with all its modalities",
            where=law.name,
            got=f"a corpus of {', '.join(corpus)}",
            expected=f"{' and '.join(covers(law))}",
            fix=f"Give it a size too: --corpus {absent[0]}=..., or leave --law out.",
        )


def _refuse_other_inputs(law: Law) -> None:
    inputs = law.bound_form(law.modalities or ("text_tokens",)).variables
    other = [name for name in inputs if name not in PLANNABLE and name.removesuffix("_tokens") not in MODALITIES]
    if other:
        raise LawError(
            "the law asks for inputs that a plan does not have",
            where=law.name,
            got=", ".join(other),
            expected=", ".join(sorted(PLANNABLE)),
            fix=f"Use `tokeff laws predict {law.name}` with those inputs.",
        )
    law.values()


def primary(laws: Sequence[Law], corpus: Sequence[Modality]) -> Law | None:
    """The law of size and data that speaks for most of the corpus, the first of equals; None where there is none."""
    usable = [law for law in laws if form_named(law.form).data == "n_training_tokens"]
    return max(usable, key=lambda law: len(scope(law, corpus)), default=None)
