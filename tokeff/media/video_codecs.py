"""How each codec is asked to encode, and how its packets become a stream that stands for itself.

    h264    x264, preset medium; annex B (ITU-T H.264)
    av1     SVT-AV1, preset 8; low-overhead bitstream of OBUs (AV1 specification, section 5)
    vp9     libvpx, good quality, speed 4; IVF with 12 bytes a frame, since VP9 itself does not say where a frame ends

Threads are fixed where an encoder's choices depend on their number, so that every machine gives the same bytes.
"""

import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, get_args

from av.bitstream import BitStreamFilterContext

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

VideoCodec = Literal["h264", "av1", "vp9"]
CODECS: tuple[VideoCodec, ...] = get_args(VideoCodec)

# SVT-AV1 writes its settings and refusals to standard error and takes no other word.
os.environ.setdefault("SVT_LOG", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """One codec."""

    encoder: str
    """FFmpeg's name."""
    options: Mapping[str, str]
    crf: float
    """Where none is asked for."""
    max_crf: int
    filters: str | None
    """FFmpeg's bitstream filters from a packet in MP4 to the stream; None: IVF."""


CODINGS: Mapping[VideoCodec, Coding] = {
    "h264": Coding(
        encoder="libx264",
        options={"threads": "4", "x264-params": "lookahead-threads=1:cpu-independent=1"},
        crf=23,
        max_crf=51,
        # Without supplemental information: x264 puts its name and settings there.
        filters="h264_mp4toannexb,filter_units=remove_types=6",
    ),
    "av1": Coding(encoder="libsvtav1", options={"preset": "8"}, crf=35, max_crf=63, filters="av1_metadata=td=insert"),
    "vp9": Coding(
        encoder="libvpx-vp9",
        options={"b": "0", "threads": "1", "row-mt": "0", "deadline": "good", "cpu-used": "4"},
        crf=31,
        max_crf=63,
        filters=None,
    ),
}


def to_stream(packets: "Iterable[Packet[VideoStream]]", video: "VideoStream", codec: VideoCodec) -> bytes:
    """The packets of a file, the empty one that ends them last, as one stream."""
    filters = CODINGS[codec].filters
    if filters is None:
        return _ivf([bytes(packet) for packet in packets if packet.size], video)
    to_bytes = BitStreamFilterContext(filters, video)
    # The packet without content that ends the demuxing flushes the filter as well.
    return b"".join(bytes(part) for packet in packets for part in to_bytes.filter(packet if packet.size else None))


def _ivf(frames: list[bytes], video: "VideoStream") -> bytes:
    """IVF: 32 bytes, then each frame behind its size and number."""
    rate = video.average_rate or Fraction(25)
    sizes = (video.width, video.height, rate.numerator, rate.denominator, len(frames), 0)
    head = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP90", *sizes)
    return head + b"".join(struct.pack("<IQ", len(frame), place) + frame for place, frame in enumerate(frames))
