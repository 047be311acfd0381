"""What a training run is asked to do, and what it reports. Leaves out doing it (`training`)."""

from dataclasses import asdict, dataclass
from typing import Any

from tokeff.errors import SpecError
from tokeff.tokenizers.image.fsq.config import FsqConfig
from tokeff.tokenizers.training.plan import Progress, TrainingPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(TrainingPlan):
    """Settings of one run; crops are squares of pixels."""

    config: FsqConfig

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        TrainingPlan.__post_init__(self)
        if self.crop % self.config.trunk:
            raise SpecError("not a multiple of the block", where="crop", got=self.crop, expected=self.config.trunk)

    def to_json(self) -> dict[str, Any]:
        """As records and checkpoints keep it."""
        table = asdict(self)
        table["config"]["levels"] = list(self.config.levels)
        return table


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Progress):
    """How far a run is, on pictures that it does not train on."""

    held_out_psnr_db: float
    """Mean over the held-out pictures, with the averaged weights."""
    held_out_utilisation: float
    """Share of the codes that occur in them."""
