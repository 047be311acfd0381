"""The settings that every training run has: how long, how fast, where. Leaves out what is trained."""

import math
from dataclasses import dataclass
from typing import Literal

from tokeff.errors import SpecError

Precision = Literal["bf16", "fp32"]
FINAL_SHARE = 0.01
"""Of the learning rate, what is left at the end of the cosine."""
POSITIVE = ("steps", "minutes", "batch", "crop", "learning_rate", "report_steps")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """Settings of one run; it ends after `steps` or `minutes` of training, whichever is reached first."""

    steps: int | None = None
    minutes: float | None = None
    batch: int = 16
    crop: int = 128
    """Length of a side, in the units of the modality."""
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    average: float = 0.999
    """Decay of the moving average of the weights that is kept as the model."""
    seed: int = 0
    device: str = "cpu"
    precision: Precision = "fp32"
    report_steps: int = 250

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.steps is None and self.minutes is None:
            raise SpecError("nothing says when training ends", fix="Give --steps or --minutes.")
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SpecError("must be positive", where=name, got=value)

    def progress(self, step: int, seconds: float) -> float:
        """0 at the beginning, 1 at the end."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def learning_rate_at(self, step: int, progress: float) -> float:
        """A linear warm-up, then half a cosine down to a hundredth."""
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        warm = min(1.0, (step + 1) / (self.warmup_steps + 1))
        return self.learning_rate * warm * (FINAL_SHARE + (1 - FINAL_SHARE) * cosine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is; modalities add figures on what they do not train on."""

    step: int
    seconds: float
    """Of training, without reports and checkpoints."""
    progress: float
    """0 to 1."""
    loss: float
    """Mean over the steps since the last report."""
