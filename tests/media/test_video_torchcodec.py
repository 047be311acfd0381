"""torchcodec's frames against FFmpeg's: the same pictures, in swscale's default conversion to RGB."""

import io
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from tokeff.errors import DeviceUnavailable, ItemError, TokeffError
from tokeff.media import video
from tokeff.media.video_torchcodec import Decoder, check_backend
from tokeff.records.signals import VideoSignal

Write = Callable[..., bytes]
REFUSED = {
    "open gops in a transport stream": "decode_error",
    "intra refresh in a transport stream": "decode_error",
    "program stream": "decode_error",
    "h264 in avi": "no_times",
    "mpeg4 in avi": "no_times",
    "bare h264": "no_times",
    "bare mpeg1": "no_times",
    "bare hevc": "no_times",
}
OTHER_CONVERSION = {"hevc of 10 bits", "hdr", "odd sides, subsampled"}
"""FFmpeg 5 converts them in another way than FFmpeg 8, which PyAV brings."""


@pytest.fixture(scope="module", autouse=True)
def _torchcodec() -> None:
    """Skips where torchcodec or the shared libraries of FFmpeg are not there."""
    try:
        check_backend("torchcodec", "cpu")
    except TokeffError as error:
        pytest.skip(str(error))


def default_rgb(data: bytes, places: Sequence[int]) -> NDArray[np.uint8]:
    """[n, height, width, 3] of sequential decoding, converted as swscale does when nothing is asked of it."""
    with av.open(io.BytesIO(data), mode="r") as container:
        container.streams.video[0].thread_type = "AUTO"
        frames = [
            frame.to_ndarray(format="rgb24", interpolation=Interpolation.BILINEAR, threads=1)
            for place, frame in enumerate(container.decode(video=0))
            if place in places
        ]
    return np.stack(frames)


def picked(signal: VideoSignal, places: Sequence[int]) -> NDArray[np.uint8]:
    """[n, height, width, 3]."""
    return torch.cat(list(signal.source.frames(places))).permute(0, 2, 3, 1).numpy()


def some_places(n_frames: int) -> list[int]:
    """The ends, and some between that lie near and far from each other."""
    wanted = (0, 1, n_frames // 3, n_frames // 2, n_frames // 2 + 1, n_frames - 2, n_frames - 1)
    return sorted({min(max(place, 0), n_frames - 1) for place in wanted})


def test_frames_are_those_of_pyav(clip_kind: str, write_kind: Write) -> None:
    data = write_kind(clip_kind)
    plain = video.decode_bytes(data)
    signal = Decoder("torchcodec")(plain)
    places = some_places(plain.header.n_frames)
    if clip_kind in REFUSED:
        with pytest.raises(ItemError) as refused:
            picked(signal, places)
        assert refused.value.reason == REFUSED[clip_kind]
        assert "backend=pyav" in str(refused.value)
        return
    found, expected = picked(signal, places), default_rgb(data, places)
    if clip_kind in OTHER_CONVERSION:
        # Still the same pictures: those of other places are at least three levels away.
        assert float(np.abs(found.astype(int) - expected).mean()) < 1.5
    else:
        np.testing.assert_array_equal(found, expected)
    again = pickle.loads(pickle.dumps(signal.source))
    np.testing.assert_array_equal(torch.cat(list(again.frames(places))).permute(0, 2, 3, 1).numpy(), found)


@pytest.mark.shared
def test_frames_of_real_clips(shared: Path) -> None:
    """Equal to swscale's default; from the conversion of `video_frames` 0.7 to 1.4 levels away on average."""
    for path in sorted((shared / "corpora" / "video").iterdir()):
        plain = video.decode(partial(io.FileIO, path))
        places = some_places(plain.header.n_frames)
        found = picked(Decoder("torchcodec")(plain), places)
        np.testing.assert_array_equal(found, default_rgb(path.read_bytes(), places))
        assert float(np.abs(found.astype(int) - picked(plain, places)).mean()) < 1.5


@pytest.mark.parametrize("degrees", [90.0, 180.0, 270.0])
def test_turned_clips_stand_upright(degrees: float, write_clip: Write) -> None:
    data = write_clip(n_frames=6, turn=(degrees, False, False))
    shown = np.rot90(default_rgb(data, range(6)), k=int(degrees) // 90, axes=(1, 2))
    np.testing.assert_array_equal(picked(Decoder("torchcodec")(video.decode_bytes(data)), range(6)), shown)


def test_what_torchcodec_does_not_show_upright_is_refused(write_clip: Write) -> None:
    mirrored = video.decode_bytes(write_clip(n_frames=4, turn=(0.0, True, False)))
    with pytest.raises(ItemError) as refused:
        picked(Decoder("torchcodec")(mirrored), [0])
    assert refused.value.reason == "rotation"
    assert "got a mirrored clip on cpu" in str(refused.value)


def test_frames_behind_an_edit_list_do_not_count(write_clip: Write) -> None:
    data = write_clip(shift=-10, muxer_options={"avoid_negative_ts": "disabled"})
    signal = Decoder("torchcodec")(video.decode_bytes(data))
    assert signal.header.n_frames == 30
    np.testing.assert_array_equal(picked(signal, range(30)), default_rgb(data, range(30)))


def test_chunks_are_bounded_and_indices_checked(write_clip: Write) -> None:
    source: Any = Decoder("torchcodec")(video.decode_bytes(write_clip())).source
    small = type(source)(source.open, source.index, "cpu", 64 * 48 * 3 * 16)
    assert [len(chunk) for chunk in small.frames()] == [16, 16, 8]
    with pytest.raises(ValueError, match="indices must rise"):
        next(source.frames([3, 2]))


def test_pyav_is_left_as_it_is(write_clip: Write) -> None:
    signal = video.decode_bytes(write_clip())
    assert Decoder()(signal) is signal


def test_a_gpu_that_is_not_there_is_named() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(DeviceUnavailable, match="cuda"):
        Decoder("torchcodec", "cuda")


@pytest.mark.cuda
def test_nvdec_gives_the_same_pictures(cuda: str, write_clip: Write) -> None:
    data = write_clip(n_frames=60, width=256, height=192, gop=20)
    places = some_places(60)
    found = picked(Decoder("torchcodec", cuda)(video.decode_bytes(data)), places).astype(int)
    expected = default_rgb(data, places)
    assert float(np.abs(found - expected).mean()) < 3
    assert float(np.abs(found[1:] - expected[:-1]).mean()) > 6
