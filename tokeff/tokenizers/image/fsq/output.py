"""The directory of a training run on pictures: what `vq:DIR` opens. Leaves out the loop."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tokeff.records.signals import ImageSignal
from tokeff.tokenizers.image.fsq.artefact import save_weights
from tokeff.tokenizers.image.fsq.pictures import Pictures, gather
from tokeff.tokenizers.image.fsq.plan import Plan, Report
from tokeff.tokenizers.image.fsq.training import Trainer
from tokeff.tokenizers.training.directory import Content, RunDirectory, card_lines, refuse_unfit, short_hash


def fit(
    plan: Plan,
    signals: Iterable[ImageSignal],
    out: Path,
    *,
    resume: bool = False,
    provenance: Mapping[str, Any] | None = None,
    begin: Callable[[Mapping[str, Any]], None] = lambda _: None,
    report: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Train on `signals` into the directory `out`; the last report. `provenance` goes into the record as it is.

    `begin` gets what the record says of the pictures, before the first step.
    Raises RunError where `out` holds a run that is not to be resumed, or another one than `plan` and `signals` say.
    """
    refuse_unfit(out, resume=resume)
    pictures = gather(signals, least_side=plan.crop, seed=plan.seed)
    trainer = Trainer(plan, pictures)
    content = Content(
        data=("pictures", _described(pictures)),
        model={"n_parameters": trainer.model.n_parameters, "bits_per_pixel": plan.config.bits_per_pixel},
        save_weights=lambda path: save_weights(path, plan.config, trainer.averaged),
        card_text=lambda path: card_text(path, plan),
    )
    run = RunDirectory(out, trainer, plan.to_json(), content, dict(provenance or {}))
    run.open(resume=resume)
    begin(run.record["pictures"])
    return run.run(report)


def card_text(weights: Path, plan: Plan) -> str:
    """A card for the weights file, in TOML."""
    config = plan.config
    quoted = {
        "modality": "image",
        "family": "vq",
        "name": f"fsq-s{config.stride}-{config.n_codes}-{short_hash(weights)}",
        "summary": f"FSQ autoencoder of tokeff, {config.bits_per_pixel:.3f} bits per pixel, trained here",
        "licence": "that of the pictures it was trained on",
        "source": "tokeff tokenizers train fsq-image",
        "notes": f"Levels {list(config.levels)}. See training.json beside it.",
    }
    return card_lines(weights, quoted, [f"vocab_size = {config.n_codes}"])


def _described(pictures: Pictures) -> dict[str, Any]:
    used = (*pictures.train, *pictures.held_out)
    return {
        "n_train": len(pictures.train),
        "n_held_out": len(pictures.held_out),
        "n_too_small": pictures.n_too_small,
        "n_left_out": pictures.n_left_out,
        "n_pixels": sum(picture[0].numel() for picture in used),
        "fingerprint": pictures.fingerprint,
    }
