"""Frames of a clip through torchcodec, also on NVIDIA's decoder: the same frames as PyAV's, found by the same index.

The index of `video_index` is handed over, so nothing is scanned again and frames are those at its times. Colours are
converted by torchcodec: on the CPU as swscale does by default, about a level of 255 darker than `video_frames` and
with chroma that is not interpolated; on CUDA by its own kernels. What torchcodec cannot decode (files that give no
times, most transport and program streams, mirrored frames) is refused with a reason, and never replaced by PyAV's.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tokeff.errors import DeviceUnavailable, ExtraMissing, ItemError, TokeffError
from tokeff.media.video_frames import CHUNK_BYTES, IndexedFrames, checked_indices
from tokeff.media.video_index import Turn, VideoIndex
from tokeff.records.signals import VideoSignal

if TYPE_CHECKING:
    from torchcodec.decoders import VideoDecoder


@dataclass(frozen=True, slots=True, eq=False)
class TorchcodecFrames:
    """The FrameSource of a file by torchcodec. Can be pickled where `open` can."""

    open: Callable[[], BinaryIO]
    index: VideoIndex
    device: str = "cpu"
    chunk_bytes: int = CHUNK_BYTES

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        """Yield uint8 [n, 3, height, width] on the CPU; see IndexedFrames. Raises ItemError `no_times`, ..."""
        header = self.index.header
        wanted = checked_indices(indices, header.n_frames)
        n_most = max(1, self.chunk_bytes // (3 * header.height * header.width))
        with closing(self.open()) as raw, _translated(self.index):
            decoder = self._decoder(raw)
            for start in range(0, len(wanted), n_most):
                places = wanted[start : start + n_most]
                batch = decoder.get_frames_at(_listed_places(self.index, places))
                self._check_times(batch.pts_seconds.numpy(), places)
                yield self._upright(batch.data).cpu()

    def _decoder(self, raw: BinaryIO) -> "VideoDecoder":
        from torchcodec.decoders import VideoDecoder

        return VideoDecoder(
            raw,  # anything with read and seek will do
            stream_index=self.index.stream_place,
            num_ffmpeg_threads=0 if self.device == "cpu" else 1,
            device=self.device,
            custom_frame_mappings=_mapping(self.index),
        )

    def _check_times(self, seconds: Any, places: Sequence[int]) -> None:
        late = np.abs(seconds - self.index.header.frame_seconds[list(places)]) > 1e-6
        if bool(late.any()):
            where = f"frame {places[int(np.argmax(late))]}"
            raise ItemError("frame_missing", "a frame that the file lists does not decode", where=where)

    def _upright(self, frames: Tensor) -> Tensor:
        """torchcodec turns by itself (seen on the CPU), but does not mirror; a line of padding is cut off."""
        header = self.index.header
        if self.index.turn not in (_TURNS if self.device == "cpu" else {Turn()}):
            got = f"{'a mirrored' if self.device == 'cpu' else 'a turned or mirrored'} clip on {self.device}"
            raise ItemError("rotation", "torchcodec does not show it upright", got=got, fix="Use backend=pyav.")
        if frames.shape[-2] < header.height or frames.shape[-1] < header.width:
            got, expected = f"{frames.shape[-1]}x{frames.shape[-2]}", f"{header.width}x{header.height}"
            raise ItemError("size_change", "the frames change their size", got=got, expected=expected)
        return frames[..., : header.height, : header.width]


_TURNS = {Turn(), Turn(True, True, False), Turn(True, False, True), Turn(False, True, True)}
"""By 0, 90, 270 and 180 degrees."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """What decodes the frames of clips. Raises ExtraMissing, DeviceUnavailable, ... where torchcodec cannot be had."""

    backend: str = "pyav"
    device: str = "cpu"

    def __post_init__(self) -> None:
        """At once, not at the first clip."""
        check_backend(self.backend, self.device)

    def __call__(self, signal: VideoSignal) -> VideoSignal:
        """The clip with its frames so decoded; one that is no file has nothing to decode and stays as it is."""
        source = signal.source
        if self.backend == "pyav" or not isinstance(source, IndexedFrames):
            return signal
        return replace(signal, source=TorchcodecFrames(source.open, source.index, self.device, source.chunk_bytes))


def check_backend(backend: str, device: str) -> None:
    """Raises ExtraMissing, DeviceUnavailable or TokeffError where frames cannot be decoded so."""
    if backend == "pyav":
        return
    try:
        import torchcodec.decoders  # noqa: F401
    except ModuleNotFoundError as error:
        raise ExtraMissing.of("torchcodec", "torchcodec") from error
    except (ImportError, RuntimeError) as error:
        fix = "It needs shared libraries of FFmpeg 4 to 8: apt-get install ffmpeg."
        raise TokeffError("torchcodec is installed, but does not load", fix=fix) from error
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceUnavailable("torchcodec cannot decode there", got=device, expected="an NVIDIA GPU")


def _listed_pts(index: VideoIndex) -> NDArray[np.int64]:
    """Times of the frames, and of keyframes that an edit hides: decoding begins there."""
    if index.pts is None:
        fix = "Use backend=pyav, which counts frames."
        raise ItemError("no_times", "gives no times by which torchcodec finds frames", fix=fix)
    return np.union1d(index.pts, index.key_pts)


def _listed_places(index: VideoIndex, places: Sequence[int]) -> list[int]:
    wanted = cast("NDArray[np.int64]", index.pts)[np.asarray(places, dtype=np.int64)]
    found: list[int] = np.searchsorted(_listed_pts(index), wanted).tolist()
    return found


def _mapping(index: VideoIndex) -> str:
    """The index as torchcodec reads it: that of `ffprobe -show_frames`."""
    listed = _listed_pts(index)
    durations = np.diff(listed, append=listed[-1] + 1)
    keys = np.isin(listed, index.key_pts)
    frames = zip(listed.tolist(), durations.tolist(), keys.tolist(), strict=True)
    entries = [{"pts": pts, "duration": duration, "key_frame": int(key)} for pts, duration, key in frames]
    return json.dumps({"frames": entries})


@contextmanager
def _translated(index: VideoIndex) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError, IndexError) as error:
        what = f"torchcodec cannot decode it: {str(error).splitlines()[0].rstrip(' .')}"
        got = f"{index.header.codec} in {index.header.container}"
        raise ItemError("decode_error", what, got=got, fix="Use backend=pyav.") from error
