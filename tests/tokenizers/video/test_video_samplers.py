"""Frame samplers by their definitions, and how they are written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import ItemError, NotFound, SpecError
from tokeff.records.headers import VideoHeader
from tokeff.records.signals import VideoSignal
from tokeff.tokenizers.video.samplers import (
    ByRate,
    Every,
    FromHeader,
    Keyframes,
    Scene,
    Uniform,
    n_moments,
    parse_sampler,
    thinned,
    within_budget,
)


def regular(n_frames: int, rate: float = 25.0, width: int = 40, height: int = 30) -> VideoHeader:
    return VideoHeader.regular(width=width, height=height, n_frames=n_frames, frame_rate_hz=rate)


def uneven(seconds: Sequence[float], duration: float) -> VideoHeader:
    return VideoHeader(width=4, height=4, frame_seconds=np.array(seconds), duration_seconds=duration)


def uniform(header: VideoHeader, n: int) -> list[int]:
    found: list[int] = Uniform(n).from_header(header).tolist()
    return found


def by_rate(header: VideoHeader, fps: float) -> list[int]:
    found: list[int] = ByRate(fps).from_header(header).tolist()
    return found


@dataclass(frozen=True)
class Levels:
    """Flat grey frames of given levels, in chunks of 7."""

    levels: Sequence[int]

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        chosen = torch.tensor(self.levels if indices is None else [self.levels[place] for place in indices])
        for part in torch.split(chosen, 7):
            yield part.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 30, 40)


def flat(levels: Sequence[int]) -> VideoSignal:
    return VideoSignal(header=regular(len(levels)), source=Levels(levels))


def test_uniform_runs_from_the_first_to_the_last() -> None:
    assert uniform(regular(10), 1) == [0]
    assert uniform(regular(10), 2) == [0, 9]
    assert uniform(regular(10), 4) == [0, 3, 6, 9]
    assert uniform(regular(100), 8) == [0, 14, 28, 42, 56, 70, 84, 99]
    assert uniform(regular(5), 8) == Every().from_header(regular(5)).tolist() == [0, 1, 2, 3, 4]


@given(st.integers(1, 5000), st.integers(2, 64))
def test_uniform_is_llavas_linspace_up_to_rounding(n_frames: int, n: int) -> None:
    places = Uniform(n).from_header(regular(n_frames))
    assert len(places) == min(n, n_frames)
    assert len(set(places.tolist())) == len(places)
    if n <= n_frames:
        assert int(np.abs(places - np.linspace(0, n_frames - 1, n, dtype=int)).max()) <= 1
        exact = np.linspace(0, n_frames - 1, n)
        assert bool(np.all((places <= exact + 1e-6) & (exact - places < 1 + 1e-6)))


@pytest.mark.parametrize("rate", [10, 23.976, 24000 / 1001, 25, 29.97, 30000 / 1001, 30, 60])
def test_one_frame_per_second_of_a_regular_clip(rate: float) -> None:
    header = regular(round(rate * 12), rate)
    places = by_rate(header, 1.0)
    assert places == [int(np.floor(k * rate + 1e-3)) for k in range(n_moments(header, 1.0))]
    assert len(places) in (12, 13)  # 23.976 x 12 frames last a little longer than 12 seconds


@pytest.mark.parametrize("rate", [24, 25, 30, 30000 / 1001])
def test_the_clips_own_rate_gives_every_frame(rate: float) -> None:
    header = regular(1000, rate)
    assert by_rate(header, rate) == list(range(1000))
    assert by_rate(header, rate * 7) == list(range(1000))


def test_uneven_times_give_the_frame_on_screen() -> None:
    # shown from 2.0, 2.9, 3.0, 6.5 (till 8.2); moments 0, 1, ..., 6 after the first are 2, 3, 4, 5, 6, 7, 8
    header = uneven([2.0, 2.9, 3.0, 6.5], duration=6.2)
    assert by_rate(header, 1.0) == [0, 2, 3]
    assert by_rate(header, 0.5) == [0, 2, 3]
    assert by_rate(header, 0.1) == [0]
    assert by_rate(header, 10.0) == [0, 1, 2, 3]
    assert n_moments(header, 1.0) == 7


@settings(max_examples=50)
@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=40), st.integers(1, 3000), st.sampled_from([0.5, 1.0, 2.0, 3.7])
)
def test_uneven_times_by_the_definition(steps: list[int], last: int, fps: float) -> None:
    seconds = np.cumsum(steps) / 1000
    duration = float(seconds[-1] - seconds[0]) + last / 1000
    expected, k = [], 0
    while k / fps < duration - 1e-6:
        shown = [place for place, time in enumerate(seconds) if time - seconds[0] <= k / fps + 1e-6]
        expected += [shown[-1]] if shown[-1] not in expected else []
        k += 1
    assert by_rate(uneven(seconds.tolist(), duration), fps) == expected


def test_keyframes_are_those_of_the_header() -> None:
    header = replace(regular(50), key_places=np.array([0, 12, 40]))
    assert Keyframes().from_header(header).tolist() == [0, 12, 40]
    assert Keyframes().from_header(replace(header, key_places=np.array([], dtype=np.int64))).tolist() == [0]
    with pytest.raises(ItemError) as unknown:
        Keyframes().from_header(regular(50))
    assert unknown.value.reason == "no_keyframes"


def test_scenes_begin_where_the_picture_changes_at_once() -> None:
    clip = flat([10] * 9 + [90] * 8 + [40] * 3 + [255] * 20)
    assert Scene(0.3).places(clip).tolist() == [0, 9, 17, 20]
    assert Scene(0.6).places(clip).tolist() == [0, 9, 20]
    assert Scene(0.3, 3).places(clip).tolist() == [0, 9, 20]
    assert Scene(0.3, 2).places(clip).tolist() == [0, 20]
    assert Scene(0.3, 1).places(clip).tolist() == Scene(1.0).places(clip).tolist() == [0]


def test_steady_motion_is_no_change_of_scene() -> None:
    fade = flat([min(255, 40 * k) for k in range(7)])
    # The first step is a change: nothing moved before it. The last one is shorter.
    assert Scene(0.3).places(fade).tolist() == [0, 1]


@given(st.lists(st.integers(0, 255), min_size=1, max_size=40), st.floats(0, 1), st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_scenes_by_the_definition(levels: list[int], threshold: float, most: int) -> None:
    means = np.abs(np.diff(levels, prepend=levels[:1])).astype(float)
    scores = [min(m, abs(m - before)) / 100 for before, m in zip([0, *means], means, strict=False)]
    changes = [place for place, score in enumerate(scores) if min(score, 1) > threshold]
    changes.sort(key=lambda place: -min(scores[place], 1))
    assert Scene(threshold, most).places(flat(levels)).tolist() == [0, *sorted(changes[: most - 1])]


@given(st.integers(1, 500), st.integers(1, 2000), st.integers(1, 100_000))
def test_a_budget_is_kept_and_used(n_frames: int, tokens_per_frame: int, max_tokens: int) -> None:
    places = np.arange(n_frames) * 3 + 1
    if tokens_per_frame > max_tokens:
        with pytest.raises(ItemError) as refused:
            within_budget(places, tokens_per_frame, max_tokens)
        assert refused.value.reason == "over_budget"
        return
    kept = within_budget(places, tokens_per_frame, max_tokens)
    assert len(kept) == min(n_frames, max_tokens // tokens_per_frame)
    assert set(kept) <= set(places)
    assert kept[0] == places[0]
    assert len(kept) == 1 or kept[-1] == places[-1]
    assert bool(np.all(np.diff(kept) > 0))


def test_thinning_is_even() -> None:
    steps = np.diff(thinned(np.arange(1000), 37))
    assert int(steps.max() - steps.min()) <= 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("all", "all"),
        ("uniform(8)", "uniform(8)"),
        ("uniform=8", "uniform(8)"),
        ("fps(0.5)", "fps(0.5)"),
        ("fps=1", "fps(1)"),
        ("keyframes", "keyframes"),
        ("scene(0.3,64)", "scene(0.3,64)"),
        ("scene(0.3, 64)", "scene(0.3,64)"),
        ("scene=0.40", "scene(0.4)"),
    ],
)
def test_how_samplers_are_written(text: str, written: str) -> None:
    sampler = parse_sampler(text)
    assert str(sampler) == written
    assert parse_sampler(written) == sampler
    assert isinstance(sampler, FromHeader) == (not written.startswith("scene"))


@pytest.mark.parametrize(
    "text",
    [
        *("uniform=0", "uniform(x)", "uniform(8", "uniform(1,2)", "uniform", "uniform()", "uniform(2.5)"),
        *("fps=0", "fps=-1", "fps=nan", "fps(inf)", "all=2", "keyframes(3)"),
        *("scene", "scene(-0.1)", "scene(1.1)", "scene(nan)", "scene(0.3,0)", "scene(0.3,5,6)"),
    ],
)
def test_what_is_no_sampler(text: str) -> None:
    with pytest.raises((SpecError, NotFound)):
        parse_sampler(text)


def test_an_unknown_name_is_answered_with_a_close_one() -> None:
    with pytest.raises(NotFound, match="Did you mean uniform"):
        parse_sampler("uniforn(8)")
    with pytest.raises(NotFound, match="scene"):
        parse_sampler("n=8")
