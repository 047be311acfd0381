"""The list of sample clips: what moves, how its frames are timed, and the codec and container that hold it.

Every clip is encoded on one thread, so that the same libraries give the same bytes. Leaves out how a scene moves
(`motions`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from data_samples.making import motions, sounds
from data_samples.making.noise import Floats, generator
from data_samples.making.recordings import to_pcm

# Without cpu-independent, x264's rate control differs from run to run, even on one thread.
H264 = {"crf": "21", "preset": "medium", "g": "48", "x264-params": "cpu-independent=1"}
VP9 = {"crf": "32", "b": "0", "g": "90", "cpu-used": "4", "row-mt": "0"}
_CODECS = {"h264": "libx264", "vp9": "libvpx-vp9"}
_SOUND_HZ = 48000


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip to be encoded: its frames, their nominal rate, and how to store them."""

    name: str
    frames: motions.Frames
    fps: int
    description: str
    codec: str = "h264"
    options: dict[str, str] = field(default_factory=lambda: dict(H264))
    sound: Floats | None = None
    """A mono track at 48 kHz, levels [samples] of -1..1."""


def write_clips(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Write every clip into `folder`; yields (file name, description). Words on pages come from `root`."""
    for clip in list_clips(root):
        _encode(folder / clip.name, clip)
        yield clip.name, clip.description


def list_clips(root: Path) -> Iterator[Clip]:
    """Every clip, its frames not yet drawn."""
    yield from _camera_clips()
    yield from _screen_clips(root)


def _camera_clips() -> Iterator[Clip]:
    name, words = "leaves_pan.mp4", "a pan over two layers of leaves, H.264, 24 frames a second"
    yield Clip(name=name, frames=motions.leaves_pan(name, 4.0, 24), fps=24, description=words)
    name, words = "two_scenes.mp4", "a lake, a cut, balls on a table; a voice in AAC; H.264 without B frames, short GOP"
    yield Clip(
        name=name,
        frames=motions.lake_then_balls(name, 5.0, 25),
        fps=25,
        description=words,
        options={**H264, "g": "12", "bf": "0"},
        sound=_narration(5.0),
    )
    name, words = "balls_orbit.webm", "round a table with balls, VP9, 24 frames a second"
    frames = motions.balls_orbit(name, 2.5, 24)
    yield Clip(name=name, frames=frames, fps=24, description=words, codec="vp9", options=VP9)
    name, words = "pebbles_pan.webm", "pebbles from a trembling hand, VP9, 25 frames a second"
    frames = motions.pebbles_pan(name, 3.0, 25)
    yield Clip(name=name, frames=frames, fps=25, description=words, codec="vp9", options=VP9)
    name, words = "dusk_zoom.mp4", "the lens closes in on hills at dusk, H.264, 30 frames a second"
    yield Clip(name=name, frames=motions.dusk_zoom(name, 3.0, 30), fps=30, description=words)
    name, words = "clouds_drift.mp4", "clouds, H.264, 12 frames a second"
    yield Clip(name=name, frames=motions.clouds_drift(name, 6.0, 12), fps=12, description=words)
    name, words = "lamps_pan.mkv", "lamps passing at night, VP9 in Matroska, 24 frames a second"
    frames = motions.lamps_pan(name, 3.0, 24)
    yield Clip(name=name, frames=frames, fps=24, description=words, codec="vp9", options=VP9)
    name, words = "night_grain.mp4", "still lamps through a noisy sensor, tall, H.264, 15 frames a second"
    yield Clip(name=name, frames=motions.night_grain(name, 2.0, 15), fps=15, description=words)


def _screen_clips(root: Path) -> Iterator[Clip]:
    story = (root / "text" / "english_lighthouse.txt").read_text("utf-8")
    source = (root / "code" / "tide_table.py").read_text("utf-8")
    name, words = "page_scroll.mp4", "a page scrolled in jerks, H.264, 30 frames a second"
    yield Clip(name=name, frames=motions.page_scroll(name, story, 4.0, 30), fps=30, description=words)
    name, words = "typing.mkv", "code typed into an editor, a frame to each stroke: variable frame rate, one key frame"
    frames = motions.typing(name, source, 6.0)
    yield Clip(name=name, frames=frames, fps=30, description=words, options={**H264, "g": "250"})


def _narration(duration: float) -> Floats:
    rng = generator("narration")
    return sounds.played(rng, sounds.voice(rng, duration, _SOUND_HZ, 130), _SOUND_HZ, room=0.4)


def _encode(path: Path, clip: Clip) -> None:
    """Encode picture and sound; times are in milliseconds, or in frames for MP4, whose rate is fixed here."""
    tick = Fraction(1, clip.fps) if path.suffix == ".mp4" else Fraction(1, 1000)
    with av.open(path, "w", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream(_CODECS[clip.codec], rate=clip.fps, options=clip.options)
        if not isinstance(video, av.VideoStream):
            raise TypeError(f"{clip.codec} is no video codec")
        video.pix_fmt, video.codec_context.thread_count, video.codec_context.time_base = "yuv420p", 1, tick
        # Both streams must be known before the header is written, with the first packet.
        audio = container.add_stream("aac", rate=_SOUND_HZ, layout="mono") if clip.sound is not None else None
        for k, (seconds, picture) in enumerate(clip.frames):
            if k == 0:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(seconds / tick), tick
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if isinstance(audio, av.AudioStream) and clip.sound is not None:
            heard = av.AudioFrame.from_ndarray(to_pcm(clip.sound)[None], format="s16", layout="mono")
            heard.sample_rate, heard.pts = _SOUND_HZ, 0
            container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
