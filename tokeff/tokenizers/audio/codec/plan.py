"""What a training run on sound is asked to do, and what it reports. Leaves out doing it (`training`)."""

from dataclasses import asdict, dataclass
from typing import Any

from tokeff.errors import SpecError
from tokeff.tokenizers.audio.codec.config import CodecConfig
from tokeff.tokenizers.training.plan import Progress, TrainingPlan

OPERATING_POINTS = (6, 12, 24, 48)
"""Numbers of codebooks at which held-out recordings are measured; 1.5 to 12 kbit/s with 1024 codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(TrainingPlan):
    """Settings of one run; crops are so many positions of 40 ms."""

    config: CodecConfig
    crop: int = 64
    mel_weight: float = 1.0
    """Of the log-mel distance in the loss, beside the signal-to-noise ratio; both are in dB."""
    fit_crops: int = 480
    """Crops that the codebooks are fitted on."""

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        TrainingPlan.__post_init__(self)
        if self.mel_weight < 0:
            raise SpecError("must not be negative", where="mel_weight", got=self.mel_weight)
        if self.fit_crops < 1:
            raise SpecError("must be positive", where="fit_crops", got=self.fit_crops)

    @property
    def crop_samples(self) -> int:
        """Samples of a crop."""
        return self.crop * self.config.position_samples

    @property
    def operating_points(self) -> tuple[int, ...]:
        """Those that the codec has, or all of its codebooks."""
        return tuple(k for k in OPERATING_POINTS if k <= self.config.n_codebooks) or (self.config.n_codebooks,)

    def to_json(self) -> dict[str, Any]:
        """As records and checkpoints keep it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Progress):
    """How far a run is, on recordings that it does not train on: one figure for each operating point."""

    held_out_codebooks: tuple[int, ...]
    held_out_si_sdr_db: tuple[float | None, ...]
    """Means over the held-out recordings that have one (silence has none), with the averaged weights."""
    held_out_log_mel_db: tuple[float | None, ...]
