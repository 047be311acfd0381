"""What a run is asked to do, checked once, and how it is carried out. The defaults need no download.

`Options` decide the figures: a run can be resumed only with the same. `Execution` does not: any number of workers on
any engine gives the same figures.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from tokeff.engine.device import DEVICES, Device
from tokeff.errors import TokeffError
from tokeff.readers.options import FORMATS, UNITS, Format, ReadOptions, Unit
from tokeff.records.items import MODALITIES, Modality

Reconstruction = Literal["full", "sample", "off"]
RECONSTRUCTIONS: tuple[Reconstruction, ...] = get_args(Reconstruction)
"""Missing bits of every item and all of it; of a window of some items; or neither they nor distortion."""
Engine = Literal["local", "ray"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
ITEM_TIMEOUT_SECONDS = 600.0
"""An item that takes longer is taken to hang, where nothing else is asked for."""

DEFAULT_TOKENIZERS: Mapping[Modality, str] = {
    "text": "tekken",
    "image": "fsq-s8-1200",
    "audio": "rvq-6k",
    "video": "frames-1fps",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Arguments of a run; `tokenizers` empty means one default per modality."""

    paths: tuple[str, ...]
    tokenizers: tuple[str, ...] = ()
    modality: Modality | None = None
    unit: Unit = "file"
    format: Format | None = None
    columns: tuple[str, ...] = ()
    audio_track: bool = False
    """The sound of a clip is an item of its own, keyed `clip.mp4#audio`."""
    storage: tuple[tuple[str, str], ...] = ()
    """Options of the file system of URLs: names and values, which may be secrets and are not kept."""
    device: Device = "auto"
    sample: int | None = None
    precision: float | None = None
    """Draw items at random until every ratio is known to this share of itself."""
    seed: int = 0
    count_only: bool = False
    reconstruction: Reconstruction = "sample"
    cards: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _one_of("--modality", self.modality, (None, *MODALITIES))
        _one_of("--unit", self.unit, UNITS)
        _one_of("--format", self.format, (None, *FORMATS))
        _one_of("--device", self.device, DEVICES)
        _one_of("--reconstruction", self.reconstruction, RECONSTRUCTIONS)
        if not self.paths:
            raise TokeffError("nothing to profile", expected="at least one file, folder or glob")
        if self.sample is not None and self.sample < 1:
            raise TokeffError("a sample is empty", where="--sample", got=self.sample, expected="at least 1")
        if self.precision is not None and not 0 < self.precision < 1:
            raise TokeffError("not a precision", where="--precision", got=self.precision, expected="0.01 for 1 %")
        if sum((self.sample is not None, self.precision is not None, self.count_only)) > 1:
            got = "more than one of --sample, --precision and --count-only"
            raise TokeffError("each says how much is measured", got=got, expected="one of them")
        if self.audio_track and self.modality is not None:
            raise TokeffError("both clips and sound are read", where="--audio-track", got=f"--modality {self.modality}")
        if len(set(self.tokenizers)) != len(self.tokenizers):
            raise TokeffError("a tokenizer is named twice", where="-t", got=", ".join(self.tokenizers))

    @property
    def reading(self) -> ReadOptions:
        """How the corpus is read."""
        return ReadOptions(
            modality=self.modality,
            unit=self.unit,
            format=self.format,
            columns=self.columns,
            audio_track=self.audio_track,
            storage=self.storage,
        )

    def to_json(self) -> dict[str, Any]:
        """As run.json keeps them: the names of storage options without their values."""
        storage = sorted({name for name, _ in self.storage})
        return {**asdict(self), "cards": [str(folder) for folder in self.cards], "storage": storage}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Options":
        """What `to_json` gave, without storage options."""
        lists = {name: tuple(kept[name]) for name in ("paths", "tokenizers", "columns")}
        return cls(**{**kept, **lists, "cards": tuple(map(Path, kept["cards"])), "storage": ()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How a run is carried out."""

    engine: Engine = "local"
    workers: int | None = None
    """Processes; 1 per core or GPU by default, and none but this one where the corpus is small."""
    address: str | None = None
    """Of a Ray cluster; None: one on this machine."""
    item_timeout: float | None = None
    """Seconds; None: ITEM_TIMEOUT_SECONDS in workers, no limit in this process."""
    fresh: bool = False
    """Throw away what an unfinished run has left in the directory."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _one_of("--engine", self.engine, ENGINES)
        if self.workers is not None and self.workers < 1:
            raise TokeffError("nobody would work", where="--workers", got=self.workers, expected="at least 1")
        if self.item_timeout is not None and self.item_timeout <= 0:
            raise TokeffError("not a time", where="--item-timeout", got=self.item_timeout, expected="seconds, above 0")
        if self.address is not None and self.engine != "ray":
            raise TokeffError("only Ray has an address", where="--address", fix="Add --engine ray.")

    def to_json(self) -> dict[str, Any]:
        """As run.json keeps it."""
        return asdict(self)


def _one_of(where: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        named = ", ".join(str(choice) for choice in choices if choice is not None)
        raise TokeffError("not a choice", where=where, got=repr(value), expected=f"one of {named}")
