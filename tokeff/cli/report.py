"""`tokeff report`: write the page of finished runs again."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """Examples:

  tokeff report runs/first

  tokeff report runs/first -o first.html --no-samples

  tokeff report runs/*

  tokeff report runs/first --json
"""


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories of `tokeff profile -o`.", metavar="RUN...")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write the page of one run to this file.", show_default=False)
    ] = None,
    samples: Annotated[
        bool,
        typer.Option(
            "--samples/--no-samples",
            help="Show a few items beside their reconstructions, and languages: reads items again where they lay.",
        ),
    ] = True,
    json: Annotated[
        bool, typer.Option("--json", help="Print what the runs found as JSON, and where their pages are.")
    ] = False,
) -> None:
    """Write the page of finished runs: report.html in each, one self-contained file that needs no network."""
    from tokeff.errors import TokeffError
    from tokeff.reports.page import write_page
    from tokeff.reports.runs import print_runs_json

    if out and len(runs) > 1:
        raise TokeffError(
            "one file cannot hold the pages of several runs",
            where="-o",
            got=f"{len(runs)} runs",
            fix="Leave -o out: each run gets its own report.html. `tokeff compare` puts runs on one page.",
        )
    pages = {run: write_page(run, out, samples=samples) for run in runs}
    if json:
        print_runs_json(pages)
    else:
        for page in pages.values():
            typer.echo(f"Written: {page}")


report.__doc__ = f"{report.__doc__}\n\n\b\n{EXAMPLES}"
