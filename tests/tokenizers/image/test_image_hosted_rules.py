"""Rules of hosted models against the examples that their owners publish, and against a second way to compute them."""

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokeff.errors import ItemError
from tokeff.records.headers import ImageHeader
from tokeff.tokenizers.image.rules.claude import budgeted_patches
from tokeff.tokenizers.image.rules.openai import patches
from tokeff.tokenizers.protocols import Reconstructs
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()


def count(spec: str, width: int, height: int) -> int:
    tokenizer: Any = REGISTRY.open(spec)
    n_tokens: int = tokenizer.count(ImageHeader(width=width, height=height, channels=3)).n_tokens
    return n_tokens


@pytest.mark.parametrize(
    ("name", "width", "height", "expected"),
    [
        # "Cost calculation examples" of OpenAI's guide
        ("gpt-4o", 1024, 1024, 765),
        ("gpt-4o", 2048, 4096, 1105),
        ("patch:gpt-patches", 1024, 1024, 1024),
        ("patch:gpt-patches", 1800, 2400, 1452),
        # the same with the table of base and tile tokens, and with the multipliers
        ("gpt-4o-mini", 1024, 1024, 2833 + 4 * 5667),
        ("gpt-5", 1024, 1024, 70 + 4 * 140),
        ("o3", 2048, 4096, 75 + 6 * 150),
        ("gpt-4.1-mini", 1800, 2400, 2353),
        ("gpt-4.1-nano", 1024, 1024, 2520),
        ("o4-mini", 1024, 1024, 1762),
        # the table under "Resolution and token cost" of Anthropic's guide
        ("claude", 200, 200, 64),
        ("claude", 1000, 1000, 1296),
        ("claude", 1092, 1092, 1521),
        ("claude", 1920, 1080, 1560),
        ("claude", 2000, 1500, 1564),
        ("claude", 3840, 2160, 1560),
        ("claude-high-resolution", 1920, 1080, 2691),
        ("claude-high-resolution", 2000, 1500, 3888),
        ("claude-high-resolution", 3840, 2160, 4784),
        # the example of Google's guide, and both sides of its small pictures
        ("gemini", 960, 540, 6 * 258),
        ("gemini", 384, 384, 258),
        ("gemini", 385, 384, 4 * 258),
    ],
)
def test_published_examples(name: str, width: int, height: int, expected: int) -> None:
    assert count(name, width, height) == expected


@pytest.mark.parametrize(
    ("name", "size", "resized"),
    [
        ("claude", (1075, 1520), (924, 1307)),
        ("claude", (1920, 1080), (1456, 819)),
        # The guide's table has 1269x952 here, its reference implementation this: an exact tie, rounded half to even.
        ("claude", (2000, 1500), (1270, 952)),
        ("claude-high-resolution", (3840, 2160), (2576, 1449)),
    ],
)
def test_published_sizes_of_claude(name: str, size: tuple[int, int], resized: tuple[int, int]) -> None:
    tokenizer: Any = REGISTRY.open(name)
    layout = tokenizer.bound(size[1], size[0])
    assert layout.views[0].resized == (resized[1], resized[0])
    assert all(canvas - side < 28 for canvas, side in zip(layout.views[0].canvas, layout.views[0].resized, strict=True))


@given(
    sides=st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    limits=st.sampled_from([(1568, 1568), (2576, 4784)]),
)
def test_claude_takes_the_largest_size_within_both_limits(sides: tuple[int, int], limits: tuple[int, int]) -> None:
    max_side, max_patches = limits
    layout = budgeted_patches(*sides, patch=28, max_side=max_side, max_patches=max_patches)
    (view,) = layout.views

    def fits(height: int, width: int) -> bool:
        rows, columns = math.ceil(height / 28), math.ceil(width / 28)
        return max(rows, columns) * 28 <= max_side and rows * columns <= max_patches

    assert fits(*view.resized)
    assert layout.n_tokens == view.canvas[0] * view.canvas[1] // 28**2
    if fits(*sides):
        assert view.resized == sides
    else:
        longer = max(view.resized) + 1
        shorter = max(1, round(longer / (max(sides) / min(sides))))
        assert not fits(longer, shorter)


def guide_patches(width: int, height: int) -> float:
    """The formulas of OpenAI's guide in floats, a hair below each whole number, which floats may overshoot."""
    if math.ceil(width / 32) * math.ceil(height / 32) <= 1536:
        return math.ceil(width / 32) * math.ceil(height / 32)
    r = math.sqrt(32**2 * 1536 / (width * height))
    a, b = width * r / 32, height * r / 32
    r *= min(math.floor(a + 1e-9) / a, math.floor(b + 1e-9) / b)
    return math.ceil(width * r / 32 - 1e-9) * math.ceil(height * r / 32 - 1e-9)


@given(width=st.integers(1, 12_000), height=st.integers(1, 12_000))
@example(width=432, height=7249)
@settings(max_examples=1000)
def test_integer_patches_equal_the_guides_formulas(width: int, height: int) -> None:
    if max(width, height) <= 1536 * min(width, height):
        n_tokens = patches(height, width, patch=32, max_patches=1536, multiplier=1.0).n_tokens
        assert n_tokens == guide_patches(width, height)
        assert n_tokens <= 1536


@pytest.mark.parametrize(("name", "width"), [("gpt-4.1-mini", 60_000), ("gemini", 60_000)])
def test_lines_are_refused(name: str, width: int) -> None:
    with pytest.raises(ItemError) as refusal:
        count(name, width, 1)
    assert refusal.value.reason == "aspect_ratio"


def test_only_known_geometry_reconstructs() -> None:
    assert not isinstance(REGISTRY.open("gemini"), Reconstructs)
    assert isinstance(REGISTRY.open("claude"), Reconstructs)


def test_hosted_cards_say_when_the_rule_was_read() -> None:
    hosted = [card for card in REGISTRY.cards.values() if card.modality == "image" and card.licence == "proprietary"]
    assert len(hosted) == 10
    assert all(card.date and "Only declared" in card.notes for card in hosted)
