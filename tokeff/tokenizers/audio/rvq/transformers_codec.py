"""Every codec of transformers by one adapter: what a class can do is read from its signatures and its configuration.

A codec is a class of `AutoModel` with `encode` and `decode` whose `encode` gives `audio_codes`: EnCodec, DAC, Mimi,
X-Codec, X-Codec 2, NeuCodec, Higgs Audio v2. Those that give continuous latents (VibeVoice, Pocket TTS) are refused.

    how many codebooks  the argument `bandwidth` of `encode` where it has one. `n_codebooks` works for all: residual
                        codebooks are nested, so the first k of more are what k alone would be
    chunks of its own   `chunk_length` and `chunk_stride` of the configuration (EnCodec at 48 kHz). They are cut by the
                        tokenizer, and the network then sees one chunk at a time
    features            where `encode` wants more than samples, the model's own feature extractor makes it

Weights are loaded by the class's own `from_pretrained`, from safetensors; a weight that is missing is an error.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tokeff.errors import ArtefactInvalid, SpecError
from tokeff.records.cards import Card
from tokeff.tokenizers.audio.rvq.models import AudioCodec, Codes
from tokeff.tokenizers.audio.rvq.shortest import shortest
from tokeff.tokenizers.model_files import CONFIG, PREPROCESSOR, ModelFiles, allowed_pickle

CODECS = "dac, encodec, higgs_audio_v2_tokenizer, mimi, neucodec, xcodec, xcodec2 or another whose encode gives codes"
RATES = ("input_sampling_rate", "sampling_rate", "sample_rate")
HOPS = ("encoder_hop_length", "frame_size", "hop_length")


def open_codec(files: ModelFiles, card: Card) -> AudioCodec:
    """The codec of a directory or hub repository. Raises ArtefactMissing, ArtefactInvalid, SpecError."""
    root = files.path(CONFIG).parent
    network_class, config = _class_of(files)
    _fetch_weights(files, allow_pickle=bool(card.parameters.get("allow_pickle", False)))
    network = _from_pretrained(network_class, config, root, files.where)
    extractor = _feature_extractor(network, files, root)
    own_chunks = _take_chunks(network.config)
    plain = TransformersCodec(network=network, extractor=extractor, own_chunks=own_chunks)
    return _with_codebooks(plain, card, files.where)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransformersCodec:
    """One codec."""

    network: Any
    extractor: Any
    """The feature extractor, where `encode` wants more than samples."""
    own_chunks: tuple[int, int] | None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `encode` that set the number of codebooks."""
    n_codebooks: int = 0
    """Codebooks that are kept; 0 while it is not known how many there are."""
    least_samples: int = 0

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples that go in."""
        return int(_first(self.network.config, RATES))

    @property
    def output_rate_hz(self) -> int:
        """Of the samples that come out: NeuCodec gives more than it takes."""
        return int(getattr(self.network.config, "output_sampling_rate", self.sample_rate_hz))

    @property
    def n_channels(self) -> int:
        """1, or 2 for EnCodec at 48 kHz."""
        return int(getattr(self.network.config, "audio_channels", 1))

    @property
    def hop_samples(self) -> int:
        """Samples of a frame."""
        return int(_first(self.network.config, HOPS))

    @property
    def levels(self) -> tuple[int, ...]:
        """Where an id is a number of several digits (X-Codec 2, NeuCodec): values of each, the first counting least."""
        return tuple(int(level) for level in getattr(self.network.config, "quantization_levels", ()))

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """All of one size."""
        size = getattr(self.network.config, "codebook_size", 0)
        for level in () if size else self.levels:
            size = max(1, size) * level
        return (int(size),) * self.n_codebooks

    @torch.inference_mode()
    def encode(self, samples: Tensor) -> Codes:
        """float [n, n_channels, length] -> codes, without those of the feature extractor's padding."""
        if self.extractor is None:
            found = self.network.encode(samples, **self.options)
        else:
            found = self.network.encode(**self._features(samples), **self.options)
        codes = found.audio_codes.reshape(-1, *found.audio_codes.shape[-2:])
        mask = getattr(found, "audio_codes_mask", None)
        codes = codes if mask is None else codes[..., : int(mask[0].sum())]
        scales = getattr(found, "audio_scales", None)
        kept = codes.unbind(1)[: self.n_codebooks or None]
        return Codes(tuple(kept), scales[0] if scales and scales[0] is not None else None)

    @torch.inference_mode()
    def decode(self, codes: Codes) -> Tensor:
        """float [n, n_channels, about the length that went in]."""
        stacked = torch.stack(codes.streams, dim=1)
        if "audio_scales" in _arguments(self.network.decode):
            found = self.network.decode(audio_codes=stacked[None], audio_scales=[codes.scales])
        else:
            found = self.network.decode(audio_codes=stacked)
        samples: Tensor = found.audio_values.float()
        return samples.reshape(len(stacked), self.n_channels, -1)

    def _features(self, samples: Tensor) -> dict[str, Tensor]:
        """What the model's own processor makes of the samples, each alone: lengths are equal, nothing is padded."""
        mono = list(samples[:, 0].float().cpu().numpy())
        found = self.extractor(audio=mono, sampling_rate=self.sample_rate_hz, return_tensors="pt")
        wanted = _arguments(self.network.encode)
        moved = {name: each.to(samples.device) for name, each in found.items() if name in wanted and each is not None}
        return {name: each.to(samples.dtype) if each.is_floating_point() else each for name, each in moved.items()}


def _first(config: Any, names: tuple[str, ...]) -> Any:
    return next(value for name in names if (value := getattr(config, name, None)) is not None)


def _arguments(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def _class_of(files: ModelFiles) -> tuple[Any, Any]:
    """The network's class and its configuration. Raises ArtefactInvalid where it is no codec."""
    from transformers import CONFIG_MAPPING, MODEL_MAPPING

    table = files.json(CONFIG)
    kind = str(table.get("model_type"))
    where = f"{files.where}/{CONFIG}"
    if kind not in CONFIG_MAPPING:
        raise ArtefactInvalid(
            "is not an audio codec that transformers knows", where=where, got=f"model_type {kind!r}", expected=CODECS
        )
    try:
        config = CONFIG_MAPPING[kind].from_dict(table)
    except Exception as error:  # the library checks its configurations with errors of many kinds
        raise ArtefactInvalid(f"config.json does not describe a model: {error}", where=where) from error
    network_class = MODEL_MAPPING.get(type(config), None)
    if network_class is None or not _is_codec(network_class):
        raise ArtefactInvalid("is not an audio codec", where=where, got=f"model_type {kind!r}", expected=CODECS)
    return network_class, config


def _is_codec(network_class: Any) -> bool:
    """Whether it encodes samples and decodes `audio_codes`."""
    encode, decode = getattr(network_class, "encode", None), getattr(network_class, "decode", None)
    if encode is None or decode is None:
        return False
    return "input_values" in _arguments(encode) and "audio_codes" in _arguments(decode)


def _fetch_weights(files: ModelFiles, *, allow_pickle: bool) -> None:
    """Have all files of the weights in one folder. Raises ArtefactMissing, and ArtefactInvalid for a pickle."""
    if (index := files.index) is not None:
        for shard in sorted(set(index.values())):
            files.path(shard)
        return
    if files.weights() is not None:
        return
    allowed_pickle(files, allow_pickle=allow_pickle)


def _from_pretrained(network_class: Any, config: Any, root: Path, where: str) -> Any:
    """The network in float32, every weight from the files."""
    try:
        with _quiet():
            network, report = network_class.from_pretrained(
                root,
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # they are refused below
                output_loading_info=True,
            )
    except Exception as error:  # damaged files make the library raise whatever they make it raise
        raise ArtefactInvalid(f"cannot be loaded: {error}", where=where) from error
    bad = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if bad:
        raise ArtefactInvalid(
            "the weights do not fit the configuration",
            where=where,
            got=f"{len(bad)} tensors are missing or of another shape: " + ", ".join(bad[:5]),
            expected="every tensor of the model that config.json describes",
        )
    return network.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's progress bars and reports: what is wrong with the weights is said by an error."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _feature_extractor(network: Any, files: ModelFiles, root: Path) -> Any:
    """The model's own, where `encode` wants more than samples; None elsewhere."""
    needed = [
        name
        for name, each in _arguments(network.encode).items()
        if each.default is inspect.Parameter.empty and each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    if needed == ["input_values"]:
        return None
    from transformers import FEATURE_EXTRACTOR_MAPPING

    extractor_class = FEATURE_EXTRACTOR_MAPPING[type(network.config)]
    if files.find(PREPROCESSOR) is None:
        return extractor_class()
    return extractor_class.from_pretrained(root, local_files_only=True)


def _take_chunks(config: Any) -> tuple[int, int] | None:
    """Length and stride of the model's own chunks, which the configuration then no longer prescribes."""
    length, stride = getattr(config, "chunk_length", None), getattr(config, "chunk_stride", None)
    if length is None:
        return None
    config.chunk_length_s = None
    return int(length), int(stride or length)


def _with_codebooks(plain: TransformersCodec, card: Card, where: str) -> TransformersCodec:
    """As many codebooks as the card says. Raises SpecError for what the model does not have."""
    bandwidth, wanted = card.parameters.get("bandwidth"), card.parameters.get("n_codebooks")
    if bandwidth is not None and wanted is not None:
        raise SpecError("bandwidth and n_codebooks say the same: give one", where=card.name)
    ways = _ways(plain.network, card, bandwidth, wanted)
    with _forgetting(plain.network):
        least = _least_samples(plain, where)
        for options in ways:
            n_streams = len(plain_codes(replace(plain, options=options), least).streams)
            if wanted is None or n_streams >= int(str(wanted)):
                n_codebooks = n_streams if wanted is None else int(str(wanted))
                return replace(plain, options=options, n_codebooks=n_codebooks, least_samples=least)
    raise SpecError("the model has fewer codebooks", where=card.name, got=wanted, expected=f"1 to {n_streams}")


def _ways(network: Any, card: Card, bandwidth: Any, wanted: Any) -> list[dict[str, Any]]:
    """Arguments of `encode` to try, fewest codebooks first."""
    arguments = _arguments(network.encode)
    if wanted is not None and int(str(wanted)) < 1:
        raise SpecError("must be at least 1", where=f"{card.name}: n_codebooks", got=wanted)
    if "bandwidth" not in arguments:
        if bandwidth is not None:
            raise SpecError("this model has no bandwidths", where=card.name, got=bandwidth, fix="Use n_codebooks.")
        return [{}]
    known = [float(each) for each in network.config.target_bandwidths]
    if bandwidth is not None:
        if bandwidth not in known:
            raise SpecError("is no bandwidth of this model", where=card.name, got=bandwidth, expected=f"one of {known}")
        return [{"bandwidth": bandwidth}]
    return [{}] if wanted is None else [{"bandwidth": each} for each in sorted(known)]


@contextmanager
def _forgetting(network: Any) -> Iterator[None]:
    """What modules remember of a call is forgotten: Mimi keeps its codebooks, of another type or device than later."""
    before = [(module, dict(vars(module))) for module in network.modules()]
    try:
        yield
    finally:
        for module, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)


def plain_codes(codec: TransformersCodec, n_samples: int) -> Codes:
    """The codes of a faint noise: how many streams there are, and of what shapes, is read off."""
    noise = torch.randn(1, codec.n_channels, n_samples, generator=torch.Generator().manual_seed(0))
    return codec.encode(noise / 100)


def _least_samples(plain: TransformersCodec, where: str) -> int:
    failures: list[Exception] = []

    def encodes(n_samples: int) -> bool:
        try:
            codes = plain_codes(plain, n_samples)
            return plain.decode(codes).shape[-1] > 0 and all(stream.shape[-1] > 0 for stream in codes.streams)
        except Exception as error:  # what a network raises for too short a sound, each class its own
            failures.append(error)
            return False

    least = shortest(encodes)
    if least is None:
        raise ArtefactInvalid(f"the model cannot encode sound: {failures[0]}", where=where)
    return least
