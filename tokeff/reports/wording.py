"""Sentences: what a row of figures means, for a person who reads it for the first time."""

import unicodedata

from tokeff.records.measurements import Measurement
from tokeff.records.runs import Profile
from tokeff.reports.numbers import digits, quantity, several

GIGABYTE = 1e9
RAW = {
    "text": "of UTF-8 text",
    "image": "of 8-bit pixels",
    "audio": "of 16-bit samples",
    "video": "of 8-bit pixels",
}


def sentence(each: Measurement) -> str:
    """What one token holds, and how many tokens a stored gigabyte becomes."""
    stored = GIGABYTE / each.stored_bytes_per_token.value
    return (
        f"{each.modality}: a token of {each.tokenizer} stands for {digits(each.bytes_per_token.value)} bytes "
        f"{RAW[each.modality]}; 1 GB as stored gives {quantity(stored)} tokens."
    )


def quarantined(profile: Profile) -> str:
    """How many items could not be measured, and why."""
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(profile.failures.items()))
    verb = "was" if profile.n_err == 1 else "were"
    return f"{profile.n_err:,} of {several(profile.n_in, 'item', 'items')} {verb} quarantined ({reasons})"


def unprintable(text: str) -> str:
    """`text` with control, format and direction characters made visible: file names must not steer a terminal.

    >>> unprintable("a\\x1b[31mb\\u202ec")
    'a\\\\x1b[31mb\\\\u202ec'
    """
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character).startswith("C") else character
        for character in text
    )
