"""The directory of a training run on sound: what `rvq:DIR` opens. Leaves out the loop."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.audio.codec.artefact import save_weights
from tokeff.tokenizers.audio.codec.plan import Plan, Report
from tokeff.tokenizers.audio.codec.recordings import Recordings, gather
from tokeff.tokenizers.audio.codec.training import CodecTrainer
from tokeff.tokenizers.training.directory import FIXED, Content, RunDirectory, card_lines, short_hash


def fit(
    plan: Plan,
    signals: Iterable[AudioSignal],
    out: Path,
    *,
    resume: bool = False,
    provenance: Mapping[str, Any] | None = None,
    report: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Train on `signals` into the directory `out`; the last report. `provenance` goes into the record as it is.

    Raises RunError where `out` holds a run that is not to be resumed, or another one than `plan` and `signals` say.
    """
    rate = plan.config.sample_rate_hz
    recordings = gather(signals, sample_rate_hz=rate, least_samples=plan.crop_samples, seed=plan.seed)
    trainer = CodecTrainer(plan, recordings)
    content = Content(
        data=("recordings", _described(recordings, rate)),
        model={
            "n_parameters": trainer.codec.n_parameters,
            "bits_per_second_of_a_codebook": plan.config.bits_per_second,
        },
        save_weights=lambda path: save_weights(path, plan.config, trainer.averaged_codec().state_dict()),
        card_text=lambda path: card_text(path, plan),
        fixed=(*FIXED, "mel_weight", "fit_crops"),
    )
    run = RunDirectory(out, trainer, plan.to_json(), content, dict(provenance or {}))
    run.open(resume=resume)
    return run.run(report)


def card_text(weights: Path, plan: Plan) -> str:
    """A card for the weights file, in TOML."""
    config = plan.config
    rates = f"up to {config.n_codebooks} codebooks of {config.bits_per_second:g} bit/s"
    quoted = {
        "modality": "audio",
        "family": "rvq",
        "name": f"rvq-{config.sample_rate_hz // 1000}k-{short_hash(weights)}",
        "summary": f"residual codec of tokeff, {config.sample_rate_hz} Hz, {rates}, trained here",
        "licence": "that of the recordings it was trained on",
        "source": "tokeff tokenizers train rvq-audio",
        "notes": "?n_codebooks= chooses the rate. See training.json beside it.",
    }
    return card_lines(weights, quoted, [f"vocab_size = {config.n_codes}"])


def _described(recordings: Recordings, sample_rate_hz: int) -> dict[str, Any]:
    used = (*recordings.train, *recordings.held_out)
    return {
        "n_train": len(recordings.train),
        "n_held_out": len(recordings.held_out),
        "n_too_short": recordings.n_too_short,
        "n_left_out": recordings.n_left_out,
        "seconds": round(sum(map(len, used)) / sample_rate_hz, 3),
        "fingerprint": recordings.fingerprint,
    }
