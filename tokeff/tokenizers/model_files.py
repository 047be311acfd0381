"""Where a model's files are: a directory, one weights file, or a hub repository of which only what is needed is had.

Leaves out what the files mean, which their families know.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from safetensors import SafetensorError, safe_open

from tokeff.errors import ArtefactInvalid, ArtefactMissing
from tokeff.records.cards import Card
from tokeff.tokenizers.artefacts import find_artefact

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS, INDEX = "model.safetensors", ".index.json"
SHOWN = 5
"""Tensors that a refusal names."""
PICKLES = ("pytorch_model.bin", "diffusion_pytorch_model.bin", "model.bin", "model.pt", "model.pth", "model.ckpt")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one model."""

    card: Card
    root: Path | None
    """The directory or file; None for a hub repository."""
    weights_name: str = WEIGHTS
    """The file of the tensors; where it is cut into shards, `<weights_name>.index.json` lists them."""

    @classmethod
    def of(cls, card: Card) -> Self:
        """Raises ArtefactMissing and ArtefactInvalid where the card's artefact is nowhere, or is another."""
        places = card.artefact
        if places is not None and places.hub and not (places.file or places.package):
            return cls(card, None)
        return cls(card, find_artefact(card))

    @property
    def where(self) -> str:
        """For messages."""
        hub = self.card.artefact.hub if self.card.artefact else None
        return str(self.root) if self.root is not None else str(hub)

    @property
    def listing(self) -> str:
        """What is there, for messages."""
        if self.root is None or not self.root.is_dir():
            return "a single file"
        names = sorted(entry.name for entry in self.root.iterdir())
        return ", ".join(names[:12]) or "an empty directory"

    def path(self, name: str) -> Path:
        """A file that must be there; of a hub repository it is fetched. Raises ArtefactMissing."""
        if self.root is None:
            return find_artefact(self.card, names=(name,))
        path = self.root / name
        if not path.is_file():
            raise ArtefactMissing(f"there is no {name}", where=self.where, got=self.listing)
        return path

    @property
    def index(self) -> dict[str, str] | None:
        """Where the tensors are cut into shards: the file of each of them."""
        if self.find(self.weights_name + INDEX) is None:
            return None
        files = self.json(self.weights_name + INDEX).get("weight_map")
        if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
            raise ArtefactInvalid(
                "does not say which file holds which tensor",
                where=f"{self.where}/{self.weights_name}{INDEX}",
                expected='an object "weight_map": tensor -> file',
            )
        return files

    def find(self, name: str) -> Path | None:
        """A file, or None where there is none."""
        try:
            return self.path(name)
        except ArtefactMissing:
            return None

    def json(self, name: str) -> dict[str, Any]:
        """A file's content. Raises ArtefactMissing, ArtefactInvalid."""
        path = self.path(name)
        try:
            table = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ArtefactInvalid(f"{name} is not JSON: {error}", where=str(path)) from error
        if not isinstance(table, dict):
            raise ArtefactInvalid(f"{name} is not a JSON object", where=str(path), got=type(table).__name__)
        return table

    def weights(self) -> Path | None:
        """The safetensors file: the artefact itself, or the one in its directory."""
        if self.root is not None and not self.root.is_dir():
            return self.root
        return self.find(self.weights_name)


def allowed_pickle(files: ModelFiles, *, allow_pickle: bool) -> Path:
    """The pickled weights, where they are allowed. Raises ArtefactInvalid, and ArtefactMissing where there are none."""
    pickle = next((name for name in PICKLES if files.find(name)), None)
    if pickle is None:
        return files.path(files.weights_name)  # raises, saying what is there
    if not allow_pickle:
        raise ArtefactInvalid(
            "the weights are a pickle, which can run code when it is read",
            where=files.where,
            got=pickle,
            expected=files.weights_name,
            fix="Convert them to safetensors; or, where you trust the file, say --allow-pickle "
            "(for one tokenizer: ?allow_pickle=true).",
        )
    return files.path(pickle)


def metadata_of(path: Path) -> dict[str, str]:
    """What the header of a safetensors file says; nothing for other files."""
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError):
        return {}


def refuse_misfit(found: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", where: str) -> None:
    """Raises ArtefactInvalid where weights are not those of the network that their configuration describes."""
    problems = [f"no {name}" for name in wanted if name not in found]
    problems += [f"{name}, which it has not" for name in found if name not in wanted]
    both = [name for name in wanted if name in found]
    for name in both:
        if (shape := tuple(found[name].shape)) != tuple(wanted[name].shape):
            problems.append(f"{name} of shape {shape}, not {tuple(wanted[name].shape)}")
    if problems:
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise ArtefactInvalid(
            "the weights do not fit the configuration", where=where, got="; ".join(problems[:SHOWN]) + more
        )
    if broken := [name for name in both if not found[name].isfinite().all()]:
        raise ArtefactInvalid("the weights hold infinities or what is no number", where=where, got=broken[0])


def write_weights(path: Path, tensors: "Mapping[str, Tensor]", metadata: dict[str, str] | None = None) -> None:
    """Write safetensors. The file appears whole or not at all."""
    from safetensors.torch import save

    partial = path.with_name(path.name + ".partial")
    # Not `save_file`: nobody else could read it.
    partial.write_bytes(save(dict(tensors), metadata=metadata))
    partial.replace(path)
