"""Video files of every awkward kind, made on the fly with PyAV's muxers; the oracle is plain sequential decoding."""

import contextlib
import io
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

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

Write = Callable[..., bytes]
Kinds = dict[str, Any]
UNBIASED = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


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


def test_frames_are_those_of_sequential_decoding(clip_kind: str, kinds: Kinds, write_kind: Write) -> None:
    clip = kinds[clip_kind]
    header = check_against_sequential(opener(write_kind(clip_kind))).header
    assert (header.width, header.height, header.n_frames) == (clip.width, clip.height, clip.n_frames)
    even = header.duration_seconds == pytest.approx(clip.n_frames / clip.rate, abs=0.003)
    assert even or clip.pts is not None


def test_times_that_a_file_does_not_give_are_numbered_and_said_to_be_claimed(write_clip: Write) -> None:
    for container in ("h264", "avi"):
        header = video.read_header(io.BytesIO(write_clip(container=container)))
        assert header.counted == "claimed"
        np.testing.assert_allclose(header.frame_seconds, np.arange(40) / 25, atol=1e-9)
    assert video.read_header(io.BytesIO(write_clip())).counted == "measured"


def test_a_clock_that_starts_anew_is_not_believed(write_clip: Write) -> None:
    """Transport streams joined with `cat`: all frames, numbered by the rate."""
    part = write_clip(n_frames=50, container="mpegts")
    signal = video.decode(opener(part + part))
    _, pixels = sequential(opener(part + part))
    assert signal.header.counted == "claimed"
    np.testing.assert_allclose(signal.header.frame_seconds, np.arange(100) / 25, atol=1e-9)
    assert signal.header.duration_seconds == pytest.approx(4.0)
    np.testing.assert_array_equal(all_frames(signal), pixels)


def test_frames_at_the_same_time_are_told_apart(write_clip: Write) -> None:
    data = write_clip(n_frames=12, codec="ffv1", container="matroska", pts=[k // 2 * 80 for k in range(12)])
    signal = video.decode(opener(data))
    _, pixels = sequential(opener(data))
    np.testing.assert_allclose(signal.header.frame_seconds, [k // 2 * 0.08 for k in range(12)], atol=1e-9)
    np.testing.assert_array_equal(all_frames(signal), pixels)
    np.testing.assert_array_equal(next(signal.source.frames([7]))[0].permute(1, 2, 0).numpy(), pixels[7])


def test_uneven_times_are_kept(write_kind: Write, kinds: Kinds) -> None:
    for kind in ("uneven times", "uneven times in matroska"):
        header = video.read_header(io.BytesIO(write_kind(kind)))
        np.testing.assert_allclose(header.frame_seconds, np.array(kinds[kind].pts) / 1000, atol=1e-9)


@pytest.mark.parametrize("turn", [(90, False, False), (180, False, False), (270, False, False), (0, True, False)])
def test_turned_clips_are_shown_upright(turn: tuple[float, bool, bool], write_clip: Write) -> None:
    data = write_clip(n_frames=4, turn=turn)
    signal = video.decode(opener(data))
    _, stored = sequential(opener(data))
    shown = np.rot90(stored, k=int(turn[0]) // 90, axes=(1, 2))  # counter-clockwise
    shown = shown[:, :, ::-1] if turn[1] else shown
    np.testing.assert_array_equal(all_frames(signal), shown)
    assert (signal.header.height, signal.header.width) == shown.shape[1:3]


def test_slanted_clip_is_refused(write_clip: Write) -> None:
    assert reason_of(write_clip(n_frames=2, turn=(45, False, False))) == "rotation"


def test_frames_behind_an_edit_list_do_not_count(write_clip: Write) -> None:
    data = write_clip(shift=-10, muxer_options={"avoid_negative_ts": "disabled"})
    with av.open(io.BytesIO(data), mode="r") as container:
        assert len([packet for packet in container.demux(video=0) if packet.size]) > 30
    assert check_against_sequential(opener(data)).header.n_frames == 30


def test_chunks_are_bounded(write_clip: Write) -> None:
    source = video.decode(opener(write_clip())).source
    assert isinstance(source, IndexedFrames)
    frame_bytes = 64 * 48 * 3
    for chunk_bytes, lengths in ((frame_bytes * 16, [16, 16, 8]), (1, [1] * 40)):
        chunks = IndexedFrames(source.open, source.index, chunk_bytes).frames()
        assert [len(chunk) for chunk in chunks] == lengths


@pytest.mark.parametrize("indices", [[3, 2], [1, 1], [-1, 0], [0, 40]])
def test_indices_must_rise_within_the_clip(indices: list[int], write_clip: Write) -> None:
    with pytest.raises(ValueError, match="indices must rise"):
        next(video.decode(opener(write_clip())).source.frames(indices))


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
    assert reason_of(without_frames("aac", "mp4")) == "no_video_stream"
    assert {reason_of(without_frames("libx264", container)) for container in ("matroska", "avi")} == {"no_frames"}


def test_cut_files_are_refused(tmp_path: Path, write_clip: Write) -> None:
    whole = write_clip()
    web = moov_first(whole, tmp_path)
    assert video.decode_bytes(web).header.n_frames == 40
    for data in (whole, web, write_clip(container="matroska"), write_clip(container="avi")):
        assert {reason_of(data[: len(data) * cut // 8]) for cut in (3, 5, 7)} == {"truncated"}
        assert reason_of(data[:-1]) == "truncated"


def test_a_recording_that_was_not_finished_is_refused(write_clip: Write) -> None:
    data = write_clip()
    samples, tables = data.index(b"mdat") - 4, data.index(b"moov") - 4
    until_the_end = data[:samples] + bytes(4) + data[samples + 4 : tables]
    assert reason_of(data[:tables]) == reason_of(until_the_end) == "truncated"
    with pytest.raises(ItemError, match="moov"):
        video.decode_bytes(until_the_end)


def test_damaged_pictures_are_refused(tmp_path: Path, write_clip: Write) -> None:
    data = bytearray(moov_first(write_clip(n_frames=60), tmp_path))
    for place in range(len(data) // 2, len(data) - 100, 50):
        data[place] ^= 0x5A
    assert reason_of(bytes(data)) in ("corrupt_frame", "decode_error", "frame_missing")


def test_a_clip_that_changes_its_size_is_refused(write_clip: Write) -> None:
    narrow, wide = (write_clip(n_frames=30, width=width, container="h264", b_frames=0) for width in (64, 96))
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
def test_damaged_files_are_measured_or_refused_and_nothing_else(seed: int, write_kind: Write) -> None:
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
        whole = write_kind(kind)
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
