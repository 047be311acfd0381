"""Cards as a terminal shows them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from rich.table import Table

from tokeff.errors import NotFound
from tokeff.records.cards import Card
from tokeff.records.items import MODALITIES
from tokeff.reports.console import console
from tokeff.tokenizers.families import Family
from tokeff.tokenizers.registry import Registry


def print_cards(registry: Registry, modality: str | None, *, as_json: bool) -> None:
    """Every card, grouped by modality."""
    if modality is not None and modality not in MODALITIES:
        raise NotFound.among("modality", modality, MODALITIES)
    order = sorted(registry.cards.values(), key=lambda card: (MODALITIES.index(card.modality), card.family, card.name))
    cards = [card for card in order if modality in (None, card.modality)]
    if as_json:
        print(json.dumps([asdict(card) for card in cards], indent=1, ensure_ascii=False))
        return
    out = console()
    for name, group in groupby(cards, key=lambda card: card.modality):
        table = Table(title=name, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        for column in ("name", "family", "vocabulary", "what it is"):
            table.add_column(column, no_wrap=column != "what it is", style="cyan" if column == "name" else None)
        for card in group:
            also = f" (also {', '.join(card.aliases)})" if card.aliases else ""
            vocabulary = f"{card.vocab_size:,}" if card.vocab_size else "–"
            table.add_row(card.name, card.family, vocabulary, card.summary + also)
        out.print(table)
        out.print()
    out.print("`tokeff tokenizers show NAME` tells more; anything else opens as family:source?key=value.", style="dim")


def show_card(registry: Registry, spec: str, *, as_json: bool) -> None:
    """Everything declared of one tokenizer."""
    card = registry.card(spec)
    family = registry.family(card)
    if as_json:
        print(json.dumps({**asdict(card), "completed": family.complete(card.parameters)}, indent=1, ensure_ascii=False))
        return
    out = console()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(card):
        table.add_row(name, value)
    out.print(table)
    _print_parameters(card, family)


def _facts(card: Card) -> list[tuple[str, str]]:
    artefact = {k: v for k, v in asdict(card.artefact).items() if v is not None} if card.artefact else {}
    facts = [
        ("name", ", ".join((card.name, *card.aliases))),
        ("what", card.summary),
        ("modality", card.modality),
        ("family", card.family),
        ("vocabulary", f"{card.vocab_size:,}" if card.vocab_size else ""),
        *((f"artefact {key}", str(value)) for key, value in artefact.items()),
        ("licence", card.licence),
        ("source", card.source),
        ("read on", card.date),
        ("citation", card.citation),
        ("needs", f"pip install 'tokeff[{card.extra}]'" if card.extra else ""),
        ("notes", card.notes),
        ("sha256", card.sha256),
    ]
    return [(name, value) for name, value in facts if value]


def _print_parameters(card: Card, family: Family) -> None:
    if not family.parameters:
        return
    table = Table(title="parameters", title_justify="left", title_style="dim", box=None, padding=(0, 2, 0, 0))
    for column in ("name", "value", "type", "what it does"):
        table.add_column(column, no_wrap=column == "name")
    complete = family.complete(card.parameters)
    for name, parameter in family.parameters.items():
        choices = f" ({', '.join(map(str, parameter.choices))})" if parameter.choices else ""
        table.add_row(name, str(complete.get(name, "–")), parameter.type.__name__, parameter.help + choices)
    console().print(table)


def print_family_check(registry: Registry, *, as_json: bool) -> None:
    """That every card is right (a wrong one raises before this)."""
    if as_json:
        print(json.dumps({"n_cards": len(registry.cards), "problems": []}))
        return
    print(f"{len(registry.cards)} cards are right.")


def print_problems(problems: Sequence[str]) -> None:
    """The problems of cards as JSON."""
    print(json.dumps({"n_cards": None, "problems": list(problems)}, indent=1, ensure_ascii=False))
