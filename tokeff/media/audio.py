"""Sound: header and samples at the file's own rate, and classical codecs (`audio_coding`).

libsndfile reads what it reads well (`audio_sndfile`), FFmpeg the rest (`audio_ffmpeg`); each says how it counts.
Samples of 16 bits are exactly value / 32768; 24-bit and floating ones keep their precision, cut to [-1, 1]. Opus has
48 kHz in every container. A file that ends before its container says so is refused (`extents`).
"""

from typing import BinaryIO

from tokeff.errors import ItemError
from tokeff.media import audio_ffmpeg, audio_sndfile
from tokeff.media.audio_coding import Codec, decode_bytes, encode
from tokeff.media.audio_limits import MAX_SAMPLES
from tokeff.media.containers import HEAD_BYTES, Container, container
from tokeff.media.extents import check_extent
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal

__all__ = ["MAX_SAMPLES", "Codec", "decode", "decode_bytes", "encode", "read_header"]


def read_header(stream: BinaryIO) -> AudioHeader:
    """Rate, channels and number of samples; its `counted` says whether they were counted or claimed.

    Raises ItemError: `empty_file`, `truncated`, `corrupt`, `unsupported`, `too_short`, `no_audio_stream`.
    """
    kind = _container(stream)
    if _for_libsndfile(stream, kind):
        try:
            return audio_sndfile.read_header(stream)
        except audio_sndfile.NotRead:
            pass  # e.g. AAC in CAF, which FFmpeg reads
    return audio_ffmpeg.read_header(stream, kind)


def decode(stream: BinaryIO) -> AudioSignal:
    """The samples: float32 [channels, n]. Raises ItemError as `read_header` does, and `too_large`."""
    kind = _container(stream)
    if _for_libsndfile(stream, kind):
        try:
            return audio_sndfile.decode(stream)
        except audio_sndfile.NotRead:
            pass
    return audio_ffmpeg.decode(stream, kind)


def _container(stream: BinaryIO) -> Container:
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if not head:
        raise ItemError("empty_file", "the recording has no bytes")
    kind = container(head)
    if head.startswith(b"ID3") and len(head) >= 10:
        # Seven bits of each byte count (ID3v2.4 section 3.1); what follows the tag need not be MP3.
        stream.seek(10 + sum(byte << 7 * (3 - place) for place, byte in enumerate(head[6:10])))
        tagged = container(stream.read(HEAD_BYTES))
        kind = tagged if tagged is not None and tagged.name in ("AAC", "FLAC") else kind
    if kind is None or kind.demuxer is None:
        raise ItemError("corrupt", "no known sound file begins like this", got="0x" + head[:8].hex())
    check_extent(stream, kind)
    return kind


def _for_libsndfile(stream: BinaryIO, kind: Container) -> bool:
    if kind.name != "OGG":
        return kind.name in audio_sndfile.CONTAINERS
    stream.seek(0)
    head = stream.read(256)
    return b"\x01vorbis" in head or b"\x7fFLAC" in head
