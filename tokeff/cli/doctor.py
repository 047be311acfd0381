"""`tokeff doctor`: what this machine can do, what is missing and how to get it."""

from pathlib import Path
from typing import Annotated

import typer

from tokeff.cli.examples import with_examples


def doctor(
    cards: Annotated[list[Path] | None, typer.Option(help="A folder of your own cards; may be repeated.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What this machine can do: device, libraries, codecs, vocabularies; what is missing and how to get it."""
    from tokeff.engine.doctor import examine
    from tokeff.reports.doctor import print_examination

    print_examination(examine(cards or ()), as_json=json)


with_examples(doctor, "tokeff doctor", "tokeff doctor --cards my-cards/ --json")
