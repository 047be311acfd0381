"""Families of video tokenizers: declared here, light; the code of each is imported when it is opened."""

from collections.abc import Mapping

from tokeff.errors import NotFound, SpecError
from tokeff.records.cards import ParameterValue
from tokeff.tokenizers.families import Family, Parameter

CODECS = ("h264", "av1", "vp9")
RULES = ("videomae", "qwen2-vl", "qwen3-vl", "per-frame")


def _sampler_and_image(source: str) -> Mapping[str, ParameterValue]:
    sampler, slash, image = source.partition("/")
    if not (sampler and slash and image):
        raise SpecError(
            "not SAMPLER/IMAGE", got=source, expected="such as fps=1/qwen2-vl, uniform=8/vit-b16-224, all/png"
        )
    return {"sampler": sampler, "image": image}


def _rule(source: str) -> Mapping[str, ParameterValue]:
    if source not in RULES:
        raise NotFound.among("tubelet rule", source, RULES)
    return {"rule": source}


def _codec(source: str) -> Mapping[str, ParameterValue]:
    if source not in CODECS:
        raise NotFound.among("video codec", source, CODECS)
    return {"codec": source}


def _number(text: str) -> Parameter:
    return Parameter(type=int, default=None, help=text)


BETWEEN = Parameter(
    type=str,
    default="hold",
    help="the way back: frames between those looked at are the one before, or a blend of both in time",
    choices=("hold", "linear"),
)

BACKEND = Parameter(
    type=str,
    default="pyav",
    help="what decodes files; torchcodec (extra, also NVIDIA's decoder) converts colours in its own way",
    choices=("pyav", "torchcodec"),
)

FRAMES = Family(
    name="frames",
    modality="video",
    summary="sampled frames, each through an image tokenizer",
    load="tokeff.tokenizers.video.frames:load",
    parameters={
        "sampler": Parameter(
            type=str, default="fps(1)", help="which frames: all, uniform(8), fps(1), keyframes or scene(0.3,64)"
        ),
        "image": Parameter(type=str, default=None, help="the image tokenizer: a card or a specification"),
        "between": BETWEEN,
        "backend": BACKEND,
        "max_tokens": _number("tokens of a clip at most: its frames are thinned evenly"),
    },
    parse_source=_sampler_and_image,
)

TUBELET = Family(
    name="tubelet",
    modality="video",
    summary="patches over space and time, as a video encoder sees them",
    load="tokeff.tokenizers.video.tubelet:load",
    parameters={
        "rule": Parameter(type=str, default=None, help="how clips become patches", choices=RULES),
        "fps": Parameter(type=float, default=None, help="qwen, per-frame: frames looked at per second"),
        "n_frames": _number("videomae: frames looked at"),
        "min_frames": _number("qwen: least number of frames looked at"),
        "max_frames": _number("qwen: largest number of frames looked at"),
        "size": _number("videomae: side of the square input, in pixels"),
        "patch": _number("side of a patch, in pixels"),
        "temporal_patch": _number("frames of a patch"),
        "merge": _number("qwen: patches that become one token, along each side"),
        "min_pixels": _number("qwen: least pixels after resizing: of a frame (qwen2-vl) or of the clip (qwen3-vl)"),
        "max_pixels": _number("qwen: most pixels after resizing: of a frame (qwen2-vl) or of the clip (qwen3-vl)"),
        "cap_pixels_per_frame": Parameter(type=bool, default=None, help="qwen: bound frames as qwen-vl-utils does"),
        "max_video_tokens": _number("qwen, capped: tokens of a clip (qwen2-vl) or of a frame (qwen3-vl)"),
        "tokens_per_frame": _number("per-frame: tokens of a frame"),
        "max_tokens": _number("per-frame: tokens of a clip at most; a longer one is refused, as the service does"),
        "between": BETWEEN,
        "backend": BACKEND,
    },
    parse_source=_rule,
)

VQ = Family(
    name="vq",
    modality="video",
    summary="ids of a learned codebook over space and time: Emu3",
    load="tokeff.tokenizers.video.vq:load",
    parameters={
        "dtype": Parameter(type=str, default="fp32", help="of the network; bf16 changes ids", choices=("fp32", "bf16")),
        "compile": Parameter(type=bool, default=False, help="compile the network with torch.compile; may change ids"),
        "fit": Parameter(
            type=str,
            default="own",
            help="own: resized as the model's own processor does; pad: not resized, edges repeated",
            choices=("own", "pad"),
        ),
        "allow_pickle": Parameter(
            type=bool, default=False, help="read pickled weights where there is no safetensors file"
        ),
        "sampler": Parameter(
            type=str, default="all", help="which frames: all, uniform(8), fps(4), keyframes or scene(0.3,64)"
        ),
        "between": BETWEEN,
        "backend": BACKEND,
        "window": _number("frames encoded together, a multiple of the model's own number, which it is by default"),
    },
    takes_artefact=True,
    needs_modality=True,
)

CODEC_BYTES = Family(
    name="codec-bytes",
    modality="video",
    summary="the bytes of a compressed clip as tokens",
    load="tokeff.tokenizers.video.codec_bytes:load",
    parameters={
        "codec": Parameter(type=str, default=None, help="the codec", choices=CODECS),
        "crf": Parameter(
            type=float,
            default=None,
            help="constant rate factor, 0 (finest) to 51 (h264) or 63; where not set h264 23, av1 35, vp9 31",
        ),
    },
    parse_source=_codec,
)

FAMILIES: tuple[Family, ...] = (FRAMES, TUBELET, VQ, CODEC_BYTES)
