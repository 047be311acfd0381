"""Frames to a compressed clip in MP4, as a stream of chunks; memory is one chunk and the bytes so far.

The output depends on nothing but frames, times and settings. Leaves out how each codec is set (`video_codecs`), sound,
and reading back (`tokeff.media.video`).
"""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from torch import Tensor

from tokeff.errors import ItemError, TokeffError
from tokeff.media.video_codecs import CODINGS, VideoCodec, to_stream
from tokeff.media.video_index import CROP_NOTE, opened
from tokeff.records.headers import VideoHeader

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_TICK = Fraction(1, 1_000_000)
"""Frame times are kept to the microsecond."""
_BT601 = 6
_ACCURATE = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def encode(frames: Iterable[Tensor], header: VideoHeader, codec: VideoCodec = "h264", *, crf: float = 23.0) -> bytes:
    """The clip of uint8 [n, 3, height, width] chunks, shown at `header.frame_seconds` (rising), as an MP4 file.

    4:2:0, BT.601 limited range. An odd side is padded by repeating its last line and cropped by tokeff's decoding.
    Raises ItemError `unencodable` where the encoder refuses, ValueError where chunks and header do not agree.
    """
    encoder = CODINGS[codec].encoder
    if encoder not in av.codecs_available:
        raise TokeffError(f"this PyAV has no encoder for {codec}", expected=encoder, fix="Install av's wheel.")
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format="mp4", options={"movie_timescale": str(1 / _TICK)}) as container:
            stream = _stream(container, header, codec, crf)
            for frame in _video_frames(frames, header):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.error.FFmpegError as error:
        where = f"{header.width}x{header.height}, {header.n_frames} frames"
        raise ItemError("unencodable", f"{codec} refuses it: {error.strerror}", where=where) from error
    return buffer.getvalue()


def elementary_stream(data: bytes, codec: VideoCodec = "h264") -> bytes:
    """All that a decoder needs of a file of `encode`: payload and parameter sets, no container (see `video_codecs`).

    Sizes and times are not in it, as they are not in the tokens of a model: a reader knows them from the header.
    """
    with opened(io.BytesIO(data)) as container:
        video = container.streams.video[0]
        return to_stream(container.demux(video), video, codec)


def _stream(container: "OutputContainer", header: VideoHeader, codec: VideoCodec, crf: float) -> "VideoStream":
    rate = Fraction(header.frame_rate_hz).limit_denominator(1001) if header.frame_rate_hz > 0 else Fraction(25)
    options = {"crf": f"{crf:g}", **CODINGS[codec].options}
    rate = max(rate, Fraction(1, 1001))
    stream = cast("VideoStream", container.add_stream(CODINGS[codec].encoder, rate=rate, options=options))
    stream.width, stream.height = header.width + header.width % 2, header.height + header.height % 2
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = _TICK
    stream.codec_context.colorspace, stream.codec_context.color_range = _BT601, ColorRange.MPEG
    if header.width % 2 or header.height % 2:
        container.metadata["comment"] = f"{CROP_NOTE}{header.width}x{header.height}"
    return stream


def _video_frames(chunks: Iterable[Tensor], header: VideoHeader) -> "Iterator[VideoFrame]":
    """Padded 4:2:0 frames with their times."""
    ticks = np.round(header.frame_seconds * float(1 / _TICK)).astype(np.int64).tolist()
    reformatter = VideoReformatter()
    place = 0
    for chunk in chunks:
        if tuple(chunk.shape[1:]) != (3, header.height, header.width):
            raise ValueError(f"expected chunks [n, 3, {header.height}, {header.width}], got {list(chunk.shape)}")
        for pixels in chunk:
            if place == len(ticks):
                raise ValueError(f"more frames than the {header.n_frames} of the header")
            yield _video_frame(pixels, ticks[place], reformatter)
            place += 1
    if place != len(ticks):
        raise ValueError(f"got {place} frames, the header has {header.n_frames}")


def _video_frame(pixels: Tensor, tick: int, reformatter: VideoReformatter) -> "VideoFrame":
    _, height, width = pixels.shape
    rows = torch.arange(height + height % 2).clamp_(max=height - 1)
    columns = torch.arange(width + width % 2).clamp_(max=width - 1)
    padded = pixels if height % 2 == width % 2 == 0 else pixels[:, rows][:, :, columns]
    rgb = av.VideoFrame.from_ndarray(padded.permute(1, 2, 0).contiguous().numpy(), format="rgb24")
    frame = reformatter.reformat(
        rgb,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.MPEG,
        interpolation=_ACCURATE,
        threads=1,
    )
    frame.pts, frame.time_base = tick, _TICK
    return frame
