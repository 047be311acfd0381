"""`tokeff tokenizers train`: fit a tokenizer to your own data. Finds the files, calls the trainer, prints progress."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from tokeff.records.items import Modality
    from tokeff.records.signals import AudioSignal, ImageSignal, Signal
    from tokeff.tokenizers.audio.codec.plan import Report as AudioReport
    from tokeff.tokenizers.image.fsq.plan import Report

EXAMPLES = {
    "fsq-image": ("photos/ -o mine --minutes 30", "photos/ -o mine --minutes 60 --resume"),
    "rvq-audio": ("recordings/ -o mine --minutes 30", "recordings/ -o mine --minutes 60 --resume"),
    "bpe": ("texts/ -o mine --vocab-size 32000",),
}

N_CODES = 1200
"""Of pictures, where nothing says otherwise."""

train = typer.Typer(help="Fit a tokenizer to your own data.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder (or file, or quoted glob) with your data.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Directory to write; new or empty.", show_default=False)]


@train.command("fsq-image")
def fsq_image(  # noqa: PLR0917  # typer takes options as parameters
    folder: Folder,
    out: Out,
    steps: Annotated[int | None, typer.Option(help="End after so many steps.")] = None,
    minutes: Annotated[float | None, typer.Option(help="End after so many minutes of training.")] = None,
    codes: Annotated[int | None, typer.Option(help="Number of ids, at most; 1200 without --levels.")] = None,
    levels: Annotated[
        str | None, typer.Option(help="Levels of each dimension, such as 8,5,5,5; instead of --codes.")
    ] = None,
    stride: Annotated[int, typer.Option(help="Pixels along each side of a token: 2, 4, 8 or 16.")] = 8,
    width: Annotated[int, typer.Option(help="Channels of the networks.")] = 160,
    encoder_blocks: Annotated[int, typer.Option(help="Residual blocks of the encoder.")] = 2,
    decoder_blocks: Annotated[int, typer.Option(help="Residual blocks of the decoder.")] = 3,
    batch: Annotated[int, typer.Option(help="Crops per step.")] = 16,
    crop: Annotated[int, typer.Option(help="Side of a crop in pixels; smaller pictures are passed over.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="At its highest; it falls as a cosine.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Of the weights, the split and the crops.")] = 0,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to train.")] = "auto",
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        typer.Option(help="Of the arithmetic; auto: bf16 where that is fast."),
    ] = "auto",
    report_steps: Annotated[int, typer.Option(help="Report and save every so many steps.")] = 250,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the directory.")] = False,
) -> None:
    """Fit a small FSQ autoencoder to pictures; `vq:DIR` is then a tokenizer. It ends at --steps or --minutes."""
    from tokeff.engine.device import resolve_device
    from tokeff.engine.environment import library_versions, machine
    from tokeff.tokenizers.image.fsq.config import FsqConfig
    from tokeff.tokenizers.image.fsq.output import fit
    from tokeff.tokenizers.image.fsq.plan import Plan

    resolved = resolve_device(device)
    config = FsqConfig(
        levels=_levels(levels, codes),
        stride=stride,
        width=width,
        encoder_blocks=encoder_blocks,
        decoder_blocks=decoder_blocks,
    )
    plan = Plan(
        config=config,
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
    last = fit(
        plan,
        _pictures(folder),
        out,
        resume=resume,
        provenance=provenance,
        begin=lambda pictures: _print_pictures(pictures, crop),
        report=_print_report,
    )
    typer.echo(f"{out}: {last.step} steps, {last.held_out_psnr_db:.2f} dB held out. Use it as -t vq:{out}")


@train.command("rvq-audio")
def rvq_audio(  # noqa: PLR0917  # typer takes options as parameters
    folder: Folder,
    out: Out,
    steps: Annotated[int | None, typer.Option(help="End after so many steps.")] = None,
    minutes: Annotated[float | None, typer.Option(help="End after so many minutes of training.")] = None,
    codes: Annotated[int, typer.Option(help="Ids of each codebook.")] = 1024,
    codebooks: Annotated[int, typer.Option(help="Codebooks at most; fewer are a prefix.")] = 64,
    rate: Annotated[int, typer.Option(help="Samples per second; recordings are resampled to it.")] = 16000,
    width: Annotated[int, typer.Option(help="Channels of the network.")] = 256,
    blocks: Annotated[int, typer.Option(help="Residual blocks of the network.")] = 4,
    mel_weight: Annotated[float, typer.Option(help="Of log-mel distance beside the signal-to-noise ratio.")] = 1.0,
    batch: Annotated[int, typer.Option(help="Crops per step.")] = 16,
    crop: Annotated[int, typer.Option(help="Positions of 40 ms of a crop; shorter recordings are passed over.")] = 64,
    fit_crops: Annotated[int, typer.Option(help="Crops that the codebooks are fitted on.")] = 480,
    learning_rate: Annotated[float, typer.Option(help="At its highest; it falls as a cosine.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Of the weights, the split, the codebooks and the crops.")] = 0,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to train.")] = "auto",
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        typer.Option(help="Of the arithmetic; auto: bf16 where that is fast."),
    ] = "auto",
    report_steps: Annotated[int, typer.Option(help="Report and save every so many steps.")] = 250,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the directory.")] = False,
) -> None:
    """Fit a small codec of residual codebooks to recordings; `rvq:DIR` is then a tokenizer. See --steps, --minutes."""
    from tokeff.engine.device import resolve_device
    from tokeff.engine.environment import library_versions, machine
    from tokeff.tokenizers.audio.codec.config import CodecConfig
    from tokeff.tokenizers.audio.codec.output import fit
    from tokeff.tokenizers.audio.codec.plan import Plan

    resolved = resolve_device(device)
    config = CodecConfig(sample_rate_hz=rate, n_codes=codes, n_codebooks=codebooks, width=width, blocks=blocks)
    plan = Plan(
        config=config,
        steps=steps,
        minutes=minutes,
        batch=batch,
        crop=crop,
        mel_weight=mel_weight,
        fit_crops=fit_crops,
        learning_rate=learning_rate,
        seed=seed,
        device=resolved,
        precision=_precision(precision, resolved),
        report_steps=report_steps,
    )
    provenance = {"machine": machine(), "libraries": library_versions()}
    last = fit(plan, _recordings(folder), out, resume=resume, provenance=provenance, report=_print_audio_report)
    typer.echo(f"{out}: {last.step} steps; held out {_points(last)}. Use it as -t rvq:{out}")


@train.command("bpe")
def bpe(
    folder: Folder,
    out: Out,
    vocab_size: Annotated[int, typer.Option(help="Number of ids, at least 256.", show_default=False)],
    min_frequency: Annotated[int, typer.Option(help="Least number of times that a merged pair occurs.")] = 2,
) -> None:
    """Fit a byte-level BPE vocabulary to texts; `bpe:DIR/tokenizer.json` is then a tokenizer."""
    from tokeff.records.signals import TextSignal
    from tokeff.tokenizers.text.training import fit_bpe

    texts = (signal for signal in _decoded(folder, "text") if isinstance(signal, TextSignal))
    size = fit_bpe(texts, vocab_size, out, min_frequency=min_frequency)
    typer.echo(f"{out}: {size} ids. Use it as -t bpe:{out}/tokenizer.json")


def _levels(levels: str | None, codes: int | None) -> tuple[int, ...]:
    from tokeff.errors import SpecError
    from tokeff.tokenizers.image.fsq.config import levels_for

    if levels is None:
        return levels_for(N_CODES if codes is None else codes)
    if codes is not None:
        raise SpecError("two numbers of ids", where="--levels", got=f"{levels} and --codes {codes}", fix="Give one.")
    try:
        return tuple(map(int, levels.split(",")))
    except ValueError as error:
        raise SpecError("not levels", where="--levels", got=levels, expected="numbers, such as 8,5,5,5") from error


def _precision(wanted: Literal["auto", "bf16", "fp32"], device: str) -> Literal["bf16", "fp32"]:
    """bfloat16 where the device has matrix units for it."""
    if wanted != "auto":
        return wanted
    import torch

    fast = torch.cuda.is_bf16_supported() if device == "cuda" else torch.cpu._is_amx_tile_supported()
    return "bf16" if fast else "fp32"


def _pictures(folder: Path) -> Iterator["ImageSignal"]:
    from tokeff.records.signals import ImageSignal

    return (signal for signal in _decoded(folder, "image") if isinstance(signal, ImageSignal))


def _recordings(folder: Path) -> Iterator["AudioSignal"]:
    from tokeff.records.signals import AudioSignal

    return (signal for signal in _decoded(folder, "audio") if isinstance(signal, AudioSignal))


def _decoded(folder: Path, modality: "Modality") -> Iterator["Signal"]:
    """What a folder holds of a modality; what cannot be read is said and passed over."""
    from tokeff.errors import ItemError
    from tokeff.media.dispatch import decode
    from tokeff.readers.corpus import find
    from tokeff.records.items import Failure

    for found in find([folder], modality=modality):
        if isinstance(found, Failure):
            typer.echo(f"passed over: {found.key}: {found.message}", err=True)
            continue
        try:
            yield decode(found)
        except ItemError as error:
            typer.echo(f"passed over: {error}", err=True)


def _print_pictures(pictures: "Mapping[str, Any]", crop: int) -> None:
    """How many there are, and what is silent otherwise."""
    typer.echo(f"pictures: {pictures['n_train']:,} to train on, {pictures['n_held_out']} held out", err=True)
    if pictures["n_too_small"]:
        typer.echo(f"passed over: {pictures['n_too_small']:,} with a side below {crop} pixels (--crop)", err=True)
    if pictures["n_left_out"]:
        typer.echo(f"passed over: {pictures['n_left_out']:,} beyond the memory that pictures may take", err=True)


def _print_report(news: "Report") -> None:
    typer.echo(
        f"{news.progress:6.1%}  step {news.step}  {news.seconds:.0f} s  loss {news.loss:.5f}  "
        f"held out {news.held_out_psnr_db:.2f} dB, {news.held_out_utilisation:.1%} of the codes in use",
        err=True,
    )


def _print_audio_report(news: "AudioReport") -> None:
    typer.echo(
        f"{news.progress:6.1%}  step {news.step}  {news.seconds:.0f} s  loss {news.loss:.3f}  held out {_points(news)}",
        err=True,
    )


def _points(news: "AudioReport") -> str:
    """SI-SDR and log-mel distance at each number of codebooks."""
    points = zip(news.held_out_codebooks, news.held_out_si_sdr_db, news.held_out_log_mel_db, strict=True)
    return ", ".join(f"{k} codebooks {_db(si_sdr)} dB ({_db(log_mel)} dB mel)" for k, si_sdr, log_mel in points)


def _db(value: float | None) -> str:
    return "no" if value is None else f"{value:.2f}"


for _name, _function in (("fsq-image", fsq_image), ("rvq-audio", rvq_audio), ("bpe", bpe)):
    _lines = "\n\n".join(f"  tokeff tokenizers train {_name} {each}" for each in EXAMPLES[_name])
    _function.__doc__ = f"{_function.__doc__}\n\n\b\nExamples:\n\n{_lines}\n"
