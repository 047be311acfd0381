"""Video files of every awkward kind, made on the fly with PyAV's muxers."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """What to write. `pts` are in ticks of `time_base`."""

    width: int = 64
    height: int = 48
    n_frames: int = 40
    codec: str = "libx264"
    container: str = "mp4"
    pix_fmt: str = "yuv420p"
    gop: int = 30
    b_frames: int = 2
    rate: int = 25
    pts: Sequence[int] | None = None
    turn: tuple[float, bool, bool] | None = None
    """Degrees counter-clockwise, mirrored left-right, mirrored up-down."""
    options: dict[str, str] = field(default_factory=dict)
    muxer_options: dict[str, str] = field(default_factory=dict)
    shift: int = 0
    """Added to the packets' times, in frames: negative ones end up behind an edit list."""


def picture(clip: Clip, place: int) -> NDArray[np.uint8]:
    """[height, width, 3]: a texture that moves, so that no two frames are alike."""
    y, x = np.mgrid[: clip.height, : clip.width]
    red = (x * 3 + place * 7) % 256
    green = (y * 5 + place * 3) % 256
    return np.stack([red, green, np.full_like(red, (place * 11) % 256)], axis=-1).astype(np.uint8)


def write(clip: Clip) -> bytes:
    """The bytes of the file."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=clip.container, options=clip.muxer_options) as container:
        stream = cast("av.VideoStream", container.add_stream(clip.codec, rate=clip.rate, options=clip.options))
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, clip.pix_fmt
        stream.gop_size, stream.max_b_frames = clip.gop, clip.b_frames
        if clip.pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if clip.turn is not None:
            stream.set_display_rotation(*clip.turn)
        for place in range(clip.n_frames):
            frame = av.VideoFrame.from_ndarray(picture(clip, place), format="rgb24")
            frame.pts = place if clip.pts is None else clip.pts[place]
            frame.time_base = Fraction(1, clip.rate) if clip.pts is None else Fraction(1, 1000)
            _mux(container, stream.encode(frame), clip)
        _mux(container, stream.encode(None), clip)
    return buffer.getvalue()


def _mux(container: "av.container.OutputContainer", packets: "list[av.Packet[av.VideoStream]]", clip: Clip) -> None:
    for packet in packets:
        ticks = round(clip.shift / clip.rate / packet.time_base)
        if ticks and packet.pts is not None and packet.dts is not None:
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        container.mux(packet)


X264 = "x264-params"
QUIET = "log-level=none"
VFR = np.cumsum(np.arange(50) % 7 * 13 + 11).tolist()
KINDS = {
    "gop 30": Clip(n_frames=100),
    "gop 250": Clip(n_frames=120, gop=250),
    "gops shorter than the reordering": Clip(gop=3),
    "open gops": Clip(n_frames=90, gop=25, options={X264: "open-gop=1:bframes=3:b-adapt=0"}),
    "open gops in a transport stream": Clip(
        n_frames=90, gop=25, container="mpegts", options={X264: "open-gop=1:bframes=3:b-adapt=0"}
    ),
    "intra refresh": Clip(n_frames=100, gop=40, options={X264: "intra-refresh=1:keyint=40"}),
    "intra refresh in a transport stream": Clip(
        n_frames=100, gop=40, container="mpegts", options={X264: "intra-refresh=1:keyint=40"}
    ),
    "uneven times": Clip(n_frames=50, pts=VFR),
    "uneven times in matroska": Clip(n_frames=50, pts=VFR, container="matroska"),
    "fragments": Clip(gop=10, muxer_options={"movflags": "frag_keyframe+empty_moov"}),
    "late start": Clip(shift=10),
    "h264 in avi": Clip(container="avi"),
    "mpeg4 in avi": Clip(codec="mpeg4", container="avi"),
    "flv": Clip(container="flv"),
    "bare h264": Clip(container="h264"),
    "bare mpeg1": Clip(codec="mpeg1video", container="mpeg1video"),
    "program stream": Clip(codec="mpeg2video", container="mpeg"),
    "hevc of 10 bits": Clip(codec="libx265", pix_fmt="yuv420p10le", options={"x265-params": QUIET + ":open-gop=1"}),
    "hdr": Clip(
        codec="libx265",
        pix_fmt="yuv420p10le",
        container="matroska",
        options={"x265-params": QUIET + ":colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"},
    ),
    "bare hevc": Clip(codec="libx265", container="hevc", options={"x265-params": QUIET}),
    "vp8 with hidden frames": Clip(
        n_frames=60, codec="libvpx", container="webm", options={"auto-alt-ref": "1", "lag-in-frames": "16"}
    ),
    "vp9 with alpha": Clip(codec="libvpx-vp9", container="webm", pix_fmt="yuva420p"),
    "prores": Clip(n_frames=20, codec="prores_ks", container="mov", pix_fmt="yuv422p10le"),
    "gif": Clip(n_frames=20, codec="gif", container="gif", pix_fmt="rgb8"),
    "odd sides": Clip(width=641, height=361, n_frames=12, pix_fmt="yuv444p"),
    "odd sides, subsampled": Clip(width=641, height=361, n_frames=8, codec="libvpx-vp9", container="webm"),
    "one pixel": Clip(width=1, height=1, n_frames=5, pix_fmt="yuv444p"),
}


@pytest.fixture(scope="session")
def kinds() -> dict[str, Clip]:
    """What each kind is made with."""
    return KINDS


@pytest.fixture(scope="session")
def write_clip() -> Callable[..., bytes]:
    """The bytes of the file of a Clip(...)."""
    return lambda **what: write(Clip(**what))


@pytest.fixture(scope="session")
def write_kind() -> Callable[[str], bytes]:
    """The bytes of the file of a kind."""
    return lambda kind: write(KINDS[kind])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `clip_kind` is run with every kind."""
    if "clip_kind" in metafunc.fixturenames:
        metafunc.parametrize("clip_kind", list(KINDS))
