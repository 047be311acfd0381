"""`tokeff validate`: whether a finished run is what its shards and items say."""

from pathlib import Path
from typing import Annotated

import typer

N_SHOWN = 20


def validate(run: Annotated[Path, typer.Argument(help="A run directory.", metavar="RUN")]) -> None:
    """Derive every total of a run again from its shards and items; say what differs, with exit code 1."""
    from tokeff.engine.validate import validate as derive

    found = derive(run)
    counted = f"{found.n_items:,} items ({found.n_errors:,} quarantined) in {found.n_shards:,} shards"
    if not found.differences:
        typer.echo(f"{run}: {counted}; every total is what the shards and the items say.")
        return
    n_more = len(found.differences) - N_SHOWN
    for line in (*found.differences[:N_SHOWN], *[f"and {n_more:,} more"] * (n_more > 0)):
        typer.echo(f"tokeff: {run}: {line}", err=True)
    raise typer.Exit(1)
