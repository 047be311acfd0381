"""`tokeff profile`: measure a corpus."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokeff.cli import engine_options as scale

if TYPE_CHECKING:
    from tokeff.records.runs import Profile

EXAMPLES = """Examples:

  tokeff profile data_samples

  tokeff profile corpus/ -t tekken -t gpt2 -o runs/first

  tokeff profile 'books/**/*.txt' -t o200k --unit paragraph

  tokeff profile photos/ -t qwen2-vl -t 'jpeg-q75?quality=40' --sample 500

  tokeff profile archive/ -t qwen2-vl --count-only

  tokeff profile crawl/ -t tekken --workers 16 -o runs/crawl

  tokeff profile 'corpus/*.jsonl.zst' --column text -t tekken

  tokeff profile s3://bucket/shards/ --column jpg --column txt
"""


def profile(  # noqa: PLR0917  # typer takes options as parameters
    paths: Annotated[
        list[str],
        typer.Argument(help="Files, folders, quoted globs, URLs, or dataset:USER/NAME of the hub.", metavar="PATH..."),
    ],
    tokenizer: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--tokenizer",
            help="A card name or family:source?key=value; may be repeated. "
            "Without it, one default per modality that needs no download.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Keep the run in this new directory.")] = None,
    modality: Annotated[str | None, typer.Option(help="Only text, image, audio or video.")] = None,
    unit: Annotated[str, typer.Option(help="What an item of text is: file, line or paragraph.")] = "file",
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="What is read of records: a field of JSON lines, a column of a table, an extension of archive "
            "members; may be repeated. Without it, guessed and said.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="Read every file as file (as it lies), jsonl, parquet, arrow or tar, whatever its name says."
        ),
    ] = None,
    audio_track: Annotated[
        bool, typer.Option("--audio-track", help="The sound of a clip is an item of its own: clip.mp4#audio.")
    ] = False,
    storage_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="For URLs, told to the file system: endpoint_url=http://..., anon=true; may be repeated. "
            "Values are not kept in the run.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    sample: Annotated[
        int | None,
        typer.Option(
            help="Measure so many random items per modality; counts that follow from headers "
            "stay exact over the whole corpus."
        ),
    ] = None,
    count_only: Annotated[
        bool, typer.Option("--count-only", help="Count tokens from headers; decode nothing.")
    ] = False,
    reconstruction: Annotated[
        str,
        typer.Option(
            help="Missing bits given the tokens: sample (a window of some items), full, or off (no decoding)."
        ),
    ] = "sample",
    seed: Annotated[int, typer.Option(help="Of the sample and the intervals.")] = 0,
    cards: Annotated[list[Path] | None, typer.Option(help="A folder of your own cards; may be repeated.")] = None,
    allow_pickle: Annotated[
        bool,
        typer.Option(
            "--allow-pickle", help="Read pickled weights where a model has no safetensors: ?allow_pickle=true."
        ),
    ] = False,
    max_error_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Exit with code 3 when more than this share of items fails.")
    ] = 0.1,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="With -o: also write report.html, a page to look at.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print measurements.json instead of a table.")] = False,
    precision: scale.Precision = None,
    workers: scale.Workers = None,
    engine: scale.Engine = "local",
    address: scale.Address = None,
    item_timeout: scale.ItemTimeout = None,
    fresh: scale.Fresh = False,
    log_json: scale.LogJson = False,
) -> None:
    """Measure a corpus: tokens, bytes per token with an interval, entropy, distortion, speed; per modality."""
    from tokeff.cli.progress import JsonLog, TerminalProgress
    from tokeff.engine.options import Execution, Options
    from tokeff.engine.profile import profile as run
    from tokeff.errors import TokeffError
    from tokeff.reports.page import write_page
    from tokeff.reports.terminal import print_profile, print_profile_json
    from tokeff.tokenizers.registry import Registry

    tokenizers = tuple(tokenizer or ())
    if allow_pickle:
        tokenizers = Registry.load(tuple(cards or ())).allow_pickle(tokenizers)
    options = Options(
        paths=tuple(paths),
        tokenizers=tokenizers,
        modality=modality,  # type: ignore[arg-type]  # Options checks them and names the choices
        unit=unit,  # type: ignore[arg-type]
        columns=tuple(column or ()),
        format=format,  # type: ignore[arg-type]
        audio_track=audio_track,
        storage=tuple(map(_storage_option, storage_option or ())),
        device=device,  # type: ignore[arg-type]
        sample=sample,
        precision=precision,
        seed=seed,
        count_only=count_only,
        reconstruction=reconstruction,  # type: ignore[arg-type]
        cards=tuple(cards or ()),
    )
    how = Execution(
        engine=engine,  # type: ignore[arg-type]
        workers=workers,
        address=address,
        item_timeout=item_timeout,
        fresh=fresh,
    )
    with JsonLog() if log_json else TerminalProgress() as progress:
        result = run(options, out=out, observer=progress, how=how)
        unwritten: TokeffError | None = None
        if out and report:
            progress.stage("Writing report.html")
            try:
                write_page(out)
            except TokeffError as error:
                # The run is whole and hours may lie in it: it is shown first.
                unwritten = error
    if json:
        print_profile_json(result)
    else:
        print_profile(result, out, page=report and unwritten is None)
        for line in _drawn(result) if precision is not None else ():
            typer.echo(line)
    if unwritten:
        raise unwritten
    if result.error_rate > max_error_rate:
        typer.echo(
            f"tokeff: {result.n_err:,} of {result.n_in:,} items could not be measured, more than --max-error-rate "
            f"{max_error_rate:g} allows.",
            err=True,
        )
        raise typer.Exit(3)


def _drawn(result: "Profile") -> Iterator[str]:
    for modality, drawn in result.run["sampling"].items():
        share = drawn["stored_bytes"] / max(1, drawn["of_stored_bytes"])
        items = f"{drawn['n_items']:,} of {drawn['of_items']:,} items"
        yield f"For this precision {items} of {modality} were measured, {100 * share:.3g} % of its bytes."


def _storage_option(given: str) -> tuple[str, str]:
    name, sign, value = given.partition("=")
    if not name or not sign:
        raise typer.BadParameter(f"{given!r} is not NAME=VALUE", param_hint="--storage-option")
    return name, value


profile.__doc__ = f"{profile.__doc__}\n\n\b\n{EXAMPLES}"
