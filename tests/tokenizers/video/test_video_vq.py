"""Emu3VQVAE over time, small and random: ids and frames equal direct calls of transformers' class."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import ArtefactInvalid, ItemError, SpecError
from tokeff.records.headers import VideoHeader
from tokeff.records.signals import VideoSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import CountsFromHeader
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
N_CODES = 64


@dataclass(frozen=True)
class Held:
    """Frames in memory."""

    pixels: Tensor
    n_chunk: int = 5

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        yield from torch.split(self.pixels if indices is None else self.pixels[list(indices)], self.n_chunk)


def clip(n_frames: int, height: int = 32, width: int = 48, n_chunk: int = 5) -> VideoSignal:
    """A smooth field that drifts."""
    coarse = torch.rand(1, 3, 7, 14, generator=torch.Generator().manual_seed(n_frames))
    field = torch.nn.functional.interpolate(coarse, (height, 2 * width + n_frames), mode="bilinear")[0] * 255
    frames = torch.stack([field[:, :, i : i + width] for i in range(n_frames)]).to(torch.uint8)
    header = VideoHeader.regular(width=width, height=height, n_frames=n_frames, frame_rate_hz=8)
    return VideoSignal(header=header, source=Held(frames, n_chunk))


def whole(signal: VideoSignal) -> Tensor:
    return torch.cat(list(signal.source.frames()))


@pytest.fixture(scope="module")
def network() -> Any:
    """Some hundred thousand parameters; its codes are latents of a noisy clip, so that many are used."""
    from transformers import Emu3VQVAE, Emu3VQVAEConfig

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        config = Emu3VQVAEConfig(
            base_channels=32,
            num_res_blocks=1,
            embed_dim=4,
            codebook_size=N_CODES,
            latent_channels=4,
            hidden_size=64,
            channel_multiplier=[1, 2],
            attn_resolutions=[1],
            temporal_downsample_factor=4,
        )
        made = Emu3VQVAE(config)
        latents = made.encoder(torch.rand(2, 8, 3, 32, 32) * 2 - 1).permute(0, 2, 1, 3, 4)
        rows = made.quant_conv(latents).permute(0, 2, 3, 4, 1).flatten(0, 3)
        made.quantize.embedding.weight.copy_(rows[torch.randperm(len(rows))[:N_CODES]])
    return made


@pytest.fixture(scope="module")
def saved(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("emu3")
    network.save_pretrained(root)
    return root


def direct(network: Any, frames: Tensor, window: int) -> Tensor:
    """The model's own answer on whole windows: [times, rows, columns]."""
    pixels = (frames / 255 - 0.5) / 0.5
    sizes = torch.tensor([frames.shape[2:]] * (len(frames) // window))
    with torch.no_grad():
        found = network.encode(pixels.view(-1, window, *pixels.shape[1:]), sizes).image_tokens
    # `image_tokens` are cut to image_sizes along what is the time axis of a clip: none here is that long.
    return torch.cat(list(found))


@pytest.mark.parametrize("window", [4, 8])
@pytest.mark.parametrize("n_chunk", [3, 64])
def test_ids_equal_a_direct_call(network: Any, saved: Path, window: int, n_chunk: int) -> None:
    tokenizer: Any = REGISTRY.open(f"video/vq:{saved}?fit=pad&window={window}")
    signal = clip(24, n_chunk=n_chunk)
    (tokens,) = tokenizer.encode([signal])
    expected = direct(network, whole(signal), window)
    assert tokens.grid == (6, 16, 24) == tuple(expected.shape)
    np.testing.assert_array_equal(tokens.streams[0], expected.numpy().ravel())
    assert len(set(tokens.streams[0].tolist())) > 8
    assert tokenizer.codebook_sizes == (N_CODES,)


def test_the_window_of_the_model_is_the_default(saved: Path) -> None:
    signal = clip(12)
    plain, named = (REGISTRY.open(f"video/vq:{saved}?fit=pad{more}") for more in ("", "&window=4"))
    np.testing.assert_array_equal(plain.encode([signal])[0].streams[0], named.encode([signal])[0].streams[0])


def test_an_unfinished_window_is_filled_with_its_last_frame(network: Any, saved: Path) -> None:
    tokenizer = REGISTRY.open(f"video/vq:{saved}?fit=pad")
    signal = clip(10)
    frames = whole(signal)
    filled = torch.cat([frames, frames[-1:], frames[-1:]])
    (tokens,) = tokenizer.encode([signal])
    np.testing.assert_array_equal(tokens.streams[0], direct(network, filled, 4).numpy().ravel())


def test_a_small_batch_gives_the_same_ids(saved: Path) -> None:
    tokenizer: Any = REGISTRY.open(f"video/vq:{saved}?fit=pad")
    signal = clip(24)
    (together,) = tokenizer.encode([signal])
    tokenizer.windows.max_pixels = 1
    (alone,) = tokenizer.encode([signal])
    np.testing.assert_array_equal(together.streams[0], alone.streams[0])


def test_decoding_equals_a_direct_call(network: Any, saved: Path) -> None:
    tokenizer: Any = REGISTRY.open(f"video/vq:{saved}?fit=pad")
    signal = clip(22)
    (tokens,) = tokenizer.encode([signal])
    (copy,) = tokenizer.decode([tokens], [signal.header])
    ids = torch.from_numpy(tokens.streams[0]).long().view(-1, 1, *tokens.grid[1:])
    with torch.no_grad():
        pixels = network.decode(ids).flatten(0, 1)[:22]
    expected = ((pixels * 0.5 + 0.5) * 255).round().clamp(0, 255)
    found = whole(copy)
    assert int((found.int() - expected.int()).abs().max()) <= 1
    tokenizer.windows.max_pixels = 2 * 32 * 48
    picked = torch.cat(list(copy.source.frames([0, 3, 9, 10, 21])))
    assert int((picked.int() - found[[0, 3, 9, 10, 21]].int()).abs().max()) <= 1


def test_sampled_frames_and_those_between(network: Any, saved: Path) -> None:
    tokenizer: Any = REGISTRY.open(f"video/vq:{saved}?fit=pad&sampler=uniform=8&between=linear")
    signal = clip(29)
    places = list(range(0, 29, 4))
    (tokens,) = tokenizer.encode([signal])
    assert tokens.counts == tokenizer.count(signal.header)
    np.testing.assert_array_equal(tokens.streams[0], direct(network, whole(signal)[places], 4).numpy().ravel())
    frames = whole(tokenizer.decode([tokens], [signal.header])[0])
    middle = frames[places].float().unfold(0, 2, 1).mean(-1)
    assert float((frames[[place + 2 for place in places[:-1]]].float() - middle).abs().max()) <= 0.5


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 30), st.integers(8, 70), st.integers(8, 70))
def test_counts_from_headers_are_those_of_encoding(saved: Path, n_frames: int, height: int, width: int) -> None:
    tokenizer = REGISTRY.open(f"video/vq:{saved}?fit=pad&sampler=fps=4")
    signal = clip(n_frames, height, width)
    assert isinstance(tokenizer, CountsFromHeader)
    assert tokenizer.encode([signal])[0].counts == tokenizer.count(signal.header)


def test_own_sizes_are_undone(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "model")
    settings: dict[str, Any] = {"min_pixels": 48 * 48, "max_pixels": 64 * 64, "rescale_factor": 1 / 255}
    settings |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (tmp_path / "model" / "preprocessor_config.json").write_text(json.dumps(settings))
    tokenizer: Any = REGISTRY.open(f"video/vq:{tmp_path / 'model'}")
    signal = clip(2, 30, 45)
    (tokens,) = tokenizer.encode([signal])
    assert tokens.counts.n_tokens * 4 >= 48 * 48  # stride 2 along each side
    (copy,) = tokenizer.decode([tokens], [signal.header])
    assert whole(copy).shape == (2, 3, 30, 45)


def test_the_name_alone_is_that_of_pictures(saved: Path) -> None:
    assert REGISTRY.open(f"vq:{saved}").card.modality == "image"
    assert REGISTRY.open(f"video/vq:{saved}").card.modality == "video"


def test_what_is_refused(saved: Path) -> None:
    with pytest.raises(SpecError, match="windows of so many frames"):
        REGISTRY.open(f"video/vq:{saved}?window=6")
    with pytest.raises(ArtefactInvalid, match="single pictures"):
        REGISTRY.open(f"video/vq:{files('tokenizers_registry')}/image/fsq-s8-1200.safetensors")
    tokenizer: Any = REGISTRY.open(f"video/vq:{saved}?fit=pad")
    signal = clip(4)
    (tokens,) = tokenizer.encode([signal])
    cut = Tokens.discrete([tokens.streams[0][:-1]], payload=tokens.payload)
    with pytest.raises(ItemError, match="not the ids of a clip"):
        tokenizer.decode([cut], [signal.header])


@pytest.mark.cuda
def test_ids_of_a_gpu_are_those_of_the_cpu(cuda: str, saved: Path) -> None:
    signal = clip(24)
    here, there = (REGISTRY.open(f"video/vq:{saved}?fit=pad", device=device) for device in ("cpu", cuda))
    a, b = (each.encode([signal])[0].streams[0] for each in (here, there))
    assert float((a == b).mean()) > 0.99
