"""From a card to an open tokenizer: which model it is, its weights, how it wants its pictures.

A directory or repository whose config.json says Chameleon, Janus or Emu3 is that model of transformers, alone or as
part of the language model; one that says VQModel is diffusers'; a weights file that tokeff wrote is tokeff's own.
Models are built by their library's classes; their weights are read here and must fit exactly (the library would fill
what is missing at random).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokeff.errors import ArtefactInvalid, ArtefactMissing, SpecError
from tokeff.records.cards import Card
from tokeff.tokenizers.image.fsq.artefact import is_weights_file, load_model
from tokeff.tokenizers.image.vq.clips import ClipVqTokenizer
from tokeff.tokenizers.image.vq.diffusers_models import DiffusersVqModel
from tokeff.tokenizers.image.vq.diffusers_opening import class_of, open_network
from tokeff.tokenizers.image.vq.fitting import Fit, Way
from tokeff.tokenizers.image.vq.models import FsqModel, VqDecoder, VqEncoder
from tokeff.tokenizers.image.vq.network import load_weights, prepare
from tokeff.tokenizers.image.vq.pixels import Scale
from tokeff.tokenizers.image.vq.sources import Source
from tokeff.tokenizers.image.vq.tokenizer import VqAutoencoderTokenizer, VqTokenizer
from tokeff.tokenizers.image.vq.transformers_models import ChameleonModel, Emu3Model, JanusModel
from tokeff.tokenizers.model_files import CONFIG, PREPROCESSOR, WEIGHTS
from tokeff.tokenizers.protocols import LoadContext

PLAIN = {"rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3, "image_std": [1.0] * 3}
"""8 bits to [-1, 1]."""
HALVES = {"rescale_factor": 1 / 255, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One class of transformers, and what holds where a directory has no preprocessor_config.json."""

    network: str
    config: str
    model: Callable[[Any], VqEncoder]
    way: Way
    defaults: Mapping[str, Any]


CHAMELEON = _Kind(
    network="ChameleonVQVAE",
    config="ChameleonVQVAEConfig",
    model=ChameleonModel,
    way="crop",
    defaults={
        **PLAIN,
        "rescale_factor": 0.0078,
        "size": {"shortest_edge": 512},
        "crop_size": {"height": 512, "width": 512},
    },
)
JANUS = _Kind(
    network="JanusVQVAE",
    config="JanusVQVAEConfig",
    model=JanusModel,
    way="letterbox",
    defaults={**HALVES, "size": {"height": 384, "width": 384}},
)
EMU3 = _Kind(
    network="Emu3VQVAE",
    config="Emu3VQVAEConfig",
    model=Emu3Model,
    way="smart",
    defaults={**HALVES, "min_pixels": 512 * 512, "max_pixels": 1024 * 1024},
)
KINDS = {
    **dict.fromkeys(("chameleon", "chameleon_vqgan"), CHAMELEON),
    **dict.fromkeys(("janus", "janus_vqgan"), JANUS),
    **dict.fromkeys(("emu3", "emu3_vqgan"), EMU3),
}


def load(card: Card, context: LoadContext) -> VqTokenizer:
    """Opens a tokenizer of the family. Raises ArtefactMissing, ArtefactInvalid, SpecError."""
    source = Source.of(card)
    own = _own_weights(source)
    model, fit, scale = _own(own, card) if own else _of_library(source, card)
    dtype = prepare(model.network, card, context.device)
    if isinstance(model, Emu3Model):
        return ClipVqTokenizer(card=card, model=model, fit=fit, scale=scale, device=context.device, dtype=dtype)
    if isinstance(model, VqDecoder):
        return VqAutoencoderTokenizer(card=card, model=model, fit=fit, scale=scale, device=context.device, dtype=dtype)
    return VqTokenizer(card=card, model=model, fit=fit, scale=scale, device=context.device, dtype=dtype)


def _own_weights(source: Source) -> Path | None:
    """The file that tokeff's trainer wrote, where the source is one or holds one."""
    if source.root is None:
        return None
    path = source.root / WEIGHTS if source.root.is_dir() else source.root
    is_alone = source.root.is_dir() and source.find(CONFIG) is None
    if path.is_file() and (is_alone or is_weights_file(path)):
        return path
    if is_alone:
        raise ArtefactMissing(
            f"is no model: there is no {CONFIG}",
            where=source.where,
            got=source.listing,
            expected="a directory of transformers or diffusers, or one that `tokeff tokenizers train fsq-image` wrote",
        )
    if not source.root.is_dir():
        raise ArtefactInvalid(
            "is a single file, but not one that `tokeff tokenizers train fsq-image` wrote",
            where=source.where,
            fix="Name the directory of a transformers model: it needs its config.json.",
        )
    return None


def _own(path: Path, card: Card) -> tuple[VqEncoder, Fit, Scale]:
    if "size" in card.parameters:
        raise SpecError("this model does not resize", where=card.name, got=f"size={card.parameters['size']}")
    network = load_model(path)
    config = network.config
    fit = Fit(way="pad", stride=config.stride, block=config.trunk)
    return FsqModel(network), fit, _scale(PLAIN, str(path))


def _of_library(source: Source, card: Card) -> tuple[VqEncoder, Fit, Scale]:
    table = source.json(CONFIG)
    if class_of(table) is None:
        return _of_transformers(table, source, card)
    opened = open_network(source, card, ("VQModel",))
    return DiffusersVqModel(opened.network), opened.fit, opened.scale


def _of_transformers(table: Mapping[str, Any], source: Source, card: Card) -> tuple[VqEncoder, Fit, Scale]:
    import transformers

    kind = KINDS.get(str(table.get("model_type")))
    if kind is None:
        raise ArtefactInvalid(
            "is not an image tokenizer that this family knows",
            where=f"{source.where}/{CONFIG}",
            got=f"model_type {table.get('model_type')!r}",
            expected="one of " + ", ".join(sorted(KINDS)) + "; or diffusers' VQModel",
        )
    network = _network(getattr(transformers, kind.network), getattr(transformers, kind.config), table, source)
    load_weights(network, source, card)
    stride = 2 ** (len(network.config.channel_multiplier) - 1)
    settings = {**kind.defaults, **(source.json(PREPROCESSOR) if source.find(PREPROCESSOR) is not None else {})}
    fit = _fit(kind.way, settings, stride, card, source.where)
    return kind.model(network.eval()), fit, _scale(settings, source.where)


def _network(network: Any, config: Any, table: Mapping[str, Any], source: Source) -> Any:
    """The module without memory for its weights, which are then put in place."""
    import torch

    try:
        described = config(**_without_type(table.get("vq_config", table)))
        with torch.device("meta"):
            return network(described)
    except Exception as error:  # the library checks its configurations with errors of many kinds
        raise ArtefactInvalid(f"config.json does not describe a model: {error}", where=source.where) from error


def _without_type(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in ("model_type", "architectures")}


def _fit(way: Way, settings: Mapping[str, Any], stride: int, card: Card, where: str) -> Fit:
    if card.parameters.get("fit", "own") == "pad":
        if "size" in card.parameters:
            raise SpecError("pad does not resize", where=card.name, got=f"size={card.parameters['size']}")
        return Fit(way="pad", stride=stride, block=stride)
    wanted = card.parameters.get("size")
    if wanted is not None and (way == "smart" or int(str(wanted)) < stride):
        expected = f"at least {stride}" if way != "smart" else "no size: Emu3 keeps a picture's own"
        raise SpecError("not a size for this model", where=card.name, got=wanted, expected=expected)
    try:
        if way == "smart":
            low, high = int(settings["min_pixels"]), int(settings["max_pixels"])
            return Fit(way=way, stride=stride, block=stride, min_pixels=low, max_pixels=high)
        if way == "crop":
            size, edge = _side(settings["crop_size"], "height"), _side(settings["size"], "shortest_edge")
        else:
            size = edge = _side(settings["size"], "height")
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactInvalid(f"{PREPROCESSOR} lacks or misnames {error}", where=where) from error
    size, edge = (int(str(wanted)), int(str(wanted)) * edge // size) if wanted is not None else (size, edge)
    return Fit(way=way, stride=stride, block=stride, size=size // stride * stride, edge=edge)


def _side(value: Any, name: str) -> int:
    return int(value[name]) if isinstance(value, Mapping) else int(value)


def _scale(settings: Mapping[str, Any], where: str) -> Scale:
    try:
        mean, deviation = (tuple(map(float, settings[key])) for key in ("image_mean", "image_std"))
        return Scale(factor=float(settings["rescale_factor"]), mean=mean, deviation=deviation)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactInvalid(f"{PREPROCESSOR} lacks or misnames {error}", where=where) from error
