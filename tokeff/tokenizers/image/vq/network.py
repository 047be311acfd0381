"""A network of another library: its weights put in place, its type and device, compiled where a card asks for it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from tokeff.records.cards import Card
from tokeff.tokenizers.image.vq.sources import Source
from tokeff.tokenizers.model_files import refuse_misfit

if TYPE_CHECKING:
    import torch

DTYPES: Mapping[str, Literal["float32", "bfloat16"]] = {"fp32": "float32", "bf16": "bfloat16"}


def load_weights(network: Any, source: Source, card: Card, *, saved_as: Callable[[str], str] = str) -> None:
    """Fill a module that was made on `meta`. `saved_as`: a tensor's name in the files, from that in the module.

    Raises ArtefactMissing, ArtefactInvalid where they do not fit exactly.
    """
    names = {name: saved_as(name) for name in network.state_dict()}
    weights = source.tensors(names.values(), allow_pickle=bool(card.parameters.get("allow_pickle", False)))
    found = {name: _floats(weights[saved]) for name, saved in names.items()}
    refuse_misfit(found, network.state_dict(), source.where)
    network.load_state_dict(found, assign=True)


def prepare(network: Any, card: Card, device: str) -> Literal["float32", "bfloat16"]:
    """Move a module to its device and type, compile it where the card says so; the type's name."""
    import torch

    dtype = DTYPES[str(card.parameters.get("dtype", "fp32"))]
    # Not `network.to`: diffusers' warns of every type, even of the one that is there.
    torch.nn.Module.to(network, device=device, dtype=getattr(torch, dtype))
    if card.parameters.get("compile", False):
        network.encoder.compile()
        if hasattr(network, "decoder"):
            network.decoder.compile()
    return dtype


def _floats(tensor: "torch.Tensor") -> "torch.Tensor":
    return tensor.float() if tensor.is_floating_point() else tensor
