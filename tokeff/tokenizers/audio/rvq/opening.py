"""From a card to an open tokenizer: which kind of codec the files hold, and who opens it.

    tokeff's own    a safetensors file whose header has the key `tokeff.rvq/1`, alone or in a directory
    SNAC            a config.json with `vq_strides`
    transformers    a config.json whose model_type is a codec of transformers

A kind's opener is `(ModelFiles, Card) -> AudioCodec`: the network in float32 on the CPU, ready to encode as the card's
`bandwidth` and `n_codebooks` say (a codec that lacks one of them refuses it). Device, type of numbers and compiling
are settled here for all kinds.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Literal

from tokeff.errors import ArtefactInvalid
from tokeff.records.cards import Card
from tokeff.tokenizers.audio.rvq.autoencoder import RvqAutoencoderTokenizer
from tokeff.tokenizers.audio.rvq.batches import Batches
from tokeff.tokenizers.audio.rvq.models import AudioCodec, AudioDecoder
from tokeff.tokenizers.audio.rvq.tokenizer import RvqTokenizer, chunks_of
from tokeff.tokenizers.model_files import CONFIG, ModelFiles, metadata_of
from tokeff.tokenizers.protocols import LoadContext

Opener = Callable[[ModelFiles, Card], AudioCodec]
OWN_KEY = "tokeff.rvq/1"
"""The key of the configuration in the header of tokeff's own weights."""
OPENERS: Mapping[str, str] = {
    "own": "tokeff.tokenizers.audio.codec.artefact:open_codec",
    "snac": "tokeff.tokenizers.audio.rvq.snac_codec:open_codec",
    "transformers": "tokeff.tokenizers.audio.rvq.transformers_codec:open_codec",
}
DTYPES: Mapping[str, Literal["float32", "bfloat16"]] = {"fp32": "float32", "bf16": "bfloat16"}


def load(card: Card, context: LoadContext) -> RvqTokenizer:
    """Opens a tokenizer of the family. Raises ArtefactMissing, ArtefactInvalid, SpecError, ExtraMissing."""
    files = ModelFiles.of(card)
    module, _, name = OPENERS[kind_of(files)].partition(":")
    opener: Opener = getattr(import_module(module), name)
    codec = opener(files, card)
    dtype = DTYPES[str(card.parameters.get("dtype", "fp32"))]
    _prepare(codec, context.device, dtype, compiled=bool(card.parameters.get("compile", False)))
    chunks, batches = chunks_of(codec, card), Batches(card.name, context.device)
    if isinstance(codec, AudioDecoder):
        return RvqAutoencoderTokenizer(card=card, codec=codec, chunks=chunks, batches=batches, dtype=dtype)
    return RvqTokenizer(card=card, codec=codec, chunks=chunks, batches=batches, dtype=dtype)


def kind_of(files: ModelFiles) -> str:
    """Whose codec it is. Raises ArtefactInvalid for a file or directory of none."""
    if files.root is not None:
        weights = files.weights()
        if weights is not None and OWN_KEY in metadata_of(weights):
            return "own"
        if not files.root.is_dir():
            raise ArtefactInvalid(
                "is a single file, but not one that `tokeff tokenizers train rvq-audio` wrote",
                where=files.where,
                fix="Name the directory of the model: it needs its config.json.",
            )
    return "snac" if "vq_strides" in files.json(CONFIG) else "transformers"


def _prepare(codec: AudioCodec, device: str, dtype: str, *, compiled: bool) -> None:
    """On its device, in its type; its encoders and decoders compiled where asked for."""
    import torch

    network = codec.network
    network.to(device=device, dtype=getattr(torch, dtype))
    for name, module in network.named_children() if compiled else ():
        if "encoder" in name or "decoder" in name:
            module.compile(dynamic=True)
