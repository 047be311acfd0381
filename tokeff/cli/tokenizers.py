"""`tokeff tokenizers`: which tokenizers there are, what is declared of one, whether a card is right."""

from pathlib import Path
from typing import Annotated

import typer

from tokeff.cli.examples import with_examples
from tokeff.cli.train import train
from tokeff.errors import CardErrors
from tokeff.reports.cards import print_cards, print_family_check, print_problems, show_card
from tokeff.tokenizers.registry import Registry

tokenizers = typer.Typer(help="List, show and check tokenizers.", no_args_is_help=True)
tokenizers.add_typer(train, name="train")

CardFolders = Annotated[list[Path] | None, typer.Option("--cards", help="A folder of your own cards; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@tokenizers.command("list")
def list_(
    modality: Annotated[str | None, typer.Argument(help="Only text, image, audio or video.")] = None,
    cards: CardFolders = None,
    json: AsJson = False,
) -> None:
    """Every named tokenizer, by modality."""
    print_cards(Registry.load(cards or ()), modality, as_json=json)


@tokenizers.command()
def show(
    name: Annotated[str, typer.Argument(help="A card name or family:source?key=value.")],
    cards: CardFolders = None,
    json: AsJson = False,
) -> None:
    """What is declared of one tokenizer, with every parameter it takes."""
    show_card(Registry.load(cards or ()), name, as_json=json)


@tokenizers.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Card files; none means every shipped card.")] = None,
    cards: CardFolders = None,
    json: AsJson = False,
) -> None:
    """Check cards: every problem at once, with file, key, got and expected."""
    try:
        print_family_check(Registry.check(files or (), cards or ()), as_json=json)
    except CardErrors as error:
        if not json:
            raise
        print_problems([str(problem) for problem in error.problems])
        raise typer.Exit(1) from error


with_examples(list_, "tokeff tokenizers list", "tokeff tokenizers list audio --json")
with_examples(show, "tokeff tokenizers show qwen2-vl", "tokeff tokenizers show 'patch:qwen2-vl?max_pixels=1003520'")
with_examples(check, "tokeff tokenizers check", "tokeff tokenizers check mine.toml --json")
