"""`tokeff score`: originals against reconstructions that were made elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from tokeff.cli.examples import with_examples


def score(  # noqa: PLR0917  # typer takes options as parameters
    originals: Annotated[Path, typer.Argument(help="A folder of originals.")],
    reconstructions: Annotated[Path, typer.Argument(help="A folder with the same relative paths, any extension.")],
    whole: Annotated[bool, typer.Option("--whole", help="Code every pair whole, not windows of some.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of which pairs are coded.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Score reconstructions of a tokenizer that lives elsewhere: distortion and missing bits, pair by pair."""
    from tokeff.cli.progress import TerminalProgress
    from tokeff.engine.device import resolve_device
    from tokeff.engine.score import score as run
    from tokeff.reports.score import print_score

    where = resolve_device(device)  # type: ignore[arg-type]
    with TerminalProgress() as progress:
        sheet = run(originals, reconstructions, device=where, whole=whole, seed=seed, observer=progress)
    print_score(sheet, as_json=json)


with_examples(
    score, "tokeff score originals/ reconstructions/", "tokeff score photos/ rebuilt/ --whole --device cuda --json"
)
