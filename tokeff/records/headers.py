"""Headers: what is known of an item without decoding it: sizes, rates and counts.

`raw_bytes` is the size of the canonical decoded signal: the T_i of the scaling law (Sun & Guo, arXiv 2409.06754).
Leaves out the signals themselves (`tokeff.records.signals`).
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Counted = Literal["measured", "claimed"]
"""Whether a count was taken from the data (every packet read or listed) or believed from a field of the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextHeader:
    """A text of `n_bytes` UTF-8 bytes."""

    n_bytes: int

    @property
    def raw_bytes(self) -> int:
        """UTF-8 bytes."""
        return self.n_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """A picture as it is shown: EXIF orientation applied, alpha dropped (`notes` says so)."""

    width: int
    height: int
    channels: Literal[1, 3]
    container: str = ""
    """`PNG`, `JPEG`, ...; empty for a signal that never was a file."""
    notes: tuple[str, ...] = ()

    @property
    def raw_bytes(self) -> int:
        """Height x width x channels, 8 bits each."""
        return self.height * self.width * self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioHeader:
    """A recording at the file's own rate."""

    sample_rate_hz: int
    n_samples: int
    """Per channel."""
    n_channels: int
    container: str = ""
    counted: Counted = "measured"

    @property
    def raw_bytes(self) -> int:
        """16-bit PCM at the file's own rate."""
        return self.n_samples * self.n_channels * 2

    @property
    def duration_seconds(self) -> float:
        """Length in time."""
        return self.n_samples / self.sample_rate_hz


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoHeader:
    """A clip as it is shown (rotation applied). Frames are addressed by their place in presentation order."""

    width: int
    height: int
    frame_seconds: "NDArray[np.float64]"
    """[n_frames] presentation times, rising; the first is 0 unless the container says otherwise."""
    duration_seconds: float
    """From the first frame's start to the last frame's end."""
    container: str = ""
    codec: str = ""
    counted: Counted = "measured"
    key_places: "NDArray[np.int64] | None" = None
    """[n_keys] indices of the frames that decode by themselves, as the file marks them; None where it is not known."""

    @property
    def n_frames(self) -> int:
        """Frames in the clip."""
        return len(self.frame_seconds)

    @property
    def raw_bytes(self) -> int:
        """Frames x height x width x 3, 8 bits each."""
        return self.n_frames * self.height * self.width * 3

    @property
    def frame_rate_hz(self) -> float:
        """Mean frames per second."""
        return self.n_frames / self.duration_seconds if self.duration_seconds > 0 else 0.0

    @classmethod
    def regular(cls, *, width: int, height: int, n_frames: int, frame_rate_hz: float | Fraction) -> "VideoHeader":
        """A clip with frames at even distances."""
        import numpy as np

        return cls(
            width=width,
            height=height,
            frame_seconds=np.arange(n_frames) / float(frame_rate_hz),
            duration_seconds=n_frames / float(frame_rate_hz),
        )


Header = TextHeader | ImageHeader | AudioHeader | VideoHeader
