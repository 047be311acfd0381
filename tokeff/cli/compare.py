"""`tokeff compare`: tokenizers on the same items."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """Examples:

  tokeff compare runs/first

  tokeff compare runs/first --baseline gpt2

  tokeff compare runs/first --by language

  tokeff compare runs/a runs/b -o comparison.html -o table.tex

  tokeff compare runs/monday runs/friday --allow corpus --json
"""


def compare(  # noqa: PLR0917  # typer takes options as parameters
    runs: Annotated[list[Path], typer.Argument(help="Run directories of `tokeff profile -o`.", metavar="RUN...")],
    baseline: Annotated[
        str | None,
        typer.Option(help="The tokenizer that the others are set against. Default: the first of each modality."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            help="What may differ between the runs: corpus (only common items then count), dtype, denominator "
            "(the baseline's raw bytes then count); may be repeated."
        ),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option("-o", "--out", help="Write it to this file: .html, .json, .md, .tex or .csv; may be repeated."),
    ] = None,
    by: Annotated[
        str,
        typer.Option(help="Parts of the corpus: folder, ending, or language (of texts, read again where they lie)."),
    ] = "folder",
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Compare tokenizers on the same items: paired differences with intervals, Pareto fronts, parts of the corpus."""
    from tokeff.engine.comparing import compare as run
    from tokeff.reports.comparison import as_json, print_comparison, write_comparison

    result = run(runs, baseline=baseline, allow=allow or (), by=by, seed=seed)
    for path in out or ():
        write_comparison(result, path)
    if json:
        typer.echo(as_json(result), nl=False)
        return
    print_comparison(result)
    for path in out or ():
        typer.echo(f"Written: {path}")


compare.__doc__ = f"{compare.__doc__}\n\n\b\n{EXAMPLES}"
