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
ENCODER = "encoder_block_out_channels"
"""What only the configuration of AutoencoderTiny has."""
OLD_NAMES = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


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
    _refuse_other_pictures(network.config, source.where)
    _load(network, replace(source, weights_name=DIFFUSERS_WEIGHTS), card)
    stride = _strides(network.config)[0]
    fit = Fit(way="pad", stride=stride, block=stride)
    return Opened(network=network.eval(), fit=fit, scale=Scale(factor=1 / 127.5, mean=(1.0,) * 3, deviation=(1.0,) * 3))


def _load(network: Any, source: Source, card: Card) -> None:
    """Its weights, under today's names of the parts of attention or under those of before 2023."""
    try:
        load_weights(network, source, card)
    except ArtefactInvalid as error:
        try:
            load_weights(network, source, card, saved_as=_old_name)
        except ArtefactInvalid:
            raise error from None


def _old_name(name: str) -> str:
    for new, old in OLD_NAMES.items():
        name = name.replace(new, old)
    return name


def _network(name: str, table: Mapping[str, Any], source: Source) -> Any:
    """The module without memory for its weights."""
    import torch

    try:
        import diffusers
    except ImportError as error:
        raise ExtraMissing.of("diffusers", "diffusers", where=source.where) from error
    try:
        with torch.device("meta"):
            return getattr(diffusers, name).from_config(_told(table))
    except Exception as error:  # the library checks its configurations with errors of many kinds
        raise ArtefactInvalid(f"config.json does not describe a model: {error}", where=source.where) from error


def _told(table: Mapping[str, Any]) -> dict[str, Any]:
    """Without what AutoencoderTiny writes and then complains of."""
    return {key: value for key, value in table.items() if key != "block_out_channels" or ENCODER not in table}


def _refuse_other_pictures(config: Any, where: str) -> None:
    """Pictures go in and come out in colour and of one size."""
    if (config.in_channels, config.out_channels) != (3, 3):
        raise ArtefactInvalid(
            "is not an autoencoder of colour pictures",
            where=f"{where}/{CONFIG}",
            got=f"in_channels {config.in_channels}, out_channels {config.out_channels}",
            expected="3 and 3",
        )
    down, up = _strides(config)
    if down != up:
        raise ArtefactInvalid(
            "gives pictures back in another size",
            where=f"{where}/{CONFIG}",
            got=f"an encoder that reduces {down} times, a decoder that enlarges {up} times",
            expected="the same number of blocks in both",
        )


def _strides(config: Any) -> tuple[int, int]:
    """Pixels along each side of a token, of the encoder and the decoder: every block but one changes the sides."""
    if ENCODER in config:
        up = config.upsampling_scaling_factor ** (len(config.num_decoder_blocks) - 1)
        return 2 ** (len(config.num_encoder_blocks) - 1), up
    return 2 ** (len(config.down_block_types) - 1), 2 ** (len(config.up_block_types) - 1)
