"""Video files of every awkward kind, made on the fly with PyAV's muxers; the oracle is plain sequential decoding."""

import contextlib
import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
import pytest
import torch
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from tokeff.errors import ItemError
from tokeff.media import video
from tokeff.media.video_frames import IndexedFrames
from tokeff.records.signals import VideoSignal

UNBIASED = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


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


def moov_first(data: bytes, folder: Path) -> bytes:
    """An MP4 with its index before its samples (`-movflags faststart`), whose muxer needs a real file."""
    path = folder / "clip.mp4"
    with av.open(io.BytesIO(data), mode="r") as source, av.open(path, "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return path.read_bytes()


def _mux(container: "av.container.OutputContainer", packets: "list[av.Packet[av.VideoStream]]", clip: Clip) -> None:
    for packet in packets:
        ticks = round(clip.shift / clip.rate / packet.time_base)
        if ticks and packet.pts is not None and packet.dts is not None:
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        container.mux(packet)


def opener(data: bytes) -> Callable[[], BinaryIO]:
    """Opens the bytes; can be pickled."""
    return partial(io.BytesIO, data)


def rgb(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """[height, width, 3]."""
    return frame.to_ndarray(format="gbrp", interpolation=UNBIASED, threads=1)  # type: ignore[return-value]


def sequential(open: Callable[[], BinaryIO]) -> tuple[list[float], NDArray[np.uint8]]:
    """Every frame in the plainest way, as stored: times in seconds and [n, height, width, 3]. The oracle."""
    with open() as raw, av.open(raw, mode="r") as container:
        frames = [(-1.0 if frame.pts is None else frame.time, rgb(frame)) for frame in container.decode(video=0)]
    return [time for time, _ in frames], np.stack([pixels for _, pixels in frames])


def all_frames(signal: VideoSignal) -> NDArray[np.uint8]:
    """[n, height, width, 3]."""
    return torch.cat(list(signal.source.frames())).permute(0, 2, 3, 1).numpy()


def check_against_sequential(open: Callable[[], BinaryIO]) -> VideoSignal:
    """Times, all frames and picked frames are those of sequential decoding, also after a trip through pickle."""
    signal = video.decode(open)
    times, pixels = sequential(open)
    assert signal.header.n_frames == len(times)
    if signal.header.counted == "measured":
        np.testing.assert_allclose(signal.header.frame_seconds, times, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(all_frames(signal), pixels)
    source = pickle.loads(pickle.dumps(signal.source))
    generator = np.random.default_rng(0)
    for n_picked in (1, 3, 10):
        picked = np.sort(generator.choice(len(times), min(n_picked, len(times)), replace=False))
        found = torch.cat(list(source.frames(picked.tolist()))).permute(0, 2, 3, 1).numpy()
        np.testing.assert_array_equal(found, pixels[picked])
    for place in range(0, len(times), 9):
        np.testing.assert_array_equal(next(source.frames([place]))[0].permute(1, 2, 0).numpy(), pixels[place])
    return signal


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


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_those_of_sequential_decoding(kind: str) -> None:
    clip = KINDS[kind]
    header = check_against_sequential(opener(write(clip))).header
    assert (header.width, header.height, header.n_frames) == (clip.width, clip.height, clip.n_frames)
    even = header.duration_seconds == pytest.approx(clip.n_frames / clip.rate, abs=0.003)
    assert even or clip.pts is not None


def test_times_that_a_file_does_not_give_are_numbered_and_said_to_be_claimed() -> None:
    for container in ("h264", "avi"):
        header = video.read_header(io.BytesIO(write(Clip(container=container))))
        assert header.counted == "claimed"
        np.testing.assert_allclose(header.frame_seconds, np.arange(40) / 25, atol=1e-9)
    assert video.read_header(io.BytesIO(write(Clip()))).counted == "measured"


def test_a_clock_that_starts_anew_is_not_believed() -> None:
    """Transport streams joined with `cat`: all frames, numbered by the rate."""
    part = write(Clip(n_frames=50, container="mpegts"))
    signal = video.decode(opener(part + part))
    _, pixels = sequential(opener(part + part))
    assert signal.header.counted == "claimed"
    np.testing.assert_allclose(signal.header.frame_seconds, np.arange(100) / 25, atol=1e-9)
    assert signal.header.duration_seconds == pytest.approx(4.0)
    np.testing.assert_array_equal(all_frames(signal), pixels)


def test_frames_at_the_same_time_are_told_apart() -> None:
    clip = Clip(n_frames=12, codec="ffv1", container="matroska", pts=[k // 2 * 80 for k in range(12)])
    signal = video.decode(opener(write(clip)))
    _, pixels = sequential(opener(write(clip)))
    np.testing.assert_allclose(signal.header.frame_seconds, [k // 2 * 0.08 for k in range(12)], atol=1e-9)
    np.testing.assert_array_equal(all_frames(signal), pixels)
    np.testing.assert_array_equal(next(signal.source.frames([7]))[0].permute(1, 2, 0).numpy(), pixels[7])


def test_uneven_times_are_kept() -> None:
    header = video.read_header(io.BytesIO(write(Clip(n_frames=50, pts=VFR))))
    np.testing.assert_allclose(header.frame_seconds, np.array(VFR) / 1000, atol=1e-9)


@pytest.mark.shared
def test_real_clips_decode_as_in_sequence(shared: Path) -> None:
    """Every file, in full its times and 12 picked frames."""
    paths = sorted((shared / "corpora" / "video").iterdir())
    assert paths
    for path in paths:
        signal = video.decode(partial(io.FileIO, path))
        n_frames = signal.header.n_frames
        picked = np.unique(np.random.default_rng(0).integers(0, n_frames, 12)).tolist()
        found = torch.cat(list(signal.source.frames(picked))).permute(0, 2, 3, 1).numpy()
        with av.open(path, mode="r") as container:
            container.streams.video[0].thread_type = "AUTO"
            frames = enumerate(container.decode(video=0))
            plain = [(f.time, rgb(f) if place in picked else None) for place, f in frames]
        np.testing.assert_allclose(signal.header.frame_seconds, [time for time, _ in plain], rtol=0, atol=1e-9)
        np.testing.assert_array_equal(found, np.stack([pixels for _, pixels in plain if pixels is not None]))


@pytest.mark.parametrize("turn", [(90, False, False), (180, False, False), (270, False, False), (0, True, False)])
def test_turned_clips_are_shown_upright(turn: tuple[float, bool, bool]) -> None:
    data = write(Clip(n_frames=4, turn=turn))
    signal = video.decode(opener(data))
    _, stored = sequential(opener(data))
    shown = np.rot90(stored, k=int(turn[0]) // 90, axes=(1, 2))  # counter-clockwise
    shown = shown[:, :, ::-1] if turn[1] else shown
    np.testing.assert_array_equal(all_frames(signal), shown)
    assert (signal.header.height, signal.header.width) == shown.shape[1:3]


def test_slanted_clip_is_refused() -> None:
    assert reason_of(write(Clip(n_frames=2, turn=(45, False, False)))) == "rotation"


def test_frames_behind_an_edit_list_do_not_count() -> None:
    data = write(Clip(shift=-10, muxer_options={"avoid_negative_ts": "disabled"}))
    with av.open(io.BytesIO(data), mode="r") as container:
        assert len([packet for packet in container.demux(video=0) if packet.size]) > 30
    assert check_against_sequential(opener(data)).header.n_frames == 30


def test_chunks_are_bounded() -> None:
    source = video.decode(opener(write(Clip()))).source
    assert isinstance(source, IndexedFrames)
    frame_bytes = 64 * 48 * 3
    for chunk_bytes, lengths in ((frame_bytes * 16, [16, 16, 8]), (1, [1] * 40)):
        chunks = IndexedFrames(source.open, source.index, chunk_bytes).frames()
        assert [len(chunk) for chunk in chunks] == lengths


@pytest.mark.parametrize("indices", [[3, 2], [1, 1], [-1, 0], [0, 40]])
def test_indices_must_rise_within_the_clip(indices: list[int]) -> None:
    with pytest.raises(ValueError, match="indices must rise"):
        next(video.decode(opener(write(Clip()))).source.frames(indices))


def reason_of(data: bytes) -> str:
    """Why header or frames cannot be had."""
    with pytest.raises(ItemError) as caught:
        all_frames(video.decode(opener(data)))
    return caught.value.reason


def without_frames(codec: str, format: str) -> bytes:
    """A file with a stream and nothing in it, or one with sound only."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format) as container:
        stream = container.add_stream(codec, rate=48000 if codec == "aac" else 25)
        if isinstance(stream, av.VideoStream):
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
        if isinstance(stream, av.AudioStream):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), dtype=np.float32), format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 48000, 0
            container.mux([*stream.encode(sound), *stream.encode(None)])
    return buffer.getvalue()


def test_what_is_no_clip_is_refused_with_its_reason() -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
    assert reason_of(b"") == "empty"
    assert reason_of(bytes(range(256)) * 40) == "unreadable"
    assert reason_of(playlist) == "unreadable"
    assert reason_of(without_frames("aac", "matroska")) == "no_video_stream"
    assert {reason_of(without_frames("libx264", container)) for container in ("matroska", "avi")} == {"no_frames"}


def test_cut_files_are_refused(tmp_path: Path) -> None:
    whole = write(Clip())
    web = moov_first(whole, tmp_path)
    assert video.decode_bytes(web).header.n_frames == 40
    for data in (whole, web, write(Clip(container="matroska")), write(Clip(container="avi"))):
        assert {reason_of(data[: len(data) * cut // 8]) for cut in (3, 5, 7)} == {"truncated"}
        assert reason_of(data[:-1]) == "truncated"


def test_damaged_pictures_are_refused(tmp_path: Path) -> None:
    data = bytearray(moov_first(write(Clip(n_frames=60)), tmp_path))
    for place in range(len(data) // 2, len(data) - 100, 50):
        data[place] ^= 0x5A
    assert reason_of(bytes(data)) in ("corrupt_frame", "decode_error", "frame_missing")


def test_a_clip_that_changes_its_size_is_refused() -> None:
    narrow, wide = (write(Clip(n_frames=30, width=width, container="h264", b_frames=0)) for width in (64, 96))
    assert reason_of(narrow + wide) == "size_change"


def test_a_cover_picture_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        stream.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), dtype=np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert reason_of(path.read_bytes()) == "no_video_stream"


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_measured_or_refused_and_nothing_else(seed: int) -> None:
    """Bytes changed, cut out or cut off, in every container."""
    generator = np.random.default_rng(seed)
    for kind in (
        "open gops in a transport stream",
        "uneven times in matroska",
        "fragments",
        "flv",
        "h264 in avi",
        "gif",
    ):
        whole = write(KINDS[kind])
        for damage in range(15):
            data = bytearray(whole)
            start = int(generator.integers(len(data)))
            if damage % 3 == 0:
                del data[start : start + int(generator.integers(1, 3000))]
            else:
                for place in generator.integers(0, len(data) if damage % 3 == 1 else 600, 8):
                    data[place] = int(generator.integers(256))
            with contextlib.suppress(ItemError):
                signal = video.decode(opener(bytes(data)))
                assert len(all_frames(signal)) == signal.header.n_frames > 0
                assert bool(np.all(np.diff(signal.header.frame_seconds) >= 0))
                assert 0 <= signal.header.duration_seconds < float("inf")
