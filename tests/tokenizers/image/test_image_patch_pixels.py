"""Patches and back: counts of real encodings, pixels against transformers' processors, exact round trips, sizes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.records.headers import ImageHeader
from tokeff.records.signals import ImageSignal
from tokeff.tokenizers.image import patch
from tokeff.tokenizers.image.pixels import pictures_of
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
PATCH_CARDS = sorted(
    card.name for card in REGISTRY.cards.values() if (card.modality, card.family) == ("image", "patch")
)
DRAWN = [name for name in PATCH_CARDS if name != "gemini"]


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> ImageSignal:
    """A smooth slope with noise on it."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    slope = (y / height + x / width) * 90
    pixels = np.clip(slope + draw.normal(40, 12, (channels, height, width)), 0, 255).astype(np.uint8)
    header = ImageHeader(width=width, height=height, channels=3 if channels == 3 else 1)
    return ImageSignal(header=header, pixels=torch.from_numpy(pixels))


def round_trip(tokenizer: Any, signals: list[ImageSignal]) -> list[Tensor]:
    decoded = tokenizer.decode(tokenizer.encode(signals), [signal.header for signal in signals])
    return [signal.pixels for signal in decoded]


@given(
    name=st.sampled_from(PATCH_CARDS),
    sides=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    channels=st.sampled_from([1, 3]),
)
@settings(deadline=None, max_examples=120)
def test_encoding_yields_what_the_header_promises(name: str, sides: tuple[int, int], channels: int) -> None:
    tokenizer: Any = REGISTRY.open(name)
    signal = picture(*sides, channels)
    if refused(lambda: tokenizer.count(signal.header)):
        assert refused(lambda: tokenizer.encode([signal]))
        return
    (tokens,) = tokenizer.encode([signal])
    assert tokens.counts == tokenizer.count(signal.header)
    assert tokens.grid is None or tokens.grid[0] * tokens.grid[1] == tokens.counts.n_tokens
    if tokens.payload is not None:
        for view, patches in zip(tokens.payload.layout.views, tokens.payload.views, strict=True):
            assert patches.shape == (*view.grid, 3, view.patch, view.patch)
            assert patches.dtype == torch.uint8


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except ItemError as error:
        return error.reason == "aspect_ratio"
    return False


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("sides", [(1, 1), (37, 53), (300, 200), (64, 640)])
@pytest.mark.parametrize("channels", [1, 3])
def test_reconstructions_have_the_original_shape(name: str, sides: tuple[int, int], channels: int) -> None:
    signal = picture(*sides, channels)
    (pixels,) = round_trip(REGISTRY.open(name), [signal])
    assert pixels.shape == signal.pixels.shape
    assert pixels.dtype == torch.uint8


@pytest.mark.parametrize(
    ("spec", "sides"),
    [
        ("vit-b16-224", (224, 224)),
        ("vit-l14-336", (336, 336)),
        ("qwen2-vl", (280, 420)),
        ("qwen3-vl", (256, 320)),
        ("claude", (100, 333)),
        ("gpt-4o", (500, 700)),
        ("gpt-4.1-mini", (333, 77)),
        ("internvl", (448, 896)),
        ("llava-next", (672, 336)),
        ("siglip2-naflex", (256, 256)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_aligned_pictures_come_back_exactly(spec: str, sides: tuple[int, int], channels: int) -> None:
    signal = picture(*sides, channels)
    (pixels,) = round_trip(REGISTRY.open(spec), [signal])
    assert torch.equal(pixels, signal.pixels)


@pytest.mark.parametrize("name", ["qwen2-vl", "llava-next", "internvl", "claude", "gpt-4o"])
def test_smooth_pictures_survive_resizing(name: str) -> None:
    y, x = torch.meshgrid(torch.linspace(0, 200, 310), torch.linspace(0, 55, 410), indexing="ij")
    pixels = (y + x).round().to(torch.uint8).expand(3, -1, -1).contiguous()
    signal = ImageSignal(header=ImageHeader(width=410, height=310, channels=3), pixels=pixels)
    (back,) = round_trip(REGISTRY.open(name), [signal])
    assert int((back.int() - pixels.int()).abs().max()) <= 2


def test_cropped_borders_repeat_the_nearest_pixel_that_was_seen() -> None:
    tokenizer = REGISTRY.open("vit-l14-224")
    signal = picture(224, 448)
    (pixels,) = round_trip(tokenizer, [signal])
    assert torch.equal(pixels[:, :, 112:336], signal.pixels[:, :, 112:336])
    assert torch.equal(pixels[:, :, :112], signal.pixels[:, :, 112:113].expand(-1, -1, 112))
    assert torch.equal(pixels[:, :, 336:], signal.pixels[:, :, 335:336].expand(-1, -1, 112))


def test_batches_of_mixed_shapes_equal_single_pictures_in_order() -> None:
    tokenizer: Any = REGISTRY.open("qwen2-vl")
    signals = [
        picture(*sides, channels, seed)
        for seed, (sides, channels) in enumerate([((60, 90), 3), ((90, 60), 1), ((60, 90), 3), ((60, 90), 1)])
    ]
    together = tokenizer.encode(signals)
    for signal, tokens in zip(signals, together, strict=True):
        (alone,) = tokenizer.encode([signal])
        assert torch.equal(tokens.payload.views[0], alone.payload.views[0])
    for signal, pixels in zip(signals, round_trip(tokenizer, signals), strict=True):
        assert torch.equal(pixels, round_trip(tokenizer, [signal])[0])


def test_bounded_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer: Any = REGISTRY.open("llava-next")
    signals = [picture(60, 90, seed=seed) for seed in range(5)]
    at_once = round_trip(tokenizer, signals)
    monkeypatch.setattr(patch, "BATCH_BYTES", 4_000_000)  # two pictures with their tiles
    assert all(torch.equal(one, other) for one, other in zip(at_once, round_trip(tokenizer, signals), strict=True))
    monkeypatch.setattr(patch, "BATCH_BYTES", 1)
    assert all(torch.equal(one, other) for one, other in zip(at_once, round_trip(tokenizer, signals), strict=True))


def test_large_reductions_to_one_pixel() -> None:
    tokenizer: Any = REGISTRY.open("vit-b16-224")
    (tokens,) = tokenizer.encode([picture(9000, 3)])
    (tiny,) = tokenizer.decode([tokens], [ImageHeader(width=1, height=1, channels=3)])
    assert tiny.pixels.shape == (3, 1, 1)


def test_nothing_in_nothing_out() -> None:
    tokenizer: Any = REGISTRY.open("qwen2-vl")
    assert tokenizer.encode([]) == []
    assert tokenizer.decode([], []) == []


RAW = {"do_rescale": False, "do_normalize": False}


def raw_processor(name: str) -> Any:
    import transformers as hf

    square = {"height": 384, "width": 384}
    made = {
        "vit-b16-384": lambda: hf.ViTImageProcessor(size=square, **RAW),
        "siglip-so400m-14-384": lambda: hf.SiglipImageProcessor(size=square, **RAW),
        "vit-l14-224": lambda: hf.CLIPImageProcessor(**RAW),
        "dinov2-l14-224": lambda: hf.BitImageProcessor(size={"shortest_edge": 256}, **RAW),
    }
    return made[name]()


@pytest.mark.parametrize("name", ["vit-b16-384", "siglip-so400m-14-384", "vit-l14-224", "dinov2-l14-224"])
@pytest.mark.parametrize("sides", [(1, 1), (97, 130), (500, 333), (225, 701)])
def test_square_pixels_equal_the_processor(name: str, sides: tuple[int, int]) -> None:
    signal = picture(*sides)
    expected = raw_processor(name)(signal.pixels, return_tensors="pt").pixel_values[0]
    (tokens,) = REGISTRY.open(name).encode([signal])
    patches, view = tokens.payload.views[0], tokens.payload.layout.views[0]
    rows, columns = view.canvas
    joined = patches.permute(2, 0, 3, 1, 4).reshape(3, rows, columns)
    assert torch.equal(joined, expected[:, :rows, :columns].to(torch.uint8))


@pytest.mark.parametrize("sides", [(1, 1), (97, 130), (480, 640), (30, 700)])
def test_qwen_pixels_equal_the_processor(sides: tuple[int, int]) -> None:
    from transformers import Qwen2VLImageProcessor

    signal = picture(*sides)
    flat = Qwen2VLImageProcessor(**RAW)(signal.pixels, return_tensors="pt").pixel_values
    (tokens,) = REGISTRY.open("patch:qwen2-vl?max_pixels=1003520").encode([signal])
    patches = tokens.payload.views[0]
    rows, columns = patches.shape[0] // 2, patches.shape[1] // 2
    merged = patches.view(rows, 2, columns, 2, 3, 14, 14).permute(0, 2, 1, 3, 4, 5, 6).reshape(-1, 3, 14, 14)
    assert torch.equal(merged, flat.view(-1, 3, 2, 14, 14)[:, :, 0].to(torch.uint8))


@pytest.mark.parametrize("sides", [(1, 1), (97, 130), (480, 640)])
def test_naflex_pixels_equal_the_processor(sides: tuple[int, int]) -> None:
    from transformers import Siglip2ImageProcessor

    signal = picture(*sides)
    flat = Siglip2ImageProcessor(**RAW)(signal.pixels, return_tensors="pt").pixel_values[0]
    (tokens,) = REGISTRY.open("siglip2-naflex").encode([signal])
    patches = tokens.payload.views[0].permute(0, 1, 3, 4, 2).reshape(tokens.counts.n_tokens, -1)
    assert torch.equal(patches, flat[: tokens.counts.n_tokens].to(torch.uint8))


@pytest.mark.parametrize("sides", [(97, 130), (900, 640), (200, 1000)])
def test_tiled_pixels_equal_the_processors(sides: tuple[int, int]) -> None:
    from transformers import GotOcr2ImageProcessor, LlavaNextImageProcessor

    signal = picture(*sides)
    square = {"height": 336, "width": 336}
    llava = LlavaNextImageProcessor(size={"shortest_edge": 336}, crop_size=square, **RAW)
    internvl = GotOcr2ImageProcessor(size={"height": 448, "width": 448}, crop_to_patches=True, **RAW)
    overview_first = llava(signal.pixels, return_tensors="pt").pixel_values[0].to(torch.uint8)
    assert torch.equal(tiles_of("llava-next", signal, 336), torch.cat([overview_first[1:], overview_first[:1]]))
    thumbnail_last = internvl(signal.pixels, return_tensors="pt").pixel_values.to(torch.uint8)
    assert torch.equal(tiles_of("internvl", signal, 448), thumbnail_last)


def tiles_of(name: str, signal: ImageSignal, side: int) -> Tensor:
    """[n, 3, side, side]: the views of a tokenizer, cut into the tiles that a processor stacks."""
    tokenizer: Any = REGISTRY.open(name)
    (tokens,) = tokenizer.encode([signal])
    found = []
    for patches, view in zip(tokens.payload.views, tokens.payload.layout.views, strict=True):
        plain = type(view)(resized=view.canvas, canvas=view.canvas, patch=view.patch)
        canvas = pictures_of(patches[None], plain, view.canvas, 3, "bicubic")[0]
        found.append(
            canvas.unfold(1, side, side).unfold(2, side, side).permute(1, 2, 0, 3, 4).reshape(-1, 3, side, side)
        )
    return torch.cat(found)


@pytest.mark.cuda
@pytest.mark.parametrize("name", DRAWN)
def test_cuda_agrees_with_the_cpu(name: str, cuda: str) -> None:
    # The last is reduced more than the antialiasing kernel of CUDA can.
    signals = [picture(300, 200), picture(64, 640, 1), picture(1, 1), picture(2000, 1500), picture(12_000, 90)]
    on_cpu, on_cuda = REGISTRY.open(name), REGISTRY.open(name, device=cuda)
    encoded = on_cuda.encode(signals)
    assert [tokens.counts for tokens in encoded] == [tokens.counts for tokens in on_cpu.encode(signals)]
    assert all(view.device.type == "cuda" for tokens in encoded for view in tokens.payload.views)
    for one, other in zip(round_trip(on_cpu, signals), round_trip(on_cuda, signals), strict=True):
        assert one.shape == other.shape
        assert float((one.float() - other.float()).abs().mean()) < 1.0
