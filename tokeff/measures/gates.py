"""Gates: what a reader must know before believing an efficiency. Shown before any figure.

Published comparisons of tokenizers went wrong by unknown tokens that swallow text, by specials that were counted and
by texts that do not come back. Leaves out items that failed: they are quarantined.
"""

from collections.abc import Iterator

from tokeff.records.measurements import Measurement
from tokeff.records.runs import Alert

LONGEST_TOKEN_BYTES = 256
"""Twice the longest token of the common vocabularies (128 spaces in cl100k and o200k)."""

UNCERTAIN_SHARE = 0.01
"""An order-0 entropy whose bias correction is more than this share of it is called uncertain."""


def alerts(measurement: Measurement) -> Iterator[Alert]:
    """Every alert that a measurement calls for."""
    yield from text_alerts(measurement)
    if measurement.absent.get("ci.bytes_per_token.low") == "too_few_items":
        advice = "; with --unit line or paragraph each line or paragraph is an item" * (measurement.modality == "text")
        n = measurement.n_items
        sentence = f"{n:,} {'item is' if n == 1 else 'items are'} too few for an interval: it takes 10{advice}."
        yield Alert(code="too_few_items", sentence=sentence, tokenizer=measurement.tokenizer)

    yield from _entropy(measurement)


def _entropy(measurement: Measurement) -> Iterator[Alert]:
    """Whether the tokens are enough for an order-0 entropy: Miller and Madow's correction says how far off it is."""
    plain = measurement.entropy.get("order0_bits_per_token")
    corrected = measurement.entropy.get("order0_miller_madow_bits_per_token")
    if plain is None or corrected is None or corrected - plain <= UNCERTAIN_SHARE * corrected:
        return
    sentence = (
        f"{measurement.entropy['n_types']:,} different ids among {measurement.n_tokens:,} tokens are too many for a "
        f"sure entropy: bits per token and per byte are estimates, likely too low."
    )
    yield Alert(code="entropy_uncertain", sentence=sentence, tokenizer=measurement.tokenizer)


def text_alerts(measurement: Measurement) -> Iterator[Alert]:
    """Round trip, unknown tokens, specials, longest token, text that no token stands for."""
    if measurement.text:
        for code, sentence in (*_round_trip(measurement), *_vocabulary(measurement)):
            yield Alert(code=code, sentence=sentence, tokenizer=measurement.tokenizer)


def _round_trip(measurement: Measurement) -> Iterator[tuple[str, str]]:
    n_checked = measurement.text["n_reconstructed"]
    n_failures = measurement.text["n_roundtrip_failures"]
    n_items = measurement.n_measured or measurement.n_items
    if n_checked is None:
        yield "roundtrip_unchecked", "no text was decoded again, so it is not known whether the tokens keep them."
    elif n_failures:
        yield (
            "roundtrip_failures",
            f"{n_failures:,} of {n_checked:,} texts do not come back byte for byte: bytes are saved by losing text.",
        )
    if n_checked is not None and n_checked < n_items:
        yield "roundtrip_partly_checked", f"only {n_checked:,} of {n_items:,} texts were decoded again."


def _vocabulary(measurement: Measurement) -> Iterator[tuple[str, str]]:
    text = measurement.text
    if text["longest_token_bytes"] is None:
        yield "vocabulary_unchecked", "its vocabulary cannot be read, so unknown tokens were not looked for."
        return
    if text["n_unknown_tokens"]:
        yield (
            "unknown_tokens",
            f"{text['n_unknown_tokens']:,} tokens are unknown: each hides text of any length, so bytes per token is "
            "too high.",
        )
    if text["n_tokens_without_text"]:
        yield (
            "tokens_without_text",
            f"{text['n_tokens_without_text']:,} tokens stand for no text (specials such as BOS): bytes per token is "
            "too low.",
        )
    if text["longest_token_bytes"] > LONGEST_TOKEN_BYTES:
        yield (
            "long_tokens",
            f"a token stands for {text['longest_token_bytes']:,} bytes: repetitive text, or a vocabulary that "
            "memorised it.",
        )
