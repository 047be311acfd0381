"""The weights file: safetensors whose header holds the configuration, so that one file is the whole model.

Weights are folded (`model.fold`), float16 on disk and float32 in memory. Leaves out where the file lies.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tokeff.errors import ArtefactInvalid
from tokeff.tokenizers.image.fsq.config import FsqConfig
from tokeff.tokenizers.image.fsq.model import FsqAutoencoder, fold
from tokeff.tokenizers.model_files import refuse_misfit, write_weights

KEY = "tokeff.fsq/1"
"""The key of the configuration in the file's header."""


def save_weights(path: Path, config: FsqConfig, weights: Mapping[str, Tensor]) -> None:
    """Write a model from the weights of its unfolded network. The file appears whole or not at all."""
    folded = fold(weights, config)
    halves = {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in folded.items()}
    write_weights(path, halves, {KEY: config.to_json()})


def is_weights_file(path: Path) -> bool:
    """Whether this is a safetensors file that `save_weights` wrote."""
    try:
        with safe_open(path, framework="pt") as file:
            return KEY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def load_model(path: Path, *, device: str = "cpu") -> FsqAutoencoder:
    """The model of a file, in float32, ready to encode. Raises ArtefactInvalid."""
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise ArtefactInvalid(f"cannot be read as safetensors: {error}", where=str(path)) from error
    if text is None:
        raise ArtefactInvalid(
            "its header has no FSQ configuration",
            where=str(path),
            expected=f"the key {KEY}",
            fix="A model of transformers or diffusers has its config.json beside its weights.",
        )
    with torch.device("meta"):
        model = FsqAutoencoder(FsqConfig.from_json(text, str(path)), folded=True)
    refuse_misfit(weights, model.state_dict(), str(path))
    model.load_state_dict(weights, assign=True)
    return model.to(device).eval()
