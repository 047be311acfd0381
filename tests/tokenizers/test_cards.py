"""Cards are strict: every problem at once, each with its file, key, got, expected and a suggestion."""

from pathlib import Path

import pytest

from tokeff.errors import CardErrors
from tokeff.records.cards import Card
from tokeff.tokenizers.cards import Families, parse_card
from tokeff.tokenizers.families import Family, Parameter
from tokeff.tokenizers.registry import Registry, parse_cards

FAMILIES: Families = {
    ("text", "toy"): Family(
        name="toy",
        modality="text",
        summary="a toy",
        load="nowhere:load",
        takes_artefact=True,
        parameters={
            "width": Parameter(type=int, default=4, help="how wide"),
            "ratio": Parameter(type=float, default=None, help="a ratio"),
            "mode": Parameter(type=str, default="a", help="a mode", choices=("a", "b")),
            "levels": Parameter(type=tuple, default=None, help="levels"),
        },
    )
}
GOOD = """
schema_version = 1
name = "toy-4"
modality = "text"
family = "toy"
summary = "four wide"
licence = "CC0-1.0"
source = "made here"
aliases = ["four"]
vocab_size = 4
[parameters]
ratio = 1
levels = [8, 5]
[artefact]
file = "toy.json"
bytes = 12
"""


def parse(text: str) -> Card:
    return parse_card(text, "toy.toml", FAMILIES)


def problems(text: str) -> list[str]:
    with pytest.raises(CardErrors) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_card() -> None:
    card = parse(GOOD)
    assert (card.name, card.aliases, card.vocab_size) == ("toy-4", ("four",), 4)
    assert card.parameters == {"ratio": 1.0, "levels": (8, 5)}
    assert type(card.parameters["ratio"]) is float
    assert card.artefact is not None
    assert (card.artefact.file, card.artefact.n_bytes) == ("toy.json", 12)
    assert len(card.sha256) == 64


def test_the_hash_is_of_what_is_declared_not_of_the_layout() -> None:
    assert parse(GOOD).sha256 == parse("# a remark\n" + GOOD).sha256
    assert parse(GOOD).sha256 != parse(GOOD.replace("four wide", "4 wide")).sha256


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        ('summary = "four wide"', "", "toy.toml: summary: missing key; expected str"),
        (
            'family = "toy"',
            'family = "toi"',
            "toy.toml: family: unknown text family; got toi; expected one of toy. Did you mean toy?",
        ),
        ('modality = "text"', 'modality = "smell"', "toy.toml: modality: unknown modality; got smell"),
        ("schema_version = 1", "schema_version = 2", "toy.toml: schema_version: not this schema; got 2; expected 1"),
        ("vocab_size = 4", "vocab_size = 0", "toy.toml: vocab_size: wrong value; got 0"),
        ("vocab_size = 4", "vocabsize = 4", "Did you mean vocab_size?"),
        ('licence = "CC0-1.0"', "licence = 1", "toy.toml: licence: wrong type; got int; expected str"),
        ("ratio = 1", "ratoi = 1", "toy.toml: parameters.ratoi: unknown key"),
        ("ratio = 1", 'ratio = "x"', "toy.toml: parameters.ratio: wrong type; got str 'x'; expected float"),
        ("ratio = 1", "width = true", "toy.toml: parameters.width: wrong type; got bool True; expected int"),
        ("ratio = 1", 'mode = "c"', "toy.toml: parameters.mode: not a choice; got 'c'; expected one of a, b"),
        ('file = "toy.json"', "", "toy.toml: artefact: says no place"),
        ('file = "toy.json"', 'file = "t"\nsha256 = "abc"', "toy.toml: artefact.sha256: not a sha256"),
        ('name = "toy-4"', 'name = "Toy 4"', "toy.toml: name: not a name; got 'Toy 4'"),
        ("[artefact]", "[artefact", "toy.toml: is not TOML"),
    ],
)
def test_one_problem(change: str, to: str, expected: str) -> None:
    assert change in GOOD
    found = problems(GOOD.replace(change, to))
    assert any(expected in problem for problem in found), found


def test_all_problems_come_at_once() -> None:
    bad = GOOD.replace('summary = "four wide"', "").replace("ratio = 1", "ratoi = 1").replace("vocab_size = 4", "x = 4")
    assert len(problems(bad)) == 3


def test_a_name_is_taken_once() -> None:
    with pytest.raises(CardErrors, match=r"b.toml: four: name is taken; got also in a.toml"):
        parse_cards([("a.toml", GOOD), ("b.toml", GOOD.replace('"toy-4"', '"toy-5"'))], FAMILIES)


def test_every_shipped_card_is_right_and_speaks_for_itself() -> None:
    registry = Registry.load()
    assert len(registry.cards) >= 30
    for card in registry.cards.values():
        assert card.summary
        assert card.licence
        assert card.source


def test_a_shipped_card_may_be_checked_by_its_path() -> None:
    path = Path(__file__).parents[2] / "tokenizers_registry" / "text" / "gpt2.toml"
    assert "gpt2" in Registry.check([path]).cards
