"""What a run is asked to do, checked once. The defaults need no download and no configuration."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tokeff.engine.device import DEVICES, Device
from tokeff.errors import TokeffError
from tokeff.records.items import MODALITIES, Modality

Unit = Literal["file", "line", "paragraph"]
UNITS: tuple[Unit, ...] = ("file", "line", "paragraph")
Reconstruction = Literal["full", "sample", "off"]
RECONSTRUCTIONS: tuple[Reconstruction, ...] = ("full", "sample", "off")
"""Missing bits of every item and all of it; of a window of some items; or neither they nor distortion."""

DEFAULT_TOKENIZERS: Mapping[Modality, str] = {
    "text": "tekken",
    "image": "fsq-s8-1200",
    "audio": "opus-24k",
    "video": "frames-1fps",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Arguments of a run; `tokenizers` empty means one default per modality."""

    paths: tuple[str, ...]
    tokenizers: tuple[str, ...] = ()
    modality: Modality | None = None
    unit: Unit = "file"
    device: Device = "auto"
    sample: int | None = None
    seed: int = 0
    count_only: bool = False
    reconstruction: Reconstruction = "sample"
    cards: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _one_of("--modality", self.modality, (None, *MODALITIES))
        _one_of("--unit", self.unit, UNITS)
        _one_of("--device", self.device, DEVICES)
        _one_of("--reconstruction", self.reconstruction, RECONSTRUCTIONS)
        if not self.paths:
            raise TokeffError("nothing to profile", expected="at least one file, folder or glob")
        if self.sample is not None and self.sample < 1:
            raise TokeffError("a sample is empty", where="--sample", got=self.sample, expected="at least 1")
        if len(set(self.tokenizers)) != len(self.tokenizers):
            raise TokeffError("a tokenizer is named twice", where="-t", got=", ".join(self.tokenizers))

    def to_json(self) -> dict[str, Any]:
        """As run.json keeps them."""
        return {**asdict(self), "cards": [str(folder) for folder in self.cards]}


def _one_of(where: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        named = ", ".join(str(choice) for choice in choices if choice is not None)
        raise TokeffError("not a choice", where=where, got=repr(value), expected=f"one of {named}")
