"""Cards and specifications of the image room: guessed names, rules as sources, numbers that a rule cannot take."""

import doctest
import subprocess
import sys
from types import ModuleType

import pytest

from tokeff.errors import CardErrors, NotFound, SpecError
from tokeff.records.cards import Card
from tokeff.tokenizers.image import FAMILIES, layouts
from tokeff.tokenizers.image.rules import RULES, claude, gemini, openai, qwen
from tokeff.tokenizers.protocols import CountsFromHeader, Tokenizer
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
CARDS = [
    card for card in REGISTRY.cards.values() if card.modality == "image" and card.family in ("patch", "codec-bytes")
]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_opens_and_says_where_it_comes_from(card: Card) -> None:
    tokenizer = REGISTRY.open(card.name)
    assert isinstance(tokenizer, Tokenizer)
    assert isinstance(tokenizer, CountsFromHeader) == (card.family == "patch")
    assert tokenizer.codebook_sizes == ((256,) if card.family == "codec-bytes" else ())
    assert card.summary
    assert card.licence
    assert card.source


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_can_be_named_without_a_card(name: str) -> None:
    assert REGISTRY.card(f"patch:{name}").parameters == {"rule": name}
    assert isinstance(REGISTRY.open(f"patch:{name}"), CountsFromHeader)


@pytest.mark.parametrize("card", [card for card in CARDS if card.family == "patch"], ids=lambda card: card.name)
def test_cards_spell_out_every_number_of_their_rule(card: Card) -> None:
    assert set(card.parameters) - {"rule", "resample"} == set(RULES[str(card.parameters["rule"])].numbers)


def test_every_number_of_every_rule_is_a_parameter_of_the_family() -> None:
    (family,) = (family for family in FAMILIES if family.name == "patch")
    taken = {name for rule in RULES.values() for name in rule.numbers}
    assert taken == set(family.parameters) - {"rule", "resample"}


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("qwen2-vl?size=224", "takes no such parameter"),
        ("qwen2-vl?patch=0", "must be positive"),
        ("qwen2-vl?min_pixels=2000000&max_pixels=1000000", "larger"),
        ("vit-b16-224?patch=300", "larger"),
        ("vit-l14-224?edge=100", "larger"),
        ("llava-next?canvases=1x2,banana", "canvas"),
        ("llava-next?canvases=0x2", "canvas"),
        ("gemini?resample=bilinear", "resizes nothing"),
        ("patch:", "no rule"),
    ],
)
def test_numbers_that_a_rule_cannot_take_are_refused(spec: str, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        REGISTRY.open(spec)


def test_unknown_rules_are_named_with_their_likes() -> None:
    with pytest.raises(NotFound, match="qwen2-vl"):
        REGISTRY.card("patch:qwen2vl")
    with pytest.raises(CardErrors, match="choice"):
        REGISTRY.card("vit-b16-224?resample=nearest")


def test_listing_the_room_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "PIL", "transformers")
    code = f"import sys, tokeff.tokenizers.image; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [layouts, claude, gemini, openai, qwen], ids=lambda module: module.__name__)
def test_worked_examples_hold(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
