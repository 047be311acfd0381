"""The closed table of patch rules: name -> how sizes become layouts, with the numbers it takes. Pure Python.

Each rule is a small module of its own. A card or specification may change a rule's numbers; a number that the rule
does not take is refused, since it would do nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tokeff.errors import NotFound, SpecError
from tokeff.records.cards import ParameterValue
from tokeff.tokenizers.image.layouts import Layout
from tokeff.tokenizers.image.rules.anyres import anyres
from tokeff.tokenizers.image.rules.claude import budgeted_patches
from tokeff.tokenizers.image.rules.gemini import rough_tiles
from tokeff.tokenizers.image.rules.internvl import dynamic_tiles
from tokeff.tokenizers.image.rules.naflex import naflex
from tokeff.tokenizers.image.rules.openai import patches, tiles
from tokeff.tokenizers.image.rules.qwen import smart_resize
from tokeff.tokenizers.image.rules.square import crop, square

Resample = Literal["bicubic", "bilinear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `layout(height, width, **numbers)`."""

    layout: Callable[..., Layout]
    numbers: Mapping[str, ParameterValue] = field(default_factory=dict)
    """What it takes, with the values used where a card says nothing."""
    resample: Resample = "bicubic"
    """The filter of the model's own processor; always antialiased."""
    has_views: bool = True
    """False where only a count is published."""


QWEN2_VL = {"patch": 14, "merge": 2, "min_pixels": 56 * 56, "max_pixels": 16384 * 28 * 28}
QWEN3_VL = {"patch": 16, "merge": 2, "min_pixels": 64 * 32 * 32, "max_pixels": 16384 * 32 * 32}
LLAVA_CANVASES = ("1x2", "2x1", "2x2", "3x1", "1x3")
GPT_TILES = {"tile": 512, "max_side": 2048, "short_side": 768, "base_tokens": 85, "tile_tokens": 170}

RULES: Mapping[str, Rule] = {
    "square": Rule(layout=square, numbers={"size": 224, "patch": 16}),
    "crop": Rule(layout=crop, numbers={"size": 224, "edge": 224, "patch": 14}),
    "naflex": Rule(layout=naflex, numbers={"patch": 16, "max_patches": 256}, resample="bilinear"),
    "qwen2-vl": Rule(layout=smart_resize, numbers=QWEN2_VL),
    "qwen3-vl": Rule(layout=smart_resize, numbers=QWEN3_VL),
    "llava-next": Rule(layout=anyres, numbers={"size": 336, "patch": 14, "canvases": LLAVA_CANVASES}),
    "internvl": Rule(
        layout=dynamic_tiles, numbers={"size": 448, "patch": 14, "merge": 2, "min_tiles": 1, "max_tiles": 12}
    ),
    "gpt-tiles": Rule(layout=tiles, numbers=GPT_TILES),
    "gpt-patches": Rule(layout=patches, numbers={"patch": 32, "max_patches": 1536, "multiplier": 1.0}),
    "claude": Rule(layout=budgeted_patches, numbers={"patch": 28, "max_side": 1568, "max_patches": 1568}),
    "gemini": Rule(layout=rough_tiles, numbers={"small_side": 384, "tile_tokens": 258}, has_views=False),
}

ORDERED = (("patch", "size"), ("size", "edge"), ("min_pixels", "max_pixels"), ("min_tiles", "max_tiles"))
"""Pairs of numbers of which the first must not exceed the second."""


def rule_named(name: str) -> Rule:
    """The rule of a name. Raises NotFound with the closest names."""
    if name not in RULES:
        raise NotFound.among("patch rule", name, RULES)
    return RULES[name]


def numbers_for(rule: Rule, given: Mapping[str, ParameterValue], where: str) -> dict[str, ParameterValue]:
    """The rule's numbers with those `given` in place of its own. Raises SpecError for what the rule cannot take."""
    unknown = sorted(set(given) - set(rule.numbers))
    if unknown:
        expected = "only " + ", ".join(sorted(rule.numbers))
        raise SpecError("the rule takes no such parameter", where=where, got=", ".join(unknown), expected=expected)
    numbers = {**rule.numbers, **given}
    for name, value in numbers.items():
        if isinstance(value, int | float) and value <= 0:
            raise SpecError(f"{name} must be positive", where=where, got=value)
    for low, high in ORDERED:
        smaller, larger = numbers.get(low), numbers.get(high)
        if isinstance(smaller, int) and isinstance(larger, int) and smaller > larger:
            raise SpecError(f"{low} is larger than {high}", where=where, got=f"{low}={smaller}, {high}={larger}")
    _check_canvases(numbers.get("canvases", ()), where)
    return numbers


def _check_canvases(canvases: ParameterValue, where: str) -> None:
    for canvas in canvases if isinstance(canvases, tuple) else ():
        rows, _, columns = str(canvas).partition("x")
        if not (rows.isdigit() and columns.isdigit() and int(rows) > 0 and int(columns) > 0):
            raise SpecError("not a canvas", where=where, got=repr(canvas), expected="rows x columns, such as 2x1")
