"""Video files: the header without decoding, frames on demand, and the way back to bytes.

`read_header` takes the frames and their times from the list of samples of an MP4, which FFmpeg goes by as well, and
elsewhere from every packet: they are measured, not believed. A clip with several video streams is its default one
(else the first); cover pictures are none; sound is an item of its own. Frames are addressed by presentation time, so
they are the same whether decoded in a row or picked.
"""

import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import BinaryIO

from tokeff.errors import ItemError
from tokeff.media.video_codecs import VideoCodec
from tokeff.media.video_encode import elementary_stream, encode
from tokeff.media.video_frames import IndexedFrames
from tokeff.media.video_index import read_index
from tokeff.records.headers import VideoHeader
from tokeff.records.signals import VideoSignal

__all__ = ["VideoCodec", "decode", "decode_bytes", "decode_stream", "elementary_stream", "encode", "read_header"]


def read_header(stream: BinaryIO) -> VideoHeader:
    """The header of the clip in a seekable `stream`: one frame is decoded (for size and turn).

    Raises ItemError `empty`, `truncated`, `unreadable`, `no_video_stream`, `no_frames`, `no_times`, `rotation` or
    `decode_error`.
    """
    return read_index(stream).header


def decode(open: Callable[[], BinaryIO]) -> VideoSignal:
    """The clip in what `open` opens; frames are decoded when they are asked for. Raises as `read_header`."""
    with closing(open()) as stream:
        index = read_index(stream)
    return VideoSignal(header=index.header, source=IndexedFrames(open, index))


def decode_bytes(data: bytes) -> VideoSignal:
    """The clip in the bytes of a file."""
    return decode(partial(io.BytesIO, data))


def decode_stream(data: bytes, header: VideoHeader) -> VideoSignal:
    """The clip in an elementary stream (`elementary_stream`), shown with the size and times of `header`.

    Raises ItemError `frame_count` where the stream does not hold as many frames as the header says.
    """
    open = partial(io.BytesIO, data)
    index = read_index(open())
    if index.header.n_frames != header.n_frames:
        got, expected = index.header.n_frames, header.n_frames
        raise ItemError("frame_count", "the stream holds another number of frames", got=got, expected=expected)
    shown = replace(header, codec=index.header.codec, container=index.header.container)
    return VideoSignal(header=shown, source=IndexedFrames(open, replace(index, header=shown)))
