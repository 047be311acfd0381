"""Bytes of H.264, AV1 and VP9 as tokens: they stand for the clip on their own."""

import numpy as np
import pytest
import torch

from tokeff.errors import ItemError, SpecError
from tokeff.media import video
from tokeff.records.headers import VideoHeader
from tokeff.records.signals import VideoSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import CountsFromHeader, Reconstructs
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()


def clip(n_frames: int = 30, width: int = 65, height: int = 47) -> VideoSignal:
    """Smooth noise that drifts, at uneven times."""
    generator = torch.Generator().manual_seed(0)
    seconds = np.cumsum(np.arange(n_frames) % 3 + 1) / 50
    header = VideoHeader(
        width=width, height=height, frame_seconds=seconds, duration_seconds=float(seconds[-1] - seconds[0]) + 0.02
    )
    field = torch.rand((3, height + 8, width + 8 + n_frames), generator=generator)
    field = torch.nn.functional.avg_pool2d(field, 9, stride=1) * 2 - 0.5
    frames = torch.stack([field[:, :height, i : i + width] for i in range(n_frames)]).clamp(0, 1)
    return video.decode_bytes(video.encode([(frames * 255).to(torch.uint8)], header, crf=1))


def frames_of(signal: VideoSignal) -> torch.Tensor:
    return torch.cat(list(signal.source.frames())).float()


@pytest.mark.parametrize(
    ("name", "psnr_db"),
    [
        ("h264-crf23", 30),
        ("h264-crf35", 22),
        ("video/codec-bytes:h264?crf=10", 38),
        ("av1-crf35", 27),
        ("av1?crf=10", 36),
        ("vp9", 28),
        ("video/codec-bytes:vp9?crf=10", 36),
    ],
)
def test_clips_come_back_with_size_number_and_times(name: str, psnr_db: float) -> None:
    tokenizer = REGISTRY.open(name)
    assert isinstance(tokenizer, Reconstructs)
    assert not isinstance(tokenizer, CountsFromHeader)
    signals = [clip(), clip(n_frames=1), clip(width=32, height=16)]
    tokens = tokenizer.encode(signals)
    bare = [Tokens.discrete(item.streams) for item in tokens]  # ids are enough
    for signal, item, back in zip(signals, bare, tokenizer.decode(bare, [s.header for s in signals]), strict=True):
        assert isinstance(back, VideoSignal)
        assert item.counts.n_tokens == len(item.streams[0]) > 0
        assert item.streams[0].dtype == np.uint8
        assert (back.header.width, back.header.height) == (signal.header.width, signal.header.height)
        np.testing.assert_array_equal(back.header.frame_seconds, signal.header.frame_seconds)
        error = (frames_of(back) - frames_of(signal)).square().mean()
        assert 10 * torch.log10(255**2 / error) > psnr_db


@pytest.mark.parametrize("codec", ["h264", "av1", "vp9"])
def test_coarser_is_shorter_and_worse(codec: str) -> None:
    signal = clip()
    lengths, errors = [], []
    for crf in (15, 23, 35, 45):
        tokenizer = REGISTRY.open(f"video/codec-bytes:{codec}?crf={crf}")
        (tokens,) = tokenizer.encode([signal])
        (back,) = tokenizer.decode([tokens], [signal.header])  # type: ignore[attr-defined]
        lengths.append(tokens.counts.n_tokens)
        errors.append(float((frames_of(back) - frames_of(signal)).square().mean()))
    assert lengths == sorted(lengths, reverse=True)
    assert errors == sorted(errors)


@pytest.mark.parametrize("codec", ["h264", "av1", "vp9"])
def test_the_same_bytes_every_time(codec: str) -> None:
    tokenizer, signal = REGISTRY.open(codec), clip(width=130, height=98)
    first, again = (tokenizer.encode([signal])[0].streams[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("codec", ["h264", "av1", "vp9"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 64), (641, 361)])
def test_odd_and_tiny_clips(codec: str, size: tuple[int, int]) -> None:
    tokenizer, signal = REGISTRY.open(codec), clip(3, *size)
    if codec == "av1" and min(size) < 4:  # SVT-AV1 takes none smaller
        with pytest.raises(ItemError) as caught:
            tokenizer.encode([signal])
        assert caught.value.reason == "unencodable"
        return
    (tokens,) = tokenizer.encode([signal])
    (back,) = tokenizer.decode([tokens], [signal.header])  # type: ignore[attr-defined]
    assert frames_of(back).shape == (3, 3, size[1], size[0])


@pytest.mark.parametrize("codec", ["h264", "av1", "vp9"])
def test_cut_ids_are_refused(codec: str) -> None:
    tokenizer, signal = REGISTRY.open(codec), clip()
    (tokens,) = tokenizer.encode([signal])
    cut = Tokens.discrete([tokens.streams[0][: len(tokens.streams[0]) // 3]])
    with pytest.raises(ItemError):
        frames_of(tokenizer.decode([cut], [signal.header])[0])  # type: ignore[attr-defined]


@pytest.mark.parametrize("spec", ["h264-crf23?crf=52", "h264-crf23?crf=-1", "av1?crf=64", "vp9?crf=63.5"])
def test_settings_out_of_range_are_refused(spec: str) -> None:
    with pytest.raises(SpecError, match="out of range"):
        REGISTRY.open(spec)
