"""Sound files that libsndfile reads: PCM in WAV, RF64, W64, AIFF, CAF and AU; FLAC; Vorbis and FLAC in Ogg.

Its own MP3 reader is not used: it believes the Xing tag and writes to standard error. Nor is its Opus reader: it
decodes at the rate of the recording before encoding, where Opus in every other container has 48 kHz. Nor is its ADPCM
reader, which counts stereo twice.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import soundfile

from tokeff.errors import ItemError
from tokeff.media.audio_limits import READ_SAMPLES, Block, checked_header, refuse_too_long
from tokeff.records.headers import AudioHeader

CONTAINERS = {"WAV", "RF64", "W64", "AIFF", "CAF", "AU", "FLAC", "OGG"}
PLAIN_SUBTYPES = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}
"""Samples of a fixed size: their number follows from the bytes that are there."""
CODED_SUBTYPES = {"VORBIS", "ALAC_16", "ALAC_20", "ALAC_24", "ALAC_32"}
UNKNOWN_FRAMES = 2**62
"""What libsndfile says of a FLAC that was streamed into a pipe; it cannot read such a one to its end."""


class NotRead(Exception):
    """libsndfile does not read this file: another library may."""


def read_header(stream: BinaryIO) -> AudioHeader:
    """Rate, channels and samples. Raises NotRead, ItemError."""
    with _opened(stream) as sound:
        measured = sound.subtype in PLAIN_SUBTYPES and sound.format != "FLAC"
        return checked_header(
            sample_rate_hz=sound.samplerate,
            n_samples=sound.frames,
            n_channels=sound.channels,
            container=sound.format,
            counted="measured" if measured else "claimed",
        )


def blocks(stream: BinaryIO, *, held: bool) -> Iterator[Block]:
    """The samples, in order. Raises NotRead, ItemError; `too_large` for more than can be `held`, before the first."""
    with _opened(stream) as sound:
        claimed, n_read = sound.frames, 0
        if held:
            refuse_too_long(claimed * sound.channels)
        while n_read < claimed:
            samples = sound.read(min(READ_SAMPLES, claimed - n_read), dtype="float32", always_2d=True)
            if not len(samples):
                expected = f"{claimed}, as its header says"
                raise ItemError("truncated", "the recording ends early", got=f"{n_read} samples", expected=expected)
            n_read += len(samples)
            yield Block.checked(np.ascontiguousarray(samples.T), sound.samplerate, sound.format)


class _Source:
    """A stream for libsndfile's callbacks, which cannot raise: Python would print the traceback and go on.

    A disk that fails is remembered in `error`; a damaged file's seek to before its start does not move.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self.stream.seek(offset, whence)
        except ValueError:
            return self.stream.tell()
        except OSError as error:
            if error.errno != errno.EINVAL:
                self.error = error
            return self.stream.tell()

    def tell(self) -> int:
        return self.stream.tell()

    def read(self, n_bytes: int) -> bytes:
        try:
            return self.stream.read(n_bytes)
        except OSError as error:
            self.error = error
            return b""


@contextmanager
def _opened(stream: BinaryIO) -> Iterator[Any]:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    source = _Source(stream)
    try:
        try:
            sound = soundfile.SoundFile(source)
        except soundfile.LibsndfileError as error:
            raise NotRead(str(error)) from error
        with sound:
            if sound.frames >= UNKNOWN_FRAMES or sound.subtype not in PLAIN_SUBTYPES | CODED_SUBTYPES:
                raise NotRead("a stream of unknown length, or a codec whose frames libsndfile miscounts")
            yield sound
    except (soundfile.LibsndfileError, ItemError, NotRead) as error:
        if source.error is not None:
            raise source.error from error
        if not isinstance(error, soundfile.LibsndfileError):
            raise
        # libsndfile says only that it lost its way: at the end of the file that is a cut.
        reason = "truncated" if stream.tell() >= size else "corrupt"
        got = f"{error} at byte {stream.tell()} of {size}"
        raise ItemError(reason, "the recording is damaged or ends early", got=got) from error
