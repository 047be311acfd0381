"""Families of audio tokenizers: declared here, light; the code of each is imported when it is opened."""

from collections.abc import Mapping

from tokeff.errors import NotFound
from tokeff.records.cards import ParameterValue
from tokeff.tokenizers.families import Family, Parameter

CODECS = ("opus", "flac", "mulaw", "pcm")
ENCODERS: Mapping[str, Mapping[str, ParameterValue]] = {
    "whisper": {"n_mels": 80, "pool": 1},
    "whisper-large-v3": {"n_mels": 128, "pool": 1},
    "qwen2-audio": {"n_mels": 128, "pool": 2},
}


def _codec(source: str) -> Mapping[str, ParameterValue]:
    if source not in CODECS:
        raise NotFound.among("audio codec", source, CODECS)
    return {"codec": source}


def _encoder(source: str) -> Mapping[str, ParameterValue]:
    if source not in ENCODERS:
        raise NotFound.among("encoder of mel frames", source, ENCODERS)
    return ENCODERS[source]


CODEC_BYTES = Family(
    name="codec-bytes",
    modality="audio",
    summary="the bytes of a compressed recording as tokens",
    load="tokeff.tokenizers.audio.codec_bytes:load",
    parameters={
        "codec": Parameter(type=str, default=None, help="the codec", choices=CODECS),
        "bitrate": Parameter(type=int, default=None, help="opus: bits per second, all channels; 24000 if not set"),
        "sample_rate": Parameter(
            type=int, default=None, help="mulaw, pcm: Hz to resample to; the recording's if not set"
        ),
    },
    parse_source=_codec,
)

MEL_FRAMES = Family(
    name="mel-frames",
    modality="audio",
    summary="log-mel frames behind the convolutions and pooling of a Whisper-like encoder",
    load="tokeff.tokenizers.audio.mel_frames:load",
    parameters={
        "n_mels": Parameter(type=int, default=80, help="mel bands", choices=(80, 128)),
        "pool": Parameter(type=int, default=1, help="frames averaged behind the convolutions", choices=(1, 2)),
        "window_seconds": Parameter(type=int, default=30, help="longer recordings are cut into windows of so much"),
        "padded": Parameter(type=bool, default=False, help="count the silence that fills up the last window"),
    },
    parse_source=_encoder,
)

RVQ = Family(
    name="rvq",
    modality="audio",
    summary="ids of a learned codec's residual codebooks: EnCodec, DAC, Mimi, X-Codec, SNAC, and tokeff's own",
    load="tokeff.tokenizers.audio.rvq.opening:load",
    parameters={
        "bandwidth": Parameter(type=float, default=None, help="kbit/s, of codecs that have bandwidths"),
        "n_codebooks": Parameter(type=int, default=None, help="codebooks to use, coarsest first; all if not set"),
        "chunk_seconds": Parameter(
            type=float, default=None, help="longer recordings are cut into chunks of so much; 30 s if not set"
        ),
        "dtype": Parameter(type=str, default="fp32", help="of the network; bf16 changes ids", choices=("fp32", "bf16")),
        "compile": Parameter(type=bool, default=False, help="compile the network with torch.compile; may change ids"),
        "allow_pickle": Parameter(
            type=bool, default=False, help="read pickled weights where there is no safetensors file"
        ),
    },
    takes_artefact=True,
)

FAMILIES: tuple[Family, ...] = (CODEC_BYTES, MEL_FRAMES, RVQ)
