"""The scene score against FFmpeg's filter `select`, which defines it; shots of real files."""

import io
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from av.filter import Graph

from tokeff.media import video
from tokeff.media.video_scenes import scene_scores
from tokeff.records.signals import FrameSource, VideoSignal

SAMPLES = Path(__file__).parents[2] / "data_samples" / "video"


def filter_scores(path: Path, before: str) -> list[float]:
    """FFmpeg's score of every frame, scaled by `before` (width:height) if that is not empty."""
    with av.open(path, mode="r") as container:
        stream = container.streams.video[0]
        graph = Graph()
        steps = [graph.add_buffer(template=stream)]
        if before:
            steps += [graph.add("scale", f"{before}:flags=area"), graph.add("format", "pix_fmts=gray")]
        steps += [graph.add("select", r"gt(scene\,-1)"), graph.add("buffersink")]
        for one, other in pairwise(steps):
            one.link_to(other)
        graph.configure()
        scores = []
        for frame in container.decode(stream):
            graph.push(frame)
            scores.append(float(graph.vpull().metadata["lavfi.scene_score"]))
        return scores


def decoded(path: Path) -> VideoSignal:
    return video.decode(partial(io.FileIO, path))


class OnlyFrames:
    """Frames in colour only, as those of a reconstruction."""

    def __init__(self, source: FrameSource) -> None:
        self.frames = source.frames


@pytest.mark.parametrize("name", ["two_scenes.mp4", "balls_orbit.webm", "typing.mkv"])
def test_scores_are_those_of_ffmpeg(name: str) -> None:
    signal = decoded(SAMPLES / name)
    width, height = signal.header.width, signal.header.height
    assert width >= height
    small = f"160:{round(height * 160 / width)}" if width > 160 else f"{width}:{height}"
    scores = scene_scores(signal)
    np.testing.assert_allclose(scores, filter_scores(SAMPLES / name, small), rtol=0, atol=1e-6)
    assert len(scores) == signal.header.n_frames
    whole = np.array(filter_scores(SAMPLES / name, ""))
    assert bool(np.all(scores[whole < 0.05] < 0.1))  # of whole pictures, the brightness of which spans 16 to 235


def test_the_cut_between_two_scenes_is_found() -> None:
    scores = scene_scores(decoded(SAMPLES / "two_scenes.mp4"))
    cut = int(np.argmax(scores))
    assert scores[cut] > 0.1
    assert np.sort(scores)[-2] < scores[cut] / 3
    assert int(np.argmax(filter_scores(SAMPLES / "two_scenes.mp4", ""))) == cut


def test_frames_in_colour_give_nearly_the_same_scores() -> None:
    signal = decoded(SAMPLES / "two_scenes.mp4")
    in_colour = VideoSignal(header=signal.header, source=OnlyFrames(signal.source))
    np.testing.assert_allclose(scene_scores(in_colour), scene_scores(signal), rtol=0, atol=0.02)


def test_small_grey_pictures_stand_as_the_clip_is_shown(write_clip: Callable[..., bytes]) -> None:
    data = write_clip(n_frames=9, width=64, height=32, turn=(90.0, False, False))
    source = video.decode_bytes(data).source
    grey = torch.cat(list(source.grey(16, 32)))  # type: ignore[attr-defined]
    assert grey.shape == (9, 32, 16)
    assert grey.dtype == torch.uint8


@pytest.mark.shared
def test_shots_of_a_real_clip(shared: Path) -> None:
    """What the filter finds on whole pictures is found on small ones, and nothing beside."""
    path = shared / "corpora" / "video" / "mdn_tears_of_steel.webm"
    ours, whole = scene_scores(decoded(path)), np.array(filter_scores(path, ""))
    clear = np.flatnonzero(whole > 0.4)
    assert len(clear) > 2
    assert bool(np.all(ours[clear] > 0.3))
    assert bool(np.all(whole[ours > 0.4] > 0.25))
