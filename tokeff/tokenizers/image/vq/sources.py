"""The tensors of a model, read by name: of a language model's shards only those with its image tokenizer are opened or
fetched. Leaves out where the files are (`tokeff.tokenizers.model_files`) and what they mean (`opening`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from tokeff.errors import ArtefactInvalid
from tokeff.tokenizers.model_files import ModelFiles, allowed_pickle

DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True, slots=True)
class Source(ModelFiles):
    """The files of one model, and its tensors."""

    def tensors(self, names: Iterable[str], *, allow_pickle: bool) -> dict[str, Tensor]:
        """The tensors of a network, whatever stands before their names in the file. Raises ArtefactInvalid."""
        wanted = list(names)
        if (files := self.index) is not None:
            prefix = _prefix(wanted, files, self.where)
            shards = sorted({files[prefix + name] for name in wanted})
            found: dict[str, Tensor] = {}
            for shard in shards:
                here = [name for name in wanted if files[prefix + name] == shard]
                found |= _read(self.path(shard), here, prefix)
            return found
        if (path := self.find(self.weights_name)) is not None:
            return _read(path, wanted, _prefix(wanted, _keys(path), self.where))
        return self._pickled(wanted, allow_pickle)

    def _pickled(self, wanted: list[str], allow_pickle: bool) -> dict[str, Tensor]:
        import torch

        path = allowed_pickle(self, allow_pickle=allow_pickle)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch.load raises whatever a damaged file makes it raise
            raise ArtefactInvalid(
                "cannot be read as weights: it is damaged, or holds more than tensors, which could run code",
                where=str(path),
                got=type(error).__name__,
                fix="Convert it to safetensors with the library that wrote it.",
            ) from error
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
