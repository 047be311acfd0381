"""`tokeff laws`: which scaling laws there are, what they say, and fits of your own."""

from pathlib import Path
from typing import Annotated

import typer

from tokeff.cli.examples import with_examples

laws = typer.Typer(help="List, show, use and fit scaling laws.", no_args_is_help=True)


def _law_names(incomplete: str) -> list[str]:
    """Names for shell completion."""
    from tokeff.laws import names

    return [name for name in names() if name.startswith(incomplete)]


LawName = Annotated[str, typer.Argument(help="A law, or the path of a fitted one.", autocompletion=_law_names)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PREDICT_EXAMPLES = """Examples:

  tokeff laws predict hoffmann-2022 n_parameters=70B n_training_tokens=1.4T

  tokeff laws predict besiroglu-2024-refit n_parameters=1B,7B,70B n_training_tokens=140B

  tokeff laws predict besiroglu-2024-refit --compute-flops 1e21

  tokeff laws predict besiroglu-2024-refit n_parameters=7B --target 2.1 --for n_training_tokens
"""
FIT_EXAMPLES = """Examples:

  tokeff laws fit additive runs.csv -c n_parameters=params -c n_training_tokens=tokens -c loss=val_loss --name mine

  tokeff laws fit hoffmann-2022 runs.parquet -c n_parameters=size -c compute_flops=flop --drop-highest 5

  tokeff laws fit visual-tokens vlm.csv -c n_parameters=N_B -c loss=1-score --where task=ocr --delta inf

The law is kept as NAME.json and then used by name: tokeff laws predict NAME ..., tokeff plan RUN --law NAME.
"""


@laws.command("list")
def list_(json: AsJson = False) -> None:
    """Every law: what it covers and whether its constants are known."""
    from tokeff.laws import load, names
    from tokeff.planner.shelf import own
    from tokeff.reports.laws import print_laws

    print_laws([load(name) for name in names()], own(), as_json=json)


@laws.command()
def show(name: LawName, json: AsJson = False) -> None:
    """One law: formula, parameters with their status, inputs and the range it was fitted on."""
    from tokeff.planner.shelf import find
    from tokeff.reports.laws import show_law

    show_law(find(name), as_json=json)


@laws.command()
def predict(  # noqa: PLR0917  # typer takes options as parameters
    name: LawName,
    inputs: Annotated[
        list[str] | None, typer.Argument(help="NAME=VALUE, or NAME=VALUE,VALUE for several points.")
    ] = None,
    compute_flops: Annotated[
        str | None, typer.Option(help="Instead: the best split of this compute (1e21, or 1e20,1e21).")
    ] = None,
    target: Annotated[float | None, typer.Option(help="Instead: solve for the input named by --for.")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="The input to solve for.")] = None,
    json: AsJson = False,
) -> None:
    """What a law says at some inputs, at the best split of a compute budget, or which input reaches a target."""
    from tokeff.cli.law_inputs import parse_inputs, refuse_mixed
    from tokeff.laws import optimum, solve
    from tokeff.planner.shelf import find
    from tokeff.reports.laws import print_optimum, print_prediction, print_solution

    law, given = find(name), parse_inputs(inputs or ())
    refuse_mixed(compute_flops, target, for_, law, given)
    if compute_flops is not None and "compute_flops" not in law.bound_form(given).variables:
        budgets = parse_inputs([f"compute_flops={compute_flops}"])["compute_flops"]
        print_optimum(law, optimum(law, budgets, given), as_json=json)
    elif target is not None and for_ is not None:
        point = {key: column[0] for key, column in given.items()}
        value = float(solve(law, for_, target, point))
        print_solution(law, for_, target, law.predict({**point, for_: value}), value, as_json=json)
    else:
        print_prediction(law, given, law.predict(given), as_json=json)


@laws.command()
def fit(  # noqa: PLR0917  # typer takes options as parameters
    form: Annotated[
        str,
        typer.Argument(
            help="A form (additive, repeated, ...) or a law whose form is meant.", autocompletion=_law_names
        ),
    ],
    table: Annotated[Path, typer.Argument(help="Runs: a CSV or Parquet file.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            "-c",
            "--column",
            help="NAME=COLUMN: an input, loss or score, and its column in the table; "
            "1-COLUMN for the error of a score.",
        ),
    ] = None,
    where: Annotated[list[str] | None, typer.Option(help="COLUMN=VALUE: only these rows.")] = None,
    name: Annotated[str | None, typer.Option(help="Keep the law under this name.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder to keep it in. Default: here.")] = None,
    fix: Annotated[list[str] | None, typer.Option(help="PARAMETER=VALUE: not fitted.")] = None,
    tie: Annotated[list[str] | None, typer.Option(help="PARAMETER=OTHER: equal to another.")] = None,
    drop_highest: Annotated[int, typer.Option(help="Leave out so many runs of the highest loss.")] = 0,
    delta: Annotated[
        float | None, typer.Option(help="Huber threshold; inf is least squares. Default 1e-3, scores: inf.")
    ] = None,
    residuals: Annotated[str, typer.Option(help="log: of the logarithm of the loss; plain: of the loss.")] = "log",
    starts: Annotated[int, typer.Option(help="Starts of the search.")] = 128,
    bootstrap: Annotated[int, typer.Option(help="Resamples for the ranges; 0: none.")] = 400,
    hold_out: Annotated[float, typer.Option(help="Share of the runs, the largest, to predict unseen.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of starts and resamples.")] = 0,
    json: AsJson = False,
) -> None:
    """Fit a law to your runs: sum of Huber on log loss, many starts, bootstrap ranges, influence, held-out error."""
    from tokeff.cli.law_inputs import fit_options, form_of, keep, with_errors
    from tokeff.laws.fitting import fit as fit_law
    from tokeff.laws.fitting import read_table
    from tokeff.reports.fits import print_fit

    columns, rows, fixed, tied = fit_options(column or (), where or (), fix or (), tie or ())
    found = fit_law(
        form_of(form),
        with_errors(read_table(table, rows), columns),
        columns=columns,
        fixed=fixed,
        tied=tied,
        delta=delta,
        residuals=residuals,  # type: ignore[arg-type]  # fit checks it and names the choices
        n_starts=starts,
        n_bootstrap=bootstrap,
        drop_highest=drop_highest,
        hold_out=hold_out,
        seed=seed,
    )
    error = columns.get("loss", "").startswith("1-")
    source = f"fitted to {table.name}, {found.n_runs} runs"
    kind = {"quantity": "error", "unit": "share"} if error else {}
    law = found.to_law(name or f"{form}-fit", source=source, **kind)
    kept = keep(law, out) if name or out else None
    print_fit(found, law, kept, as_json=json)


@laws.command()
def representation(  # noqa: PLR0917  # typer takes options as parameters
    table: Annotated[Path, typer.Argument(help="Vision encoders, one a row: a CSV or Parquet file.")],
    alignment: Annotated[str, typer.Option(help="Column of cross-modal alignment, A.")],
    correspondence: Annotated[str, typer.Option(help="Column of correspondence, C.")],
    scores: Annotated[str, typer.Option(help="Columns of benchmark scores, with commas between.")],
    runs: Annotated[int, typer.Option(help="Training runs of the AC policy.")] = 4,
    json: AsJson = False,
) -> None:
    """Fit the law of vision representation: benchmark scores of a model from A and C of its vision encoder."""
    from tokeff.cli.law_inputs import representation_fits
    from tokeff.laws.fitting import read_table
    from tokeff.reports.representation import print_representation

    names = [name.strip() for name in scores.split(",")]
    fits, policy = representation_fits(read_table(table), alignment, correspondence, names, runs)
    print_representation(fits, names, policy, as_json=json)


predict.__doc__ = f"{predict.__doc__}\n\n\b\n{PREDICT_EXAMPLES}"
fit.__doc__ = f"{fit.__doc__}\n\n\b\n{FIT_EXAMPLES}"
with_examples(list_, "tokeff laws list", "tokeff laws list --json")
with_examples(show, "tokeff laws show besiroglu-2024-refit", "tokeff laws show ./mine.json --json")
with_examples(
    representation,
    "tokeff laws representation encoders.csv --alignment A --correspondence C --scores MMBench,MME,OKVQA",
)
