"""`tokeff tokenizers train`: fit a tokenizer to your own data. Finds the files, calls the trainer, prints its progress."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from tokeff.records.signals import ImageSignal
    from tokeff.tokenizers.image.fsq.config import FsqConfig
    from tokeff.tokenizers.image.fsq.plan import Report

train = typer.Typer(help="Fit a tokenizer to your own data.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder (or file, or glob) with your data.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Directory to write; new or empty.", show_default=False)]


@train.command("fsq-image")
def fsq_image(
    folder: Folder,
    out: Out,
    steps: Annotated[int | None, typer.Option(help="End after so many steps.")] = None,
    minutes: Annotated[float | None, typer.Option(help="End after so many minutes of training.")] = None,
    codes: Annotated[int, typer.Option(help="Number of ids, about.")] = 1200,
    levels: Annotated[str | None, typer.Option(help="Levels of each dimension, such as 8,5,5,5; instead of --codes.")]
    = None,
    stride: Annotated[int, typer.Option(help="Pixels along each side of a token: 2, 4, 8 or 16.")] = 8,
    width: Annotated[int, typer.Option(help="Channels of the networks.")] = 160,
    encoder_blocks: Annotated[int, typer.Option(help="Residual blocks of the encoder.")] = 2,
    decoder_blocks: Annotated[int, typer.Option(help="Residual blocks of the decoder.")] = 3,
    batch: Annotated[int, typer.Option(help="Crops per step.")] = 16,
    crop: Annotated[int, typer.Option(help="Side of a crop in pixels; smaller pictures are passed over.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="At its highest; it falls as a cosine.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Of the weights, the split and the crops.")] = 0,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to train.")] = "auto",
    precision: Annotated[Literal["auto", "bf16", "fp32"], typer.Option(help="Of the arithmetic of training.")] = "auto",
    report_steps: Annotated[int, typer.Option(help="Report and save every so many steps.")] = 250,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the directory.")] = False,
) -> None:  # fmt: skip
    """Fit a small FSQ autoencoder to pictures; `vq:DIR` then is a tokenizer."""
    from tokeff.engine.device import resolve_device
    from tokeff.engine.environment import library_versions, machine
    from tokeff.tokenizers.image.fsq.output import fit
    from tokeff.tokenizers.image.fsq.plan import Plan

    resolved = resolve_device(device)
    plan = Plan(
        config=_config(levels, codes, stride, width, encoder_blocks, decoder_blocks),
        steps=steps,
        minutes=minutes,
        batch=batch,
        crop=crop,
        learning_rate=learning_rate,
        seed=seed,
        device=resolved,
        precision=_precision(precision, resolved),
        report_steps=report_steps,
    )
    provenance = {"machine": machine(), "libraries": library_versions()}
    last = fit(plan, _pictures(folder), out, resume=resume, provenance=provenance, report=_print_report)
    typer.echo(f"{out}: {last.step} steps, {last.held_out_psnr_db:.2f} dB held out. Use it as -t vq:{out}")


def _config(levels: str | None, codes: int, stride: int, width: int, encoder: int, decoder: int) -> "FsqConfig":
    from tokeff.errors import SpecError
    from tokeff.tokenizers.image.fsq.config import FsqConfig, levels_for

    try:
        chosen = tuple(map(int, levels.split(","))) if levels else levels_for(codes)
    except ValueError as error:
        raise SpecError("not levels", where="--levels", got=levels, expected="whole numbers, such as 8,5,5,5") from error
    return FsqConfig(levels=chosen, stride=stride, width=width, encoder_blocks=encoder, decoder_blocks=decoder)


def _precision(wanted: Literal["auto", "bf16", "fp32"], device: str) -> Literal["bf16", "fp32"]:
    """bfloat16 where the device has matrix units for it."""
    if wanted != "auto":
        return wanted
    import torch

    fast = torch.cuda.is_bf16_supported() if device == "cuda" else torch.cpu._is_amx_tile_supported()
    return "bf16" if fast else "fp32"


def _pictures(folder: Path) -> Iterator["ImageSignal"]:
    """The pictures of a folder; what cannot be read is said and passed over."""
    from tokeff.errors import ItemError
    from tokeff.media.dispatch import decode
    from tokeff.readers.corpus import find
    from tokeff.records.items import Failure
    from tokeff.records.signals import ImageSignal

    for found in find([folder], modality="image"):
        try:
            signal = None if isinstance(found, Failure) else decode(found)
        except ItemError as error:
            typer.echo(f"passed over: {error}", err=True)
            continue
        if isinstance(found, Failure):
            typer.echo(f"passed over: {found.key}: {found.message}", err=True)
        elif isinstance(signal, ImageSignal):
            yield signal


def _print_report(news: "Report") -> None:
    typer.echo(
        f"{news.progress:6.1%}  step {news.step}  {news.seconds:.0f} s  loss {news.loss:.5f}  "
        f"held out {news.held_out_psnr_db:.2f} dB, {news.held_out_utilisation:.1%} of the codes in use",
        err=True,
    )
