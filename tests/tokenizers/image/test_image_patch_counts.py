"""Counts of the open rules against transformers' own processors, offline, on random sizes.

The processors are the oracle: they are built from the published checkpoints' settings (the cards name them).
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tokeff.errors import ItemError
from tokeff.records.headers import ImageHeader
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
N_SIZES = 200


def sizes(largest: int, *, ratio: float = 190.0) -> list[tuple[int, int]]:
    """(height, width), even in the logarithm, with ties at halves of the usual factors among them."""
    draw = random.Random(20)
    found: list[tuple[int, int]] = [(1, 1), (14, 42), (28, 70), (48, 80), (16, 16), (112, 336)]
    while len(found) < N_SIZES:
        height, width = (int(largest ** draw.random()) for _ in range(2))
        height, width = (
            (draw.randrange(1, 12) * 14, draw.randrange(1, 12) * 14) if draw.random() < 0.1 else (height, width)
        )
        if max(height, width) <= ratio * min(height, width):
            found.append((height, width))
    return found


def counts(spec: str, pairs: list[tuple[int, int]]) -> list[int]:
    tokenizer: Any = REGISTRY.open(spec)
    return [tokenizer.count(ImageHeader(width=w, height=h, channels=3)).n_tokens for h, w in pairs]


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        ("qwen2-vl", {"min_pixels": 56 * 56, "max_pixels": 16384 * 28 * 28}),
        ("qwen2.5-vl", {"min_pixels": 56 * 56, "max_pixels": 16384 * 28 * 28}),
        ("patch:qwen2-vl?max_pixels=1003520", {}),
        ("patch:qwen2-vl?max_pixels=50176", {"max_pixels": 50176}),
        ("qwen3-vl", {"patch_size": 16, "size": {"shortest_edge": 65536, "longest_edge": 16777216}}),
        (
            "patch:qwen3-vl?min_pixels=4096&max_pixels=1048576",
            {"patch_size": 16, "min_pixels": 4096, "max_pixels": 2**20},
        ),
    ],
)
def test_qwen_counts_equal_the_processor(spec: str, options: dict[str, Any]) -> None:
    from transformers import Qwen2VLImageProcessor

    processor = Qwen2VLImageProcessor(**options)
    pairs = sizes(9000)
    assert counts(spec, pairs) == [processor.get_number_of_image_patches(h, w) // 4 for h, w in pairs]


def test_qwen_counts_equal_the_grid_of_real_pictures() -> None:
    from transformers import Qwen2VLImageProcessor

    pairs = sizes(300)[:40]
    grids = [
        Qwen2VLImageProcessor()(torch.zeros(3, h, w, dtype=torch.uint8), return_tensors="pt").image_grid_thw
        for h, w in pairs
    ]
    assert counts("patch:qwen2-vl?max_pixels=1003520", pairs) == [int(grid.prod()) // 4 for grid in grids]


def test_qwen_example_of_the_measures() -> None:
    assert counts("qwen2-vl", [(480, 640)]) == [391]


def test_qwen_refuses_what_the_processor_refuses() -> None:
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    for height, width in ((1, 200), (10, 2001), (2001, 10)):
        if max(height, width) / min(height, width) > 200:
            with pytest.raises(ValueError, match="aspect ratio"):
                smart_resize(height, width)
            with pytest.raises(ItemError, match="elongated") as refusal:
                counts("qwen2-vl", [(height, width)])
            assert refusal.value.reason == "aspect_ratio"
        else:
            rows, columns = smart_resize(height, width)
            assert counts("qwen2-vl", [(height, width)]) == [rows * columns // 28**2]


@pytest.mark.parametrize("budget", [128, 256, 576, 1024])
def test_naflex_counts_equal_the_processors_search(budget: int) -> None:
    from transformers.models.siglip2.image_processing_siglip2 import get_image_size_for_max_num_patches

    def oracle(height: int, width: int) -> int:
        rows, columns = get_image_size_for_max_num_patches(height, width, 16, budget)
        return int(rows * columns // 16**2)

    pairs = sizes(9000)
    found = counts(f"siglip2-naflex?max_patches={budget}", pairs)
    assert found == [oracle(h, w) for h, w in pairs]
    assert max(found) <= budget


def test_naflex_counts_equal_the_spatial_shapes_of_real_pictures() -> None:
    from transformers import Siglip2ImageProcessor

    pairs = sizes(300)[:40]
    pictures = [torch.zeros(3, h, w, dtype=torch.uint8) for h, w in pairs]
    shapes = Siglip2ImageProcessor(max_num_patches=256)(pictures, return_tensors="pt").spatial_shapes
    assert counts("siglip2-naflex", pairs) == shapes.prod(dim=1).tolist()


def llava_processor(canvases: str) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import LlavaNextImageProcessor, LlavaNextProcessor, PreTrainedTokenizerFast

    words = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"<image>": 0, "?": 1}, unk_token="?")))
    tiles = [name.split("x") for name in canvases.split(",")]
    return LlavaNextProcessor(
        LlavaNextImageProcessor(
            size={"shortest_edge": 336},
            crop_size={"height": 336, "width": 336},
            image_grid_pinpoints=[[int(rows) * 336, int(columns) * 336] for rows, columns in tiles],
        ),
        words,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


@pytest.mark.parametrize("canvases", ["1x2,2x1,2x2,3x1,1x3", "2x2,1x2,2x1,3x3,1x1"])
def test_llava_next_counts_equal_the_processor(canvases: str) -> None:
    pairs = [*sizes(9000), (1, 5000), (5000, 1), (3, 9000)]
    oracle = llava_processor(canvases)._get_num_multimodal_tokens(image_sizes=pairs)["num_image_tokens"]
    assert counts(f"llava-next?canvases={canvases}", pairs) == oracle


def test_llava_next_card_has_the_processors_own_canvases() -> None:
    from transformers import LlavaNextImageProcessor

    names = tuple(f"{h // 336}x{w // 336}" for h, w in LlavaNextImageProcessor().image_grid_pinpoints)
    assert REGISTRY.card("llava-next").parameters["canvases"] == names


@pytest.mark.parametrize("bounds", ["", "?max_tiles=6", "?min_tiles=2&max_tiles=4", "?max_tiles=1"])
def test_internvl_counts_equal_the_processor(bounds: str) -> None:
    from transformers import GotOcr2ImageProcessor

    options: dict[str, int] = {"crop_to_patches": True}
    numbers = dict(pair.split("=") for pair in bounds.lstrip("?").split("&") if pair)
    options |= {name.replace("tiles", "patches"): int(value) for name, value in numbers.items()}
    processor = GotOcr2ImageProcessor(size={"height": 448, "width": 448})
    pairs = [*sizes(9000), *((side, side) for side in range(100, 1400, 20))]  # squares tie between 1x1, 2x2, 3x3
    oracle = [256 * processor.get_number_of_image_patches(h, w, options) for h, w in pairs]
    assert counts(f"internvl{bounds}", pairs) == oracle


def vit(side: int) -> Any:
    from transformers import ViTImageProcessor

    return ViTImageProcessor(size={"height": side, "width": side})


def siglip(side: int) -> Any:
    from transformers import SiglipImageProcessor

    return SiglipImageProcessor(size={"height": side, "width": side})


def clip(side: int) -> Any:
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})


def dinov2(side: int) -> Any:
    from transformers import BitImageProcessor

    edge = 256 if side == 224 else side
    return BitImageProcessor(size={"shortest_edge": edge}, crop_size={"height": side, "width": side})


@pytest.mark.parametrize(
    ("name", "make", "side", "patch", "expected"),
    [
        ("vit-b16-224", vit, 224, 16, 196),
        ("vit-b16-384", vit, 384, 16, 576),
        ("vit-l14-224", clip, 224, 14, 256),
        ("vit-l14-336", clip, 336, 14, 576),
        ("siglip-b16-224", siglip, 224, 16, 196),
        ("siglip-so400m-14-384", siglip, 384, 14, 729),
        ("dinov2-l14-224", dinov2, 224, 14, 256),
        ("dinov2-l14-518", dinov2, 518, 14, 1369),
    ],
)
def test_fixed_counts_follow_from_the_processors_square(
    name: str, make: Callable[[int], Any], side: int, patch: int, expected: int
) -> None:
    pairs = sizes(160, ratio=8)
    pictures = [torch.zeros(3, h, w, dtype=torch.uint8) for h, w in pairs[:40]]
    height, width = make(side)(pictures, return_tensors="pt").pixel_values.shape[-2:]
    assert (height // patch) * (width // patch) == expected
    assert counts(name, sizes(9000)) == [expected] * N_SIZES
