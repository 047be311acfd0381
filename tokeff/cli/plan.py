"""`tokeff plan`: from measured bytes per token to model size, data and cost."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """Examples:

  tokeff plan runs/first --corpus text=2TB,image=500GB

  tokeff plan runs/first --corpus text=2TB --parameters 7B

  tokeff plan runs/first --corpus text=2TB,video=40TB --compute-flops 1e23 --max-epochs 4

  tokeff plan runs/first --corpus text=2TB,image=5TB --budget 100000 --price text=0.5,image=0.1,gpu-hour=2

  tokeff plan runs/first --scenarios ways.toml -o plan.html -o plan.json

Sizes are bytes as stored: 2TB, 2TiB, 40 GB, 2e12, or x1000 for a thousand times the run.
Scenarios are a TOML file: schema = "tokeff.scenarios/1", then an array of tables named scenario, each with name,
corpus = { text = "2TB" }, parameters, compute_flops, tokenizers, mixture, max_epochs, and substitutions such as
substitute = { kind = "key-frames", frames_per_second = 0.2 }; kinds: tokenizer, key-frames, audio-track, resolution.
The first scenario is the baseline.
"""


Run = Annotated[Path, typer.Argument(help="A run directory of `tokeff profile -o`.", metavar="RUN")]
Corpus = Annotated[
    list[str] | None,
    typer.Option(help="What you hold, by modality: text=2TB,video=40TB or text=x1000. Default: the run itself."),
]
RawSizes = Annotated[
    bool, typer.Option("--raw-sizes", help="Sizes of --corpus are raw (decoded) bytes, not bytes as stored.")
]
Tokenizers = Annotated[
    list[str] | None,
    typer.Option("-t", "--tokenizer", help="Which of the run's tokenizers, one per modality. Default: its first."),
]
Parameters = Annotated[str | None, typer.Option(help="Model size: 7B, 350M, 7e9.")]
Compute = Annotated[str | None, typer.Option(help="Training compute: 1e23.")]
Budget = Annotated[
    str | None, typer.Option(help="Money to spend; needs --price. With gpu-hour=..., it chooses the model size too.")
]
Price = Annotated[
    list[str] | None,
    typer.Option(help="Money per GB as stored (text=0.5,image=0.1), per gpu-hour=2, per machine-hour=0.1."),
]
Mixture = Annotated[
    list[str] | None, typer.Option(help="Limits of shares of the training tokens: text=0.3..0.7,image=..20%.")
]
MaxEpochs = Annotated[list[str] | None, typer.Option(help="Most passes over the data: 4, or text=4,video=1.")]
Law = Annotated[
    list[str] | None,
    typer.Option(help="A loss law: a name of `tokeff laws list` or the file of a fitted one; may be repeated."),
]
Tokens = Annotated[
    list[str] | None,
    typer.Option(
        help="raw (as published), or effective@DEPTH,SCALE: count what the tokens keep (tokeff's extension); "
        "audio=effective@12,1 for one modality."
    ),
]
Scenarios = Annotated[Path | None, typer.Option(help="A TOML file of scenarios, side by side.")]
GpuFlops = Annotated[str | None, typer.Option(help="Peak FLOP/s of a GPU. Default: H100, dense bf16.")]
Utilisation = Annotated[float, typer.Option(help="Share of the peak that training reaches.")]
Out = Annotated[
    list[Path] | None,
    typer.Option("-o", "--out", help="Write it to this file: .json, or .html with pictures; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print plan.json instead of tables.")]
Full = Annotated[bool, typer.Option("--full", help="Every table, also the long ones.")]


def plan(  # noqa: PLR0917  # typer takes options as parameters
    run: Run,
    corpus: Corpus = None,
    raw_sizes: RawSizes = False,
    tokenizer: Tokenizers = None,
    parameters: Parameters = None,
    compute_flops: Compute = None,
    budget: Budget = None,
    price: Price = None,
    mixture: Mixture = None,
    max_epochs: MaxEpochs = None,
    law: Law = None,
    tokens: Tokens = None,
    scenarios: Scenarios = None,
    gpu_flops: GpuFlops = None,
    utilisation: Utilisation = 0.4,
    out: Out = None,
    json: AsJson = False,
    full: Full = False,
) -> None:
    """Plan with a run: tokens, model size, data, epochs, best split of money, cost; with ranges and their sources."""
    from tokeff.engine.planning import plan as make_plan
    from tokeff.reports.plan import print_plan, print_plan_json, write_plan

    result = make_plan(
        run,
        corpus=corpus or (),
        raw_sizes=raw_sizes,
        tokenizers=tokenizer or (),
        parameters=parameters,
        compute_flops=compute_flops,
        budget=budget,
        prices=price or (),
        mixture=mixture or (),
        max_epochs=max_epochs or (),
        laws=law or (),
        tokens=tokens or (),
        scenarios=scenarios,
        gpu_flops=gpu_flops,
        utilisation=utilisation,
    )
    for path in out or ():
        write_plan(result, path)
    if json:
        print_plan_json(result)
    else:
        print_plan(result, out or (), full=full)


plan.__doc__ = f"{plan.__doc__}\n\n\b\n{EXAMPLES}"
