"""The commands put together, and what becomes of errors: a typed refusal is one message and exit code 1."""

import sys

import typer

from tokeff.cli.compare import compare
from tokeff.cli.doctor import doctor
from tokeff.cli.laws import laws
from tokeff.cli.plan import plan
from tokeff.cli.profile import profile
from tokeff.cli.report import report
from tokeff.cli.score import score
from tokeff.cli.tokenizers import tokenizers
from tokeff.cli.validate import validate
from tokeff.errors import TokeffError

INTERRUPTED = 130
"""Exit code."""

app = typer.Typer(
    name="tokeff",
    help="Measure how efficiently tokenizers turn bytes into tokens, in every modality, and plan with it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(profile)
app.command()(report)
app.command()(validate)
app.command()(compare)
app.command()(score)
app.command()(plan)
app.add_typer(laws, name="laws")
app.add_typer(tokenizers, name="tokenizers")
app.command()(doctor)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    """Measure how efficiently tokenizers turn bytes into tokens, in every modality, and plan with it."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"tokeff {installed('tokeff')}")
        raise typer.Exit


def run() -> None:
    """Run the command line; a TokeffError is printed and becomes exit code 1, an interrupt 130."""
    try:
        app()
    except TokeffError as error:
        typer.echo(f"tokeff: {error}", err=True)
        sys.exit(1)
    except SystemExit as end:
        # What Typer makes of an interrupt.
        if end.code == INTERRUPTED:
            typer.echo("tokeff: interrupted", err=True)
        raise
