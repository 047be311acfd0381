"""Where a model's files are: a directory, one weights file, or a hub repository of which only what is needed is had.

Tensors are read by name, so that of a language model's shards only those with its image tokenizer are opened (or
fetched). Leaves out what the files mean (`opening`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from tokeff.errors import ArtefactInvalid, ArtefactMissing
from tokeff.records.cards import Card
from tokeff.tokenizers.artefacts import find_artefact

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS, DIFFUSERS_WEIGHTS = "model.safetensors", "diffusion_pytorch_model.safetensors"
PICKLES = ("pytorch_model.bin", "diffusion_pytorch_model.bin", "model.bin", "model.pt", "model.pth", "model.ckpt")


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one model."""

    card: Card
    root: Path | None
    """The directory or file; None for a hub repository."""
    weights: str = WEIGHTS
    """The file of the tensors; where it is cut into shards, `<weights>.index.json` lists them."""

    @classmethod
    def of(cls, card: Card) -> "Source":
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

    def path(self, name: str) -> Path:
        """A file that must be there. Raises ArtefactMissing."""
        if self.root is None:
            return find_artefact(self.card, names=(name,))
        path = self.root / name
        if not path.is_file():
            raise ArtefactMissing(f"there is no {name}", where=self.where, got=_listing(self.root))
        return path

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        try:
            self.path(name)
        except ArtefactMissing:
            return False
        return True

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

    def tensors(self, names: Iterable[str], *, allow_pickle: bool) -> dict[str, Tensor]:
        """The tensors of a network, whatever stands before their names in the file. Raises ArtefactInvalid."""
        wanted = list(names)
        index = f"{self.weights}.index.json"
        if self.has(index):
            files = self.json(index).get("weight_map", {})
            prefix = _prefix(wanted, files, self.where)
            shards = sorted({files[prefix + name] for name in wanted})
            found: dict[str, Tensor] = {}
            for shard in shards:
                here = [name for name in wanted if files[prefix + name] == shard]
                found |= _read(self.path(shard), here, prefix)
            return found
        if self.has(self.weights):
            path = self.path(self.weights)
            return _read(path, wanted, _prefix(wanted, _keys(path), self.where))
        return self._pickled(wanted, allow_pickle)

    def _pickled(self, wanted: list[str], allow_pickle: bool) -> dict[str, Tensor]:
        pickle = next((name for name in PICKLES if self.has(name)), None)
        if pickle is None:
            self.path(self.weights)  # raises, saying what is there
        elif not allow_pickle:
            raise ArtefactInvalid(
                "the weights are a pickle, which can run code when it is read",
                where=self.where,
                got=pickle,
                expected=self.weights,
                fix="Convert them to safetensors; or, where you trust the file, say --allow-pickle "
                "(for one tokenizer: ?allow_pickle=true).",
            )
        import torch

        path = self.path(str(pickle))
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch.load raises whatever a damaged file makes it raise
            raise ArtefactInvalid(f"cannot be read as weights: {error}", where=str(path)) from error
        if not isinstance(state, Mapping):
            raise ArtefactInvalid("is not a mapping of tensors", where=str(path), got=type(state).__name__)
        prefix = _prefix(wanted, state, str(path))
        return {name: state[prefix + name] for name in wanted}


def _keys(path: Path) -> list[str]:
    try:
        with safe_open(path, framework="pt") as file:
            return list(file.keys())
    except (OSError, SafetensorError) as error:
        raise ArtefactInvalid(f"cannot be read as safetensors: {error}", where=str(path)) from error


def _read(path: Path, names: Iterable[str], prefix: str) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(prefix + name) for name in names}
    except (OSError, SafetensorError) as error:
        raise ArtefactInvalid(f"cannot be read as safetensors: {error}", where=str(path)) from error


def _prefix(wanted: list[str], keys: Iterable[str], where: str) -> str:
    """What stands before the names of the network's tensors: nothing, or `model.vqmodel.` inside a language model."""
    held = set(keys)
    prefixes = {key.removesuffix(wanted[0]) for key in held if key == wanted[0] or key.endswith("." + wanted[0])}
    missing = {prefix: [name for name in wanted if prefix + name not in held] for prefix in prefixes or {""}}
    best = min(missing, key=lambda prefix: (len(missing[prefix]), len(prefix)))
    if missing[best]:
        raise ArtefactInvalid(
            "the weights do not fit the configuration",
            where=where,
            got=f"{len(missing[best])} of {len(wanted)} tensors are missing: " + ", ".join(missing[best][:5]),
            expected="every tensor of the model that config.json describes",
        )
    return best


def _listing(root: Path) -> str:
    if not root.is_dir():
        return "a single file"
    names = sorted(entry.name for entry in root.iterdir())
    return ", ".join(names[:12]) or "an empty directory"
