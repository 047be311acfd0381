"""The way back of sampled clips: frames held and blended by their definitions, and decoded frames by direct calls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import ItemError, SpecError
from tokeff.records.headers import ImageHeader, VideoHeader
from tokeff.records.signals import ImageSignal, SampledSource, VideoSignal
from tokeff.tokenizers.protocols import CountsFromHeader, Reconstructs
from tokeff.tokenizers.registry import Registry
from tokeff.tokenizers.video import between as between_module
from tokeff.tokenizers.video.between import Between, BetweenFrames
from tokeff.tokenizers.video.tubelet import TubeletTokenizer, resize

REGISTRY = Registry.load()


@dataclass(frozen=True)
class Noise:
    """Smooth noise that depends on the place of a frame; given out in chunks. Notes the memory in use."""

    header: VideoHeader
    n_chunk: int = 5
    resident: list[int] = field(default_factory=list)

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        places = list(range(self.header.n_frames) if indices is None else indices)
        for start in range(0, len(places), self.n_chunk):
            self.resident.append(resident_bytes())
            yield torch.stack([self.frame(place) for place in places[start : start + self.n_chunk]])

    def frame(self, place: int) -> Tensor:
        coarse = torch.rand((1, 3, 5, 5), generator=torch.Generator().manual_seed(place))
        fine = torch.nn.functional.interpolate(coarse, (self.header.height, self.header.width), mode="bilinear")
        return (fine[0] * 255).to(torch.uint8)


def resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


def clip(n_frames: int, height: int = 40, width: int = 56, rate: float = 10.0) -> VideoSignal:
    header = VideoHeader.regular(width=width, height=height, n_frames=n_frames, frame_rate_hz=rate)
    return VideoSignal(header=header, source=Noise(header))


def whole(source: object) -> Tensor:
    return torch.cat(list(source.frames()))  # type: ignore[attr-defined]


def rebuilt(spec: str, signal: VideoSignal) -> VideoSignal:
    tokenizer = REGISTRY.open(spec)
    assert isinstance(tokenizer, Reconstructs)
    (copy,) = tokenizer.decode(tokenizer.encode([signal]), [signal.header])
    assert isinstance(copy, VideoSignal)
    return copy


def by_definition(frames: Tensor, seconds: Sequence[float], places: Sequence[int], way: Between, target: int) -> Tensor:
    """One frame, straight from the docstring of `between`."""
    before = [place for place in places if place <= target]
    after = [place for place in places if place >= target]
    if not before or not after:
        return frames[places[0] if not before else places[-1]]
    a, b = before[-1], after[0]
    if way == "hold" or a == b:
        return frames[a]
    w = np.float32((seconds[target] - seconds[a]) / (seconds[b] - seconds[a]))
    return (frames[a].double() * (1 - float(w)) + frames[b].double() * float(w)).round().to(torch.uint8)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=25),
    st.data(),
    st.sampled_from(["hold", "linear"]),
    st.integers(1, 7),
    st.integers(1, 4),
)
def test_frames_between_are_those_of_the_definition(
    steps: list[int], data: st.DataObject, way: Between, n_chunk: int, n_out: int
) -> None:
    seconds = np.cumsum(steps) / 1000
    n = len(seconds)
    header = VideoHeader(width=6, height=4, frame_seconds=seconds, duration_seconds=float(seconds[-1]))
    places = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1)))
    wanted = sorted(data.draw(st.sets(st.integers(0, n - 1)))) if data.draw(st.booleans()) else None
    exact = Noise(header, n_chunk)
    source = BetweenFrames(header=header, places=np.array(places), kept=exact, between=way)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(between_module, "CHUNK_BYTES", n_out * 3 * 6 * 4)
        chunks = list(source.frames(wanted))
    assert all(0 < len(chunk) <= n_out for chunk in chunks)
    frames = whole(exact)
    expected = [
        by_definition(frames, seconds.tolist(), places, way, i) for i in (range(n) if wanted is None else wanted)
    ]
    assert sum(map(len, chunks)) == len(expected)
    for frame, other in zip((frame for chunk in chunks for frame in chunk), expected, strict=True):
        # Single precision may round the other way where a blend lies between two levels.
        assert int((frame.int() - other.int()).abs().max()) <= (1 if way == "linear" else 0)


@pytest.mark.parametrize("way", ["hold", "linear"])
def test_nothing_is_lost_where_every_frame_is_kept_and_coded_without_loss(way: str) -> None:
    signal = clip(23)
    assert torch.equal(whole(rebuilt(f"frames:all/png?between={way}", signal).source), whole(signal.source))


@pytest.mark.parametrize("image", ["png", "jpeg-q75", "fsq-s8-1200", "qwen2-vl", "siglip-b16-224"])
@pytest.mark.parametrize("way", ["hold", "linear"])
def test_kept_frames_come_back_as_the_image_tokenizer_gives_them(image: str, way: str) -> None:
    signal = clip(23)
    copy = rebuilt(f"frames:uniform=4/{image}?between={way}", signal)
    places = [0, 7, 14, 22]
    header = ImageHeader(width=56, height=40, channels=3)
    originals = torch.cat(list(signal.source.frames(places)))
    tokenizer = REGISTRY.open(image)
    assert isinstance(tokenizer, Reconstructs)
    tokens = tokenizer.encode([ImageSignal(header=header, pixels=frame) for frame in originals])
    expected = torch.stack([each.pixels for each in tokenizer.decode(tokens, [header] * 4)])
    assert torch.equal(torch.cat(list(copy.source.frames(places))), expected)
    assert len(whole(copy.source)) == 23
    assert (copy.header.n_frames, copy.header.width) == (23, 56)
    if way == "hold":
        assert torch.equal(whole(copy.source)[14:22], expected[2:3].expand(8, -1, -1, -1))


def test_the_same_reconstruction_from_exact_frames() -> None:
    signal = clip(30)
    copy = rebuilt("frames:fps=2/fsq-s8-1200", signal)
    assert isinstance(copy.source, SampledSource)
    exact = whole(copy.source.over(signal.source))
    assert torch.equal(exact, whole(rebuilt("frames:fps=2/png", signal).source))
    assert not torch.equal(exact, whole(copy.source))


def test_what_has_no_way_back() -> None:
    assert not isinstance(REGISTRY.open("frames:fps=1/gemini"), Reconstructs)
    assert not isinstance(REGISTRY.open("gemini-video"), Reconstructs)
    for spec in ("frames:fps=1/gemini?between=linear", "gemini-video?between=hold"):
        with pytest.raises(SpecError, match="back"):
            REGISTRY.open(spec)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 50), st.integers(1, 3000))
def test_a_budget_thins_frames_evenly(n_frames: int, budget: int) -> None:
    tokenizer = REGISTRY.open(f"frames:all/vit-b16-224?max_tokens={budget}")
    assert isinstance(tokenizer, CountsFromHeader)
    signal = clip(n_frames)
    if budget < 196:
        with pytest.raises(ItemError) as caught:
            tokenizer.encode([signal])
        assert caught.value.reason == "over_budget"
        return
    (tokens,) = tokenizer.encode([signal])
    assert tokens.counts == tokenizer.count(signal.header)
    assert tokens.counts.n_tokens == 196 * min(n_frames, budget // 196)


def test_a_budget_needs_a_price() -> None:
    with pytest.raises(SpecError, match="depends on its content"):
        REGISTRY.open("frames:all/png?max_tokens=1000")
    with pytest.raises(SpecError, match="at least one"):
        REGISTRY.open("frames:all/vit-b16-224?max_tokens=0")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory in use from /proc")
@pytest.mark.parametrize("spec", ["frames:all/vit-b16-224", "frames:fps=1/qwen2-vl?between=linear", "qwen2-vl-video"])
def test_the_way_back_of_a_long_clip_needs_the_memory_of_a_batch(spec: str) -> None:
    signal = clip(3000, 48, 64)
    source = rebuilt(spec, signal).source
    start = resident_bytes()
    n_frames, most = 0, 0
    for chunk in source.frames():
        n_frames, most = n_frames + len(chunk), max(most, resident_bytes())
    assert n_frames == 3000
    assert most - start < 150e6  # the patches of all frames are 451 MB or more


CLIPS = st.tuples(st.integers(2, 40), st.integers(28, 150), st.integers(28, 150))


@settings(max_examples=10, deadline=None)
@given(CLIPS, st.sampled_from(["videomae", "qwen2-vl-video", "qwen3-vl-video"]))
def test_vectors_of_tubelets_are_one_for_each_token(shape: tuple[int, int, int], name: str) -> None:
    tokenizer = REGISTRY.open(name)
    assert isinstance(tokenizer, TubeletTokenizer)
    signal = clip(*shape)
    rows = torch.cat(list(tokenizer.vectors(signal)))
    side = tokenizer.rule.patch * tokenizer.rule.merge
    assert rows.shape == (tokenizer.count(signal.header).n_tokens, tokenizer.rule.temporal_patch * 3 * side * side)
    patches = torch.cat(list(tokenizer.patches(signal)))
    last = patches[-1, -1, -1].flatten()
    assert torch.equal(rows[-1], last)


@pytest.mark.parametrize("name", ["videomae", "qwen2-vl-video", "qwen3-vl-video?cap_pixels_per_frame=true"])
def test_tubelets_come_back_from_their_patches(name: str) -> None:
    """Oracle: the patches joined again and resized; outside of VideoMAE's middle square there is nothing to compare."""
    tokenizer = REGISTRY.open(name)
    assert isinstance(tokenizer, TubeletTokenizer)
    signal = clip(20, 60, 90, rate=2.0)
    copy = rebuilt(name, signal)
    plan = tokenizer.rule.plan(signal.header)
    assert plan.places is not None
    patches = torch.cat(list(tokenizer.patches(signal)))
    joined = patches.permute(0, 3, 4, 1, 5, 2, 6).reshape(-1, 3, *plan.crop)
    places, first = np.unique(plan.places, return_index=True)
    found = torch.cat(list(copy.source.frames(places.tolist())))
    if plan.crop == plan.resized:
        assert torch.equal(found, resize(joined[first], (60, 90), tokenizer.rule.resample))
    else:
        assert torch.equal(found[..., 30], resize(joined[first], (60, 60), tokenizer.rule.resample)[..., 15])
    assert len(whole(copy.source)) == 20
    original = torch.cat(list(signal.source.frames(places.tolist())))
    middle = slice(20, 70)
    assert float((found[..., middle].float() - original[..., middle].float()).square().mean()) < 20


def test_linear_tubelets_blend_what_they_did_not_look_at() -> None:
    signal = clip(40, 60, 90)
    held, blended = (rebuilt(f"videomae?between={way}", signal) for way in ("hold", "linear"))
    places = (np.arange(16) * 39 // 15).tolist()
    a, b = whole(held.source), whole(blended.source)
    assert torch.equal(a[places], b[places])
    assert not torch.equal(a, b)
