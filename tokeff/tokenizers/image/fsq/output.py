"""The directory of a training run: weights, card, record, and the checkpoint that a run goes on from.

model.safetensors       the averaged weights so far, float16: what `vq:DIR` opens
card.toml               a card for it, for `--cards DIR`
training.json           plan, pictures, history: how it came about
checkpoint.safetensors  everything that resuming needs
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tokeff.errors import RunError
from tokeff.records.signals import ImageSignal
from tokeff.tokenizers.image.fsq.artefact import save_weights
from tokeff.tokenizers.image.fsq.pictures import Pictures, gather
from tokeff.tokenizers.image.fsq.plan import Plan, Report
from tokeff.tokenizers.image.fsq.training import Trainer

SCHEMA = "tokeff.training/1"
WEIGHTS, CARD, RECORD, CHECKPOINT = "model.safetensors", "card.toml", "training.json", "checkpoint.safetensors"
FIXED = ("config", "batch", "crop", "learning_rate", "warmup_steps", "average", "seed")
"""What must stay the same when a run is resumed; its length, device and precision may change."""


def fit(
    plan: Plan,
    signals: Iterable[ImageSignal],
    out: Path,
    *,
    resume: bool = False,
    provenance: Mapping[str, Any] | None = None,
    report: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Train on `signals` into the directory `out`; the last report. `provenance` goes into the record as it is.

    Raises RunError where `out` holds a run that is not to be resumed, or another one than `plan` and `signals` say.
    """
    run = _Run(plan, gather(signals, least_side=plan.crop, seed=plan.seed), out, dict(provenance or {}))
    run.open(resume=resume)
    if run.trainer.progress >= 1:
        raise RunError(
            "this run is finished", where=str(out), got=f"{run.trainer.step} steps", fix="Give more --steps."
        )

    def add(news: Report) -> None:
        run.save(news)
        report(news)

    return run.trainer.run(add)


class _Run:
    """A directory and the trainer that fills it."""

    def __init__(self, plan: Plan, pictures: Pictures, out: Path, provenance: dict[str, Any]) -> None:
        self.plan, self.pictures, self.out = plan, pictures, out
        self.trainer = Trainer(plan, pictures)
        self.record: dict[str, Any] = {
            "schema": SCHEMA,
            "parts": [{"from_step": 0, "plan": plan.to_json(), **provenance}],
            "pictures": _described(pictures),
            "model": {"n_parameters": self.trainer.model.n_parameters, "bits_per_pixel": plan.config.bits_per_pixel},
            "history": [],
        }

    def open(self, *, resume: bool) -> None:
        """Make the directory, or take up the run that is in it."""
        if resume:
            self._take_up()
        elif self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise RunError(
                "holds something already",
                where=str(self.out),
                expected="a new or empty directory",
                fix="Give --resume to go on with a run.",
            )
        self.out.mkdir(parents=True, exist_ok=True)

    def _take_up(self) -> None:
        try:
            record = json.loads((self.out / RECORD).read_text("utf-8"))
            state = load_file(self.out / CHECKPOINT)
            before, pictures = record["parts"][-1]["plan"], record["pictures"]
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise RunError(f"holds no run that can be resumed: {error}", where=str(self.out)) from error
        _refuse_other({name: before.get(name) for name in FIXED}, self.plan.to_json(), str(self.out))
        _refuse_other(pictures, self.record["pictures"], f"{self.out}: pictures")
        self.trainer.restore(state)
        part = {**self.record["parts"][0], "from_step": self.trainer.step}
        self.record = {**record, "parts": [*record["parts"], part]}

    def save(self, news: Report) -> None:
        """Write everything; a run that is stopped at any moment can go on from here."""
        self.record["history"].append({name: round(value, 6) for name, value in asdict(news).items()})
        save_weights(self.out / WEIGHTS, self.plan.config, self.trainer.averaged)
        partial = self.out / (CHECKPOINT + ".partial")
        save_file(self.trainer.state(), partial)
        partial.replace(self.out / CHECKPOINT)
        _write(self.out / RECORD, json.dumps(self.record, indent=1) + "\n")
        _write(self.out / CARD, card_text(self.out / WEIGHTS, self.plan))


def card_text(weights: Path, plan: Plan) -> str:
    """A card for the weights file, in TOML. JSON strings are TOML strings."""
    config, data = plan.config, weights.read_bytes()
    quoted = {
        "name": f"fsq-s{config.stride}-{config.n_codes}-{hashlib.sha256(data).hexdigest()[:8]}",
        "summary": f"FSQ autoencoder of tokeff, {config.bits_per_pixel:.3f} bits per pixel, trained here",
        "licence": "that of the pictures it was trained on",
        "source": "tokeff tokenizers train fsq-image",
        "notes": f"Levels {list(config.levels)}. See training.json beside it.",
    }
    lines = ["schema_version = 1", 'modality = "image"', 'family = "vq"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in quoted.items()]
    lines += [f"vocab_size = {config.n_codes}", "", "[artefact]", f"file = {json.dumps(str(weights.resolve()))}"]
    lines += [f'sha256 = "{hashlib.sha256(data).hexdigest()}"', f"bytes = {len(data)}"]
    return "\n".join(lines) + "\n"


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


def _refuse_other(before: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    for name, value in before.items():
        if now.get(name) != value:
            raise RunError(f"was begun with another {name}", where=where, got=now.get(name), expected=value)


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)
