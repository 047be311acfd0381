"""Finite scalar quantisation: digits and ids are one another's inverse, levels are used evenly, gradients flow."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff.errors import ArtefactInvalid, SpecError
from tokeff.tokenizers.image.fsq.config import FsqConfig, levels_for
from tokeff.tokenizers.image.fsq.quantise import digits_of, digits_of_ids, ids_of, straight_through, values_of

LEVELS = st.lists(st.integers(2, 8), min_size=1, max_size=6).map(tuple)


@given(levels=LEVELS, seed=st.integers(0, 99))
def test_ids_and_digits_are_inverse(levels: tuple[int, ...], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    digits = torch.stack([torch.randint(0, size, (2, 3, 5), generator=generator) for size in levels], dim=1)
    ids = ids_of(digits, levels)
    assert 0 <= int(ids.min()) <= int(ids.max()) < math.prod(levels)
    assert torch.equal(digits_of_ids(ids, levels), digits)


@given(levels=LEVELS)
@settings(max_examples=30)
def test_every_id_has_its_digits(levels: tuple[int, ...]) -> None:
    ids = torch.arange(min(math.prod(levels), 5000)).view(1, -1, 1)
    assert torch.equal(ids_of(digits_of_ids(ids, levels), levels), ids)


@pytest.mark.parametrize("level", [2, 3, 4, 5, 8])
def test_normal_latents_use_all_levels_evenly(level: int) -> None:
    """The point of the sigmoid's steepness (iFSQ, arXiv 2601.17124): 1.6 is near the normal distribution function."""
    latents = torch.randn(1, 1, 400, 400, generator=torch.Generator().manual_seed(0))
    shares = torch.bincount(digits_of(latents, [level]).flatten(), minlength=level) / 160_000
    assert shares.max() / shares.min() < 1.25


@given(levels=LEVELS, seed=st.integers(0, 99))
@settings(max_examples=30)
def test_values_are_the_middles_of_equal_parts(levels: tuple[int, ...], seed: int) -> None:
    latents = 3 * torch.randn(1, len(levels), 4, 4, generator=torch.Generator().manual_seed(seed))
    digits = digits_of(latents, levels)
    bounded = 2 * torch.sigmoid(1.6 * latents) - 1
    half_part = 1 / torch.tensor(levels).view(1, -1, 1, 1)
    assert ((values_of(digits, levels) - bounded).abs() <= half_part + 1e-5).all()


def test_gradients_pass_through_the_rounding() -> None:
    latents = torch.linspace(-2, 2, 50, dtype=torch.float64).view(1, 2, 5, 5).requires_grad_()
    (gradient,) = torch.autograd.grad(straight_through(latents, (5, 4)).sum(), latents)
    s = torch.sigmoid(1.6 * latents.detach())
    torch.testing.assert_close(gradient, 2 * 1.6 * s * (1 - s))


def test_extreme_latents_have_the_outer_digits() -> None:
    latents = torch.tensor([-1e4, 1e4, float("inf")]).view(1, 1, 1, 3)
    assert digits_of(latents, [5]).flatten().tolist() == [0, 4, 4]


@given(n_codes=st.integers(2, 70_000))
@settings(max_examples=60)
def test_levels_for_any_number_of_codes(n_codes: int) -> None:
    levels = levels_for(n_codes)
    assert n_codes * 0.6 <= math.prod(levels) <= n_codes
    assert list(levels) == sorted(levels, reverse=True)


def test_bits_per_pixel_are_those_of_the_codes() -> None:
    config = FsqConfig(levels=(5, 5, 4, 4, 3), stride=8)
    assert config.n_codes == 1200
    assert config.bits_per_pixel == pytest.approx(math.log2(1200) / 64)
    assert FsqConfig.from_json(config.to_json(), "here") == config


@pytest.mark.parametrize(
    "wrong",
    [
        {"levels": ()},
        {"levels": (1, 5)},
        {"levels": (8,) * 8},
        {"levels": (4,), "stride": 3},
        {"levels": (4,), "width": 0},
        {"levels": (4.0,)},
    ],
)
def test_what_cannot_be_built_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        FsqConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"levels": [4]}', "[]", FsqConfig(levels=(4,)).to_json().replace("8", "7")]
)
def test_an_unreadable_configuration(text: str) -> None:
    with pytest.raises(ArtefactInvalid, match="here"):
        FsqConfig.from_json(text, "here")
