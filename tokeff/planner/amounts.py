"""Amounts as people write them: 2TB, 2TiB, 2e12, 40 GB; 7B parameters; 1e22; text=2TB,video=x1000.

Refuses a unit that is not known and a size that cannot be meant, and says how to write it. Leaves out what the amounts
are for.
"""

import math
import re
from collections.abc import Iterable

from tokeff.errors import TokeffError
from tokeff.records.items import MODALITIES, Modality

NUMBER = re.compile(r"\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s].*)?$")
DECIMAL = {prefix: 10.0 ** (3 * power) for power, prefix in enumerate(("", "k", "M", "G", "T", "P", "E"))}
BYTES = {f"{prefix}B".lower(): value for prefix, value in DECIMAL.items()} | {
    f"{prefix}iB".lower(): 2.0 ** (10 * power) for power, prefix in enumerate(("k", "M", "G", "T", "P", "E"), 1)
}
COUNTS = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
LEAST_BARE_BYTES = 1e6
MOST = 1e45
SIZE_EXAMPLES = "a size such as 2TB, 2TiB, 40 GB or 2e12 (bytes)"


def parse_bytes(text: str | float, where: str) -> float:
    """Bytes. A bare number is bytes, and refused below a million: there a unit was forgotten.

    >>> parse_bytes("2TB", ""), parse_bytes("1TiB", ""), parse_bytes("2e12", ""), parse_bytes("40 GB", "")
    (2000000000000.0, 1099511627776.0, 2000000000000.0, 40000000000.0)
    """
    number, unit = _split(text, where, SIZE_EXAMPLES)
    if not unit and number < LEAST_BARE_BYTES:
        raise TokeffError(
            "the size has no unit",
            where=where,
            got=str(text).strip(),
            expected=SIZE_EXAMPLES,
            fix=f"Write {number:g}GB, or {number:g}B if bytes are meant.",
        )
    if unit and unit.lower() not in BYTES:
        known = "B, kB, MB, GB, TB, PB, EB; KiB, MiB, GiB, TiB, PiB, EiB"
        raise TokeffError("unknown unit of size", where=where, got=unit, expected=known)
    return number * (BYTES[unit.lower()] if unit else 1.0)


def parse_count(text: str | float, where: str, example: str = "7B, 7e9 or 7000000000") -> float:
    """A positive number with a short-scale suffix.

    >>> parse_count("7B", ""), parse_count("350M", ""), parse_count("1e22", ""), parse_count("1.5T", "")
    (7000000000.0, 350000000.0, 1e+22, 1500000000000.0)
    """
    number, unit = _split(text, where, example)
    if unit.lower() not in COUNTS and unit:
        raise TokeffError("unknown unit", where=where, got=unit, expected="k, M, B (1e9), T (1e12) or none")
    return number * (COUNTS[unit.lower()] if unit else 1.0)


def _split(text: str | float, where: str, example: str) -> tuple[float, str]:
    found = NUMBER.match(str(text))
    number = float(found[1].replace("_", "")) if found else math.nan
    if not found or not math.isfinite(number):
        raise TokeffError("not an amount", where=where, got=repr(text), expected=example)
    if number <= 0:
        raise TokeffError(
            "the amount must be above zero: the laws are made of logarithms and powers and have no value there",
            where=where,
            got=str(text).strip(),
            expected=example,
            fix="Leave a modality out instead of giving it nothing." if "=" in where or "corpus" in where else None,
        )
    if not 1 / MOST < number < MOST:
        raise TokeffError("no such amount can be meant", where=where, got=str(text).strip(), expected=example)
    return number, (found[2] or "").strip()


def parse_pairs(texts: Iterable[str], where: str, example: str) -> dict[str, str]:
    """`a=1,b=2` and repeats of it as a mapping. Refuses what has no `=` and what is named twice."""
    pairs: dict[str, str] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not name or not value:
            raise TokeffError("not of the form NAME=VALUE", where=where, got=repr(part), expected=example)
        if name in pairs:
            raise TokeffError("is given twice", where=f"{where} {name}", got=f"{pairs[name]} and {value}")
        pairs[name] = value
    return pairs


def modality(name: str, where: str) -> Modality:
    """`name` as a modality; a refusal that lists them otherwise."""
    for known in MODALITIES:
        if name == known:
            return known
    raise TokeffError("not a modality", where=where, got=repr(name), expected=", ".join(MODALITIES))


def parse_interval(text: str, where: str) -> tuple[float, float]:
    """A share or a range of shares.

    >>> [parse_interval(text, "") for text in ("0.2..0.8", "20%..80%", "0.5", "..0.4")]
    [(0.2, 0.8), (0.2, 0.8), (0.5, 0.5), (0.0, 0.4)]
    """
    example = "a share such as 0.3, 20%..80%, 0.2.. or ..0.5"
    low, dots, high = text.partition("..")
    bounds = (_share(low, 0.0, where, example), _share(high if dots else low, 1.0, where, example))
    if not 0 <= bounds[0] <= bounds[1] <= 1 or not text.strip("."):
        raise TokeffError("not a range of shares", where=where, got=text, expected=example)
    return bounds


def _share(text: str, default: float, where: str, example: str) -> float:
    text = text.strip()
    if not text:
        return default
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise TokeffError("not a share", where=where, got=text, expected=example) from error
