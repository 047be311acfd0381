"""`backend=torchcodec` in specifications: another identity, the frames of torchcodec."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tokeff.errors import SpecError, TokeffError
from tokeff.media import video
from tokeff.media.video_torchcodec import Decoder
from tokeff.records.signals import VideoSignal
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
SAMPLE = Path(__file__).parents[3] / "data_samples" / "video" / "leaves_pan.mp4"


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    """torchcodec; skips where it or the shared libraries of FFmpeg are not there."""
    try:
        return Decoder("torchcodec")
    except TokeffError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def signal() -> VideoSignal:
    return video.decode_bytes(SAMPLE.read_bytes())


def test_it_is_part_of_the_identity(decoder: Decoder) -> None:
    plain, other = REGISTRY.open("frames-8"), REGISTRY.open("frames-8?backend=torchcodec")
    assert plain.card.sha256 != other.card.sha256
    assert other.card.name == "frames-8?backend=torchcodec"


def test_ids_are_those_of_its_frames(decoder: Decoder, signal: VideoSignal) -> None:
    plain = REGISTRY.open("frames:uniform(3)/png")
    other = REGISTRY.open("frames:uniform(3)/png?backend=torchcodec")
    (ids,), (other_ids,) = plain.encode([signal])[0].streams, other.encode([signal])[0].streams
    (expected,) = plain.encode([decoder(signal)])[0].streams
    np.testing.assert_array_equal(other_ids, expected)
    assert len(ids) != len(other_ids) or not np.array_equal(ids, other_ids)  # colours are converted in another way


def test_patches_are_those_of_its_frames(decoder: Decoder, signal: VideoSignal) -> None:
    plain, other = REGISTRY.open("videomae"), REGISTRY.open("videomae?backend=torchcodec")
    found = torch.cat(list(other.patches(signal)))  # type: ignore[attr-defined]
    assert torch.equal(found, torch.cat(list(plain.patches(decoder(signal)))))  # type: ignore[attr-defined]
    assert not torch.equal(found, torch.cat(list(plain.patches(signal))))  # type: ignore[attr-defined]
    assert other.encode([signal])[0].counts == plain.encode([signal])[0].counts


def test_scenes_do_not_depend_on_it(decoder: Decoder) -> None:
    clip = video.decode_bytes((SAMPLE.parent / "two_scenes.mp4").read_bytes())
    plain, other = (REGISTRY.open(f"frames:scene(0.1,8)/qwen2-vl{query}") for query in ("", "?backend=torchcodec"))
    assert plain.encode([clip])[0].counts == other.encode([clip])[0].counts


@pytest.mark.parametrize("spec", ["gemini-video?backend=torchcodec", "frames-8?backend=decord"])
def test_where_there_is_nothing_to_decode_with_it(spec: str) -> None:
    with pytest.raises((SpecError, TokeffError), match="backend"):
        REGISTRY.open(spec)
