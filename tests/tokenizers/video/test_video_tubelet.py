"""Tubelets against transformers' video processors: counts and frames looked at on random clips, patches on some."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import ItemError, SpecError
from tokeff.records.headers import VideoHeader
from tokeff.records.signals import VideoSignal
from tokeff.tokenizers.protocols import CountsFromHeader
from tokeff.tokenizers.registry import Registry
from tokeff.tokenizers.video.rules import Plan, Qwen2Vl, Qwen3Vl, VideoMae, rule_of
from tokeff.tokenizers.video.tubelet import TubeletTokenizer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
    from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor
    from transformers.models.videomae.video_processing_videomae import VideoMAEVideoProcessor
    from transformers.video_utils import VideoMetadata

REGISTRY = Registry.load()


@dataclass(frozen=True)
class Noise:
    """Frames of noise, made when asked for; each depends on its place only."""

    header: VideoHeader
    n_chunk: int = 5

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        places = list(range(self.header.n_frames) if indices is None else indices)
        for start in range(0, len(places), self.n_chunk):
            yield torch.stack([self.frame(place) for place in places[start : start + self.n_chunk]])

    def frame(self, place: int) -> Tensor:
        shape = (3, self.header.height, self.header.width)
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(place))


def clip(n_frames: int, height: int, width: int, rate: float = 2.0) -> VideoSignal:
    header = VideoHeader.regular(width=width, height=height, n_frames=n_frames, frame_rate_hz=rate)
    return VideoSignal(header=header, source=Noise(header))


def random_clips(n: int, seed: int) -> list[VideoHeader]:
    """Frames, sizes and rates over some orders of magnitude."""
    generator = np.random.default_rng(seed)
    frames = np.exp(generator.uniform(np.log(2), np.log(3000), n)).astype(int)
    sides = np.exp(generator.uniform(np.log(20), np.log(2500), (n, 2))).astype(int)
    rates = generator.choice([1, 10, 24, 25, 30, 59.94], n)
    return [
        VideoHeader.regular(width=int(w), height=int(h), n_frames=int(f), frame_rate_hz=float(r))
        for f, (h, w), r in zip(frames, sides, rates, strict=True)
    ]


class SizeOnly:
    """Stands for a clip [1, n, 3, h, w] in the processors' own `resize`, which asks for its shape only."""

    def __init__(self, n: int, height: int, width: int) -> None:
        self.shape = (1, n, 3, height, width)


def reference_size(processor: Any, n: int, header: VideoHeader, capped: bool, monkeypatch: pytest.MonkeyPatch) -> Any:
    """(height, width) that the processor's `resize` asks its base class for."""
    asked = []
    monkeypatch.setattr(
        type(processor).__mro__[1],
        "resize",
        lambda self, image, size, resample: asked.append((size.height, size.width)),
    )
    options = {"factor": processor.patch_size * processor.merge_size, "temporal_factor": processor.temporal_patch_size}
    clip = SizeOnly(n, header.height, header.width)
    processor.resize(clip, processor._standardize_kwargs(size=processor.size)["size"], None, **options,
                     cap_pixels_per_frame=capped)  # fmt: skip
    return asked[0]


@pytest.mark.parametrize("capped", [False, True])
@pytest.mark.parametrize(
    ("rule", "processor"), [(Qwen2Vl(), Qwen2VLVideoProcessor()), (Qwen3Vl(), Qwen3VLVideoProcessor())]
)
def test_frames_and_sizes_are_those_of_the_processors(
    rule: Qwen2Vl | Qwen3Vl, processor: Any, capped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = replace(rule, cap_pixels_per_frame=capped)
    for header in random_clips(150, seed=7):
        metadata = VideoMetadata(total_num_frames=header.n_frames, fps=header.frame_rate_hz)
        sampled = np.asarray(processor.sample_frames(metadata, fps=2.0))
        try:
            height, width = reference_size(processor, len(sampled), header, capped, monkeypatch)
        except ValueError:
            with pytest.raises(ItemError):
                rule.plan(header)
            continue
        plan = rule.plan(header)
        assert plan.places is not None
        sampled = np.minimum(sampled, header.n_frames - 1)  # rounding may put theirs one behind the last frame
        np.testing.assert_array_equal(plan.places[: len(sampled)], sampled)
        assert set(plan.places[len(sampled) :]) <= {sampled[-1]}
        assert plan.resized == (height, width)
        unit = rule.patch * rule.merge
        assert plan.n_tokens == -(-len(sampled) // 2) * (height // unit) * (width // unit)


@pytest.mark.parametrize(("n_frames", "height", "width"), [(16, 360, 640), (7, 100, 260), (4, 30, 500), (3, 300, 300)])
@pytest.mark.parametrize(
    ("name", "processor"),
    [
        ("qwen2-vl-video", Qwen2VLVideoProcessor(cap_pixels_per_frame=False)),
        ("qwen3-vl-video", Qwen3VLVideoProcessor(cap_pixels_per_frame=False)),
    ],
)
def test_patches_are_those_of_the_processors(name: str, processor: Any, n_frames: int, height: int, width: int) -> None:
    tokenizer = REGISTRY.open(name)
    assert isinstance(tokenizer, TubeletTokenizer)
    signal = clip(n_frames, height, width)
    plan = tokenizer.rule.plan(signal.header)
    assert plan.places is not None
    assert plan.grid is not None
    looked_at = torch.stack([Noise(signal.header).frame(int(place)) for place in plan.places])
    plain = {"do_sample_frames": False, "do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
    expected = processor(looked_at, **plain)
    (times, rows, columns), side = plan.grid, tokenizer.rule.patch
    assert expected["video_grid_thw"].tolist() == [[times, rows * 2, columns * 2]]
    found = torch.cat(list(tokenizer.patches(signal)))
    assert found.shape == (times, rows, columns, 2, 3, side * 2, side * 2)
    # Theirs: [tokens x 2 x 2 patches, channel x time x patch x patch].
    cut = found.view(times, rows, columns, 2, 3, 2, side, 2, side).permute(0, 1, 2, 5, 7, 4, 3, 6, 8)
    assert torch.equal(cut.reshape(-1, 6 * side * side), expected["pixel_values_videos"].to(torch.uint8))


@dataclass(frozen=True)
class Slopes:
    """Frames whose levels rise evenly from corner to corner."""

    header: VideoHeader

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        rows, columns = torch.arange(self.header.height), torch.arange(self.header.width)
        level = (40 + 20 * rows[:, None] + 20 * columns).expand(3, -1, -1).to(torch.uint8)
        n_frames = self.header.n_frames if indices is None else len(indices)
        yield level.expand(n_frames, -1, -1, -1).contiguous()


@pytest.mark.parametrize("size", [(1, 1), (9, 1), (1, 9), (5, 2)])
@pytest.mark.parametrize("name", ["qwen2-vl-video", "qwen3-vl-video"])
def test_clips_of_a_few_pixels_come_back(name: str, size: tuple[int, int]) -> None:
    tokenizer = REGISTRY.open(name)
    header = VideoHeader.regular(width=size[1], height=size[0], n_frames=5, frame_rate_hz=2)
    signal = VideoSignal(header=header, source=Slopes(header))
    (back,) = tokenizer.decode(tokenizer.encode([signal]), [header])  # type: ignore[attr-defined]
    found, expected = (torch.cat(list(clip.source.frames())).int() for clip in (back, signal))
    assert found.shape == expected.shape
    assert int((found - expected).abs().max()) <= 6


def test_the_published_example_clip() -> None:
    header = clip(16, 360, 640).header
    assert REGISTRY.open("qwen2-vl-video").count(header).n_tokens == 2392  # type: ignore[attr-defined]
    assert REGISTRY.open("qwen3-vl-video").count(header).n_tokens == 360  # type: ignore[attr-defined]


@pytest.mark.parametrize(("n_frames", "height", "width"), [(16, 240, 320), (40, 333, 250), (5, 224, 224), (1, 60, 100)])
def test_videomae_sees_what_its_processor_gives(n_frames: int, height: int, width: int) -> None:
    tokenizer = REGISTRY.open("videomae")
    assert isinstance(tokenizer, TubeletTokenizer)
    signal = clip(n_frames, height, width)
    plan = tokenizer.rule.plan(signal.header)
    assert plan.places is not None
    assert plan.places[0] == 0
    assert plan.places[-1] == n_frames - 1
    looked_at = torch.stack([Noise(signal.header).frame(int(place)) for place in plan.places])
    expected = VideoMAEVideoProcessor()(looked_at, do_rescale=False, do_normalize=False, return_tensors="pt")
    found = torch.cat(list(tokenizer.patches(signal)))
    joined = found.permute(0, 3, 4, 1, 5, 2, 6).reshape(16, 3, 224, 224)
    assert torch.equal(joined, expected["pixel_values"][0].to(torch.uint8))
    (tokens,) = tokenizer.encode([signal])
    assert tokens.counts.n_tokens == 1568
    assert tokens.grid == (8, 14, 14)


CLIPS = st.tuples(st.integers(2, 40), st.integers(8, 150), st.integers(8, 150), st.sampled_from([1.0, 2.0, 6.0, 25.0]))


@settings(max_examples=15, deadline=None)
@given(CLIPS, st.sampled_from(["videomae", "qwen2-vl-video", "qwen3-vl-video?cap_pixels_per_frame=true"]))
def test_counts_from_headers_are_those_of_encoding(shape: tuple[int, int, int, float], name: str) -> None:
    tokenizer = REGISTRY.open(name)
    signal = clip(*shape)
    assert isinstance(tokenizer, CountsFromHeader)
    (tokens,) = tokenizer.encode([signal])
    assert tokens.counts == tokenizer.count(signal.header)
    assert tokens.grid is not None
    assert int(np.prod(tokens.grid)) == tokens.counts.n_tokens


def test_hosted_models_count_moments_not_frames() -> None:
    tokenizer = REGISTRY.open("gemini-video")
    assert isinstance(tokenizer, CountsFromHeader)
    for seconds, n in ((10.0, 10), (10.5, 11), (0.2, 1), (59.99, 60)):
        for rate in (30, 1000 / 33.3667, 0.1):
            n_frames = max(1, round(seconds * rate))
            header = replace(
                VideoHeader.regular(width=640, height=480, n_frames=n_frames, frame_rate_hz=rate),
                duration_seconds=seconds,
            )
            assert tokenizer.count(header).n_tokens == 258 * n
            (tokens,) = tokenizer.encode([VideoSignal(header=header, source=Noise(header))])
            assert tokens.counts.n_tokens == 258 * n


def test_a_clip_beyond_the_context_window_is_refused() -> None:
    tokenizer = REGISTRY.open("gemini-video?max_tokens=1048576")
    assert isinstance(tokenizer, CountsFromHeader)
    hour, two_hours = (clip(int(seconds), 360, 640, rate=1.0).header for seconds in (3600, 7200))
    assert tokenizer.count(hour).n_tokens == 3600 * 258  # Google: a context of 1M tokens takes about an hour
    with pytest.raises(ItemError) as refused:
        tokenizer.count(two_hours)
    assert refused.value.reason == "over_budget"
    assert REGISTRY.open("gemini-video").count(two_hours).n_tokens == 7200 * 258  # type: ignore[attr-defined]


def test_what_a_rule_refuses() -> None:
    with pytest.raises(ItemError) as short:
        Qwen3Vl().plan(clip(1, 64, 64).header)
    with pytest.raises(ItemError) as thin:
        Qwen2Vl().plan(clip(4, 2, 1000).header)
    assert (short.value.reason, thin.value.reason) == ("too_short", "aspect_ratio")
    assert Qwen2Vl().plan(clip(1, 64, 64).header).grid == Plan(n_tokens=0, grid=(1, 12, 12)).grid


def test_numbers_that_a_rule_does_not_have_are_refused() -> None:
    assert rule_of({"rule": "videomae", "n_frames": 8}, "here") == VideoMae(n_frames=8)
    with pytest.raises(SpecError, match="has no fps"):
        rule_of({"rule": "videomae", "fps": 2.0}, "here")
    with pytest.raises(SpecError, match="above 0"):
        rule_of({"rule": "qwen2-vl", "fps": 0.0}, "here")
    with pytest.raises(SpecError, match="no rule"):
        rule_of({}, "here")


@pytest.mark.cuda
@pytest.mark.parametrize("size", [(60, 90), (100, 7000)])
def test_patches_of_a_gpu_are_those_of_the_cpu_within_some_levels(cuda: str, size: tuple[int, int]) -> None:
    signal = clip(6, *size)
    for name in ("videomae", "qwen2-vl-video"):
        here, there = REGISTRY.open(name), REGISTRY.open(name, device=cuda)
        assert isinstance(here, TubeletTokenizer)
        assert isinstance(there, TubeletTokenizer)
        expected, found = torch.cat(list(here.patches(signal))), torch.cat(list(there.patches(signal)))
        assert found.device.type == "cuda"
        assert int((found.cpu().int() - expected.int()).abs().max()) <= 4
        assert there.encode([signal])[0].counts == here.encode([signal])[0].counts
