"""Families of image tokenizers: declared here, light; the code of each is imported when it is opened."""

from collections.abc import Mapping

from tokeff.errors import NotFound
from tokeff.records.cards import ParameterValue
from tokeff.tokenizers.families import Family, Parameter
from tokeff.tokenizers.image.rules import RULES, rule_named


def _rule_of(source: str) -> Mapping[str, ParameterValue]:
    rule_named(source)
    return {"rule": source}


def _codec_of(source: str) -> Mapping[str, ParameterValue]:
    if source not in CODECS:
        raise NotFound.among("image codec", source, CODECS)
    return {"codec": source}


def _number(text: str) -> Parameter:
    return Parameter(type=int, default=None, help=text)


PATCH = Family(
    name="patch",
    modality="image",
    summary="patches of a resized or tiled picture, as a vision encoder sees them",
    load="tokeff.tokenizers.image.patch:load",
    parameters={
        "rule": Parameter(type=str, default=None, help="how sizes become patches", choices=tuple(RULES)),
        "resample": Parameter(
            type=str, default=None, help="the filter, where not the rule's own", choices=("bicubic", "bilinear")
        ),
        "patch": _number("side of a patch, in pixels"),
        "merge": _number("patches that become one token, along each side"),
        "size": _number("side of the square input or tile, in pixels"),
        "edge": _number("crop: length to which the shorter side is resized first, in pixels"),
        "min_pixels": _number("qwen: least area after resizing"),
        "max_pixels": _number("qwen: largest area after resizing"),
        "max_patches": _number("naflex, gpt-patches, claude: largest number of patches"),
        "max_side": _number("gpt-tiles, claude: longest side after resizing, in pixels"),
        "min_tiles": _number("internvl: least number of tiles"),
        "max_tiles": _number("internvl: largest number of tiles, thumbnail not counted"),
        "canvases": Parameter(type=tuple, default=None, help="llava-next: rows x columns of tiles to choose from"),
        "tile": _number("gpt-tiles: side of a tile, in pixels"),
        "short_side": _number("gpt-tiles: longest shorter side, in pixels"),
        "small_side": _number("gemini: longest side of a picture that is one tile, in pixels"),
        "base_tokens": _number("gpt-tiles: tokens of every picture"),
        "tile_tokens": _number("gpt-tiles, gemini: tokens of a tile"),
        "multiplier": Parameter(type=float, default=None, help="gpt-patches: tokens billed for a patch"),
    },
    parse_source=_rule_of,
)

CODECS = ("jpeg", "webp", "webp-lossless", "png")

CODEC_BYTES = Family(
    name="codec-bytes",
    modality="image",
    summary="the bytes of an encoded image file as tokens",
    load="tokeff.tokenizers.image.codec_bytes:load",
    parameters={
        "codec": Parameter(type=str, default=None, help="the file format", choices=CODECS),
        "quality": Parameter(type=int, default=None, help="1 to 100, for jpeg and webp; 75 where it is not set"),
    },
    parse_source=_codec_of,
)

VQ = Family(
    name="vq",
    modality="image",
    summary="ids of a learned codebook: Chameleon, Janus, Emu3, VQModel, and tokeff's own FSQ autoencoders",
    load="tokeff.tokenizers.image.vq.opening:load",
    parameters={
        "dtype": Parameter(type=str, default="fp32", help="of the network; bf16 changes ids", choices=("fp32", "bf16")),
        "compile": Parameter(type=bool, default=False, help="compile the network with torch.compile; may change ids"),
        "fit": Parameter(
            type=str,
            default="own",
            help="own: resized as the model's own processor does; pad: not resized, edges repeated",
            choices=("own", "pad"),
        ),
        "size": _number("Chameleon, Janus: side of the square input instead of the processor's, in pixels"),
        "allow_pickle": Parameter(
            type=bool, default=False, help="read pickled weights where there is no safetensors file"
        ),
    },
    takes_artefact=True,
)

LATENT = Family(
    name="latent",
    modality="image",
    summary="vectors of a continuous autoencoder: AutoencoderTiny and AutoencoderKL of diffusers",
    load="tokeff.tokenizers.image.vq.latents:load",
    parameters={name: VQ.parameters[name] for name in ("dtype", "compile", "allow_pickle")},
    takes_artefact=True,
    extra="diffusers",
)

FAMILIES: tuple[Family, ...] = (PATCH, CODEC_BYTES, VQ, LATENT)
