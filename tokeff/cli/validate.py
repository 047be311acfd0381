"""`tokeff validate`: whether a finished run is what its shards and items say."""

from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

N_SHOWN = 20
EXAMPLES = """Examples:

  tokeff validate runs/first

  tokeff validate runs/first --json
"""


def validate(
    run: Annotated[Path, typer.Argument(help="A run directory.", metavar="RUN")],
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Derive every total of a run again from its shards and items; say what differs, with exit code 1."""
    from tokeff.engine.validate import validate as derive

    found = derive(run)
    if json:
        typer.echo(dumps({**asdict(found), "is_valid": not found.differences}, indent=1, ensure_ascii=False))
        raise typer.Exit(1 if found.differences else 0)
    counted = f"{found.n_items:,} items ({found.n_errors:,} quarantined) in {found.n_shards:,} shards"
    if not found.differences:
        typer.echo(f"{run}: {counted}; every total is what the shards and the items say.")
        return
    n_more = len(found.differences) - N_SHOWN
    for line in (*found.differences[:N_SHOWN], *[f"and {n_more:,} more"] * (n_more > 0)):
        typer.echo(f"tokeff: {run}: {line}", err=True)
    raise typer.Exit(1)


validate.__doc__ = f"{validate.__doc__}\n\n\b\n{EXAMPLES}"
