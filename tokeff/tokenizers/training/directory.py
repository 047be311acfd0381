"""The directory of a training run: weights, card, record, and the checkpoint that a run goes on from.

model.safetensors       the averaged weights so far, float16
card.toml               a card for it, for `--cards DIR`
training.json           plan, data, history: how it came about
checkpoint.safetensors  everything that resuming needs

Leaves out what is in the weights file and on the card (the modalities).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file

from tokeff.errors import RunError
from tokeff.tokenizers.model_files import write_weights
from tokeff.tokenizers.training.plan import Progress
from tokeff.tokenizers.training.trainer import Trainer

Report = TypeVar("Report", bound=Progress)
SCHEMA = "tokeff.training/1"
WEIGHTS, CARD, RECORD, CHECKPOINT = "model.safetensors", "card.toml", "training.json", "checkpoint.safetensors"
FIXED = ("config", "batch", "crop", "learning_rate", "warmup_steps", "average", "seed")
"""What must stay the same when a run is resumed; its length, device and precision may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a modality puts into its directory."""

    data: tuple[str, Mapping[str, Any]]
    """What the data are called in the record, and what is said of them."""
    model: Mapping[str, Any]
    """What the record says of the network."""
    save_weights: Callable[[Path], None]
    card_text: Callable[[Path], str]
    fixed: Sequence[str] = FIXED


class RunDirectory(Generic[Report]):
    """A directory and the trainer that fills it."""

    def __init__(
        self, out: Path, trainer: Trainer[Report], plan: Mapping[str, Any], content: Content, provenance: dict[str, Any]
    ) -> None:
        self.out, self.trainer, self.plan, self.content = out, trainer, plan, content
        name, described = content.data
        self.record: dict[str, Any] = {
            "schema": SCHEMA,
            "parts": [{"from_step": 0, "plan": dict(plan), **provenance}],
            name: dict(described),
            "model": dict(content.model),
            "history": [],
        }

    def open(self, *, resume: bool) -> None:
        """Make the directory, or take up the run that is in it. Raises RunError."""
        refuse_unfit(self.out, resume=resume)
        if resume:
            self._take_up()
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot be made: {error.strerror}", where=str(self.out)) from error
        if self.trainer.progress >= 1:
            got = f"{self.trainer.step} steps, {self.trainer.seconds / 60:.3g} minutes"
            fix = "Give more --steps or --minutes."
            raise RunError("this run is finished", where=str(self.out), got=got, fix=fix)

    def run(self, report: Callable[[Report], None]) -> Report:
        """Train to the end; everything is saved before each report."""

        def add(news: Report) -> None:
            self.save(news)
            report(news)

        return self.trainer.run(add)

    def _take_up(self) -> None:
        name, _ = self.content.data
        try:
            record = json.loads((self.out / RECORD).read_text("utf-8"))
            state = load_file(self.out / CHECKPOINT)
            before, data = record["parts"][-1]["plan"], record[name]
        except (OSError, ValueError, TypeError, LookupError, SafetensorError) as error:
            raise RunError(f"holds no run that can be resumed: {error}", where=str(self.out)) from error
        refuse_other({key: before.get(key) for key in self.content.fixed}, self.plan, str(self.out))
        refuse_other(data, self.record[name], f"{self.out}: {name}")
        self.trainer.restore(state)
        part = {**self.record["parts"][0], "from_step": self.trainer.step}
        self.record = {**record, "parts": [*record["parts"], part]}

    def save(self, news: Report) -> None:
        """Write everything; a run that is stopped at any moment can go on from here."""
        self.record["history"].append({name: rounded(value) for name, value in asdict(news).items()})
        self.content.save_weights(self.out / WEIGHTS)
        write_weights(self.out / CHECKPOINT, self.trainer.state())
        write(self.out / RECORD, json.dumps(self.record, indent=1) + "\n")
        write(self.out / CARD, self.content.card_text(self.out / WEIGHTS))


def refuse_unfit(out: Path, *, resume: bool) -> None:
    """Raises RunError where a run cannot begin, or go on, in this directory; to be called before data are read."""
    if resume and not (out / CHECKPOINT).is_file():
        raise RunError(
            "holds no run that can be resumed",
            where=str(out),
            got=f"no {CHECKPOINT}: it is written with the first report",
            fix="Begin without --resume, in a new or empty directory.",
        )
    if not resume and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(
            "holds something already",
            where=str(out),
            expected="a new or empty directory",
            fix="Give --resume to go on with a run.",
        )


def card_lines(weights: Path, quoted: Mapping[str, str], further: Sequence[str]) -> str:
    """A card in TOML: texts (JSON strings are TOML strings), lines of TOML, the weights file beside it."""
    data = weights.read_bytes()
    lines = ["schema_version = 1", *(f"{key} = {json.dumps(value)}" for key, value in quoted.items()), *further]
    lines += ["", "[artefact]", f"file = {json.dumps(weights.name)}"]
    lines += [f'sha256 = "{hashlib.sha256(data).hexdigest()}"', f"bytes = {len(data)}"]
    return "\n".join(lines) + "\n"


def short_hash(weights: Path) -> str:
    """For a name that changes with the weights."""
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:8]


def rounded(value: Any) -> Any:
    """Numbers to six places, also within lists; None stays None."""
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    return value if value is None else round(value, 6)


def refuse_other(before: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """Raises RunError where a value has changed."""
    for name, value in before.items():
        if now.get(name) != value:
            raise RunError(f"was begun with another {name}", where=where, got=now.get(name), expected=value)


def write(path: Path, text: str) -> None:
    """A text file that appears whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)
