"""Cautions: alerts of a run and what follows from its finished figures, each said once for all tokenizers concerned.

Leaves out the gates that look at single texts and tokens (`tokeff.measures.gates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tokeff.records.measurements import Measurement
from tokeff.records.runs import Profile
from tokeff.reports.numbers import digits, percent

WIDE = 0.10
"""An interval whose half-width is a larger share of its value is called wide."""
DEAD = 0.5
"""A codebook of which a smaller share occurs in plenty of tokens has dead codes."""
PLENTY = 20
"""Tokens per id of the vocabulary from which on an id that never occurs says something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """One sentence, and the tokenizers that it is about."""

    code: str
    about: tuple[str, ...]
    sentence: str


def cautions(profile: Profile) -> tuple[Caution, ...]:
    """What a reader should know before believing the figures."""
    return (*_alerts(profile), *_wide_intervals(profile), *_dead_codes(profile))


def _alerts(profile: Profile) -> Iterator[Caution]:
    names: dict[tuple[str, str], list[str]] = {}
    for alert in profile.alerts:
        names.setdefault((alert.code, alert.sentence), []).extend([alert.tokenizer] if alert.tokenizer else [])
    for (code, sentence), about in names.items():
        yield Caution(code=code, about=tuple(about), sentence=sentence)


def _wide_intervals(profile: Profile) -> Iterator[Caution]:
    widths = {each.tokenizer: relative_half_width(each) for each in profile.measurements}
    wide = {name: width for name, width in widths.items() if width is not None and width > WIDE}
    if wide:
        yield Caution(
            code="wide_interval",
            about=tuple(f"{name} ±{percent(width)}" for name, width in wide.items()),
            sentence="bytes per token are known no better than that: few items, or items that differ much. "
            "More items narrow it.",
        )


def _dead_codes(profile: Profile) -> Iterator[Caution]:
    for each in profile.measurements:
        utilisation = each.entropy.get("utilisation")
        # A vocabulary of text is not meant to occur whole; a codebook is.
        if each.modality == "text" or utilisation is None or each.vocab_size is None:
            continue
        n_codes = sum(each.codebook_sizes) or each.vocab_size  # of all streams, as `n_types` is
        per_id = each.n_tokens / n_codes
        if utilisation < DEAD and per_id >= PLENTY:
            yield Caution(
                code="dead_codes",
                about=(each.tokenizer,),
                sentence=f"{each.entropy['n_types']:,} of {n_codes:,} codes occur, with {digits(per_id)} "
                "tokens per code: the others are dead on this corpus.",
            )
        yield from _dead_levels(each)


def _dead_levels(each: Measurement) -> Iterator[Caution]:
    """Values that a digit of the code never takes, though there are plenty of tokens for each."""
    levels = (each.entropy.get("codebook") or {}).get("levels", ())
    dead = [
        f"digit {place} takes {level['n_values'] - level['n_dead']} of {level['n_values']} values"
        for place, level in enumerate(levels, 1)
        if level["n_dead"] and each.n_tokens >= PLENTY * level["n_values"]
    ]
    if dead:
        yield Caution(
            code="dead_levels",
            about=(each.tokenizer,),
            sentence=f"of its codes {', '.join(dead)}: whole directions of the codebook carry less than they could.",
        )


def relative_half_width(each: Measurement) -> float | None:
    """Half the width of the interval of bytes per token as a share of the value."""
    ratio = each.bytes_per_token
    return None if ratio.low is None or ratio.high is None else (ratio.high - ratio.low) / 2 / ratio.value
