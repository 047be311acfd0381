"""How a corpus is to be read. Light, and the same in every process of a run: it can be pickled and kept as JSON.

Leaves out which files there are (`walk`) and what they hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from tokeff.records.items import Modality

Unit = Literal["file", "line", "paragraph"]
UNITS: tuple[Unit, ...] = get_args(Unit)
Format = Literal["file", "jsonl", "parquet", "arrow", "tar", "dataset"]
FORMATS: tuple[Format, ...] = ("file", "jsonl", "parquet", "arrow", "tar")
"""Those that a person may ask for; a dataset is known by its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What is read of a corpus, and as what."""

    modality: Modality | None = None
    """Only this one; the others are passed over without a word."""
    unit: Unit = "file"
    """What an item of text is: all of it, a line, or a paragraph."""
    format: Format | None = None
    """What every file is read as; None: each by its name. `file`: every file as it lies."""
    columns: tuple[str, ...] = ()
    """Fields of JSON lines, columns of tables, extensions of archive members; empty: guessed, and said."""
    audio_track: bool = False
    """Whether the sound of a clip is an item, too."""
    storage: tuple[tuple[str, str], ...] = ()
    """Options of the file system of URLs, such as ("endpoint_url", "http://127.0.0.1:5000")."""

    def to_json(self) -> dict[str, Any]:
        """For a ledger. Storage options are named, but their values may be secrets and are left out."""
        return {
            "modality": self.modality,
            "unit": self.unit,
            "format": self.format,
            "columns": list(self.columns),
            "audio_track": self.audio_track,
            "storage": sorted({name for name, _ in self.storage}),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], storage: tuple[tuple[str, str], ...] = ()) -> "ReadOptions":
        """The options back; values of storage options were not kept and must be given again."""
        fields = {name: kept[name] for name in ("modality", "unit", "format", "audio_track")}
        return cls(**fields, columns=tuple(kept["columns"]), storage=storage)
