"""The registry: every named tokenizer, and how a specification becomes an open one.

Cards come from the package `tokenizers_registry` and from the folders a user names. Listing imports nothing heavy.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from tokeff.errors import CardError, CardErrors, NotFound, SpecError
from tokeff.records.cards import Card
from tokeff.tokenizers.cards import Families, parse_card
from tokeff.tokenizers.families import Family, all_families
from tokeff.tokenizers.protocols import Tokenizer
from tokeff.tokenizers.specs import card_of_spec, with_parameter


@dataclass(frozen=True, slots=True)
class Registry:
    """Cards by name and families by (modality, name)."""

    cards: dict[str, Card]
    families: Families

    @classmethod
    def load(cls, folders: Sequence[Path] = ()) -> "Registry":
        """The shipped cards and those in `folders` (searched for *.toml). Raises CardErrors with every problem."""
        families = all_families()
        sources = [*_shipped_texts(), *_folder_texts(folders)]
        return cls(cards=parse_cards(sources, families), families=families)

    @classmethod
    def check(cls, files: Sequence[Path], folders: Sequence[Path] = ()) -> "Registry":
        """The registry with the card `files` added, or every problem of any card as CardErrors."""
        families = all_families()
        known = [*_shipped_texts(), *_folder_texts(folders)]
        texts = {text for _, text in known}
        # A shipped card may be checked by its own path: it does not clash with itself.
        given = [(str(path), text) for path in files if (text := read_text(path)) not in texts]
        return cls(cards=parse_cards([*known, *given], families), families=families)

    def names(self) -> list[str]:
        """Every name and alias."""
        return sorted({*self.cards, *self._aliases()})

    def named(self, name: str) -> Card:
        """The card of a name or alias."""
        card = self.cards.get(self._aliases().get(name, name))
        if card is None:
            raise NotFound.among("tokenizer", name, self.names(), fix="`tokeff tokenizers list` shows them all.")
        return card

    def family(self, card: Card) -> Family:
        """The family of a card."""
        return self.families[card.modality, card.family]

    def card(self, spec: str) -> Card:
        """The card of a specification: `name`, `name?key=value` or `family:source?key=value`."""
        return card_of_spec(spec, self.named, self.families)

    def allow_pickle(self, specs: Sequence[str]) -> tuple[str, ...]:
        """The specifications, those of tokenizers with weights with `allow_pickle=true`.

        Raises SpecError where none of them could read a pickle: the wish would do nothing.
        """
        wished = [with_parameter(spec, "allow_pickle", "true", self.named, self.families) for spec in specs]
        if not any(wished):
            raise SpecError(
                "no tokenizer here reads weights that could be pickled",
                where="--allow-pickle",
                got=", ".join(specs) or "no -t",
                expected="a tokenizer such as vq:DIRECTORY",
            )
        return tuple(new or spec for new, spec in zip(wished, specs, strict=True))

    def open(self, spec: str, *, device: str = "cpu") -> Tokenizer[Any]:
        """An open tokenizer, its weights or vocabulary loaded."""
        card = self.card(spec)
        return self.family(card).loader()(card, _Context(self, device))

    def _aliases(self) -> dict[str, str]:
        return {alias: card.name for card in self.cards.values() for alias in card.aliases}


@dataclass(frozen=True, slots=True)
class _Context:
    registry: Registry
    device: str

    def open(self, spec: str) -> Tokenizer[Any]:
        return self.registry.open(spec, device=self.device)


def parse_cards(sources: Iterable[tuple[str, str]], families: Families) -> dict[str, Card]:
    """Cards of (where, TOML text) pairs by name. Raises CardErrors with the problems of all of them."""
    cards: dict[str, Card] = {}
    taken: dict[str, str] = {}
    problems: list[CardError] = []
    for where, text in sources:
        try:
            card = parse_card(text, where, families)
        except CardErrors as errors:
            problems += errors.problems
            continue
        for name in (card.name, *card.aliases):
            if name in taken:
                problems.append(CardError("name is taken", where=f"{where}: {name}", got=f"also in {taken[name]}"))
            taken[name] = where
        cards[card.name] = card
    if problems:
        raise CardErrors(problems)
    return cards


def read_text(path: Path) -> str:
    """The text of a card file. Raises NotFound or CardError."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFound("there is no card file here", where=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(f"cannot be read: {error}", where=str(path)) from error


def _shipped_texts() -> Iterator[tuple[str, str]]:
    root = resources.files("tokenizers_registry")
    for modality in sorted(root.iterdir(), key=lambda entry: entry.name):
        if modality.is_dir():
            for entry in sorted(modality.iterdir(), key=lambda entry: entry.name):
                if entry.name.endswith(".toml"):
                    yield f"tokenizers_registry/{modality.name}/{entry.name}", entry.read_text("utf-8")


def _folder_texts(folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        if not folder.is_dir():
            raise NotFound("there is no folder of cards here", where=str(folder), fix="Give --cards a folder.")
        for path in sorted(folder.rglob("*.toml")):
            yield str(path), read_text(path)
