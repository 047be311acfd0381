"""Opening a diffusers autoencoder: its class by name from config.json, its weights read here, which must fit exactly.

Pictures go in unresized, from -1 to 1, as the pipelines of that library give them. Needs the extra `diffusers`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tokeff.errors import ArtefactInvalid, ExtraMissing, SpecError
from tokeff.records.cards import Card
from tokeff.tokenizers.image.vq.fitting import Fit
from tokeff.tokenizers.image.vq.network import load_weights, prepare
from tokeff.tokenizers.image.vq.pixels import Scale
from tokeff.tokenizers.image.vq.sources import DIFFUSERS_WEIGHTS, Source
from tokeff.tokenizers.model_files import CONFIG

CLASS = "_class_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A network on the CPU and how it wants its pictures."""

    network: Any
    fit: Fit
    scale: Scale

    def prepare(self, card: Card, device: str) -> str:
        """On its device, in its type, compiled where asked for; the type's name."""
        return prepare(self.network, card, device)


def class_of(table: Mapping[str, Any]) -> str | None:
    """The class that a config.json of diffusers names; None for another library's."""
    name = table.get(CLASS)
    return name if isinstance(name, str) else None


def open_network(source: Source, card: Card, classes: Collection[str]) -> Opened:
    """One of `classes`. Raises ArtefactMissing, ArtefactInvalid, SpecError, ExtraMissing."""
    table = source.json(CONFIG)
    name = class_of(table)
    if name not in classes:
        raise ArtefactInvalid(
            "is not an autoencoder that this family knows",
            where=f"{source.where}/{CONFIG}",
            got=f"{CLASS} {name!r}" if name else f"model_type {table.get('model_type')!r}",
            expected="one of " + ", ".join(classes),
        )
    if "size" in card.parameters:
        raise SpecError("this model does not resize", where=card.name, got=f"size={card.parameters['size']}")
    network = _network(str(name), table, source)
    load_weights(network, replace(source, weights_name=DIFFUSERS_WEIGHTS), card)
    stride = _stride(network)
    fit = Fit(way="pad", stride=stride, block=stride)
    return Opened(network=network.eval(), fit=fit, scale=Scale(factor=1 / 127.5, mean=(1.0,) * 3, deviation=(1.0,) * 3))


def _network(name: str, table: Mapping[str, Any], source: Source) -> Any:
    """The module without memory for its weights."""
    import torch

    try:
        import diffusers
    except ImportError as error:
        raise ExtraMissing.of("diffusers", "diffusers", where=source.where) from error
    try:
        with torch.device("meta"):
            return getattr(diffusers, name).from_config(dict(table))
    except Exception as error:  # the library checks its configurations with errors of many kinds
        raise ArtefactInvalid(f"config.json does not describe a model: {error}", where=source.where) from error


def _stride(network: Any) -> int:
    """Pixels along each side of a token: every block but one halves the sides."""
    config = network.config
    blocks = config.num_encoder_blocks if hasattr(config, "num_encoder_blocks") else config.down_block_types
    return int(2 ** (len(blocks) - 1))
