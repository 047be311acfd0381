"""Measurements built by hand: known bytes per token, intervals and speeds; and plans of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tokeff.planner.plan import make_plan
from tokeff.planner.request import Scenario, Settings
from tokeff.records.items import Modality
from tokeff.records.measurements import Estimate, Measurement
from tokeff.records.plans import Figure, Plan, ScenarioPlan

Build = Callable[..., Measurement]


def build(
    modality: Modality = "text",
    tokenizer: str = "bpe",
    *,
    bytes_per_token: float = 4.0,
    stored_per_raw: float = 1.0,
    n_tokens: int = 1_000_000,
    half_width: float | None = 0.03,
    n_items: int = 40,
    vocab_size: int | None = 50_000,
    speed: float | None = 10.0,
    density: Mapping[str, float] | None = None,
    reconstruction: Mapping[str, Any] | None = None,
) -> Measurement:
    def ratio(value: float) -> Estimate:
        if half_width is None:
            return Estimate(value=value, low=None, high=None)
        return Estimate(value=value, low=value * (1 - half_width), high=value * (1 + half_width))

    raw = round(bytes_per_token * n_tokens)
    rates = {"median": speed, "q1": speed * 0.8, "q3": speed * 1.25} if speed else {}
    return Measurement(
        modality=modality,
        tokenizer=tokenizer,
        family="family",
        card_sha256="0" * 64,
        device="cpu",
        dtype="float32",
        n_items=n_items,
        n_errors=0,
        stored_bytes=round(raw * stored_per_raw),
        raw_bytes=raw,
        n_tokens=n_tokens,
        n_positions=n_tokens,
        vocab_size=vocab_size,
        codebook_sizes=(vocab_size,) if vocab_size else (),
        coverage="census",
        counted="encoded",
        bytes_per_token=ratio(bytes_per_token),
        stored_bytes_per_token=ratio(bytes_per_token * stored_per_raw),
        tokens_per_byte=1 / bytes_per_token,
        rate_bits_per_byte=None,
        density=density or {},
        reconstruction=reconstruction or {},
        throughput={"encode": {"seconds": 2.0, "raw_megabytes_per_second": rates}} if speed else {},
        absent={} if half_width is not None else {"ci.bytes_per_token.low": "too_few_items"},
    )


def _value(figure: Figure) -> float:
    assert figure.value is not None, figure.absent
    return figure.value


def _one(plan: Plan) -> ScenarioPlan:
    return plan.scenarios[0]


def _planned(mixed: Sequence[Measurement], settings: Settings | None = None, **scenario: object) -> ScenarioPlan:
    return _one(make_plan(mixed, [Scenario(**scenario)], settings))  # type: ignore[arg-type]


@pytest.fixture
def value() -> Callable[[Figure], float]:
    """The number of a figure that has one."""
    return _value


@pytest.fixture
def one() -> Callable[[Plan], ScenarioPlan]:
    """The first scenario."""
    return _one


@pytest.fixture
def planned() -> Callable[..., ScenarioPlan]:
    """The plan of measurements for one scenario."""
    return _planned


@pytest.fixture
def measured() -> Build:
    return build


@pytest.fixture
def mixed() -> Sequence[Measurement]:
    """Text by two tokenizers, pictures, sound and video of 30 frames a second, compressed 200-fold."""
    return (
        build(),
        build(tokenizer="bytes", bytes_per_token=1.0, n_tokens=4_000_000, half_width=0.0, vocab_size=256),
        build("image", "patch", bytes_per_token=2500.0, stored_per_raw=0.5, n_tokens=10_000, vocab_size=None),
        build("audio", "codec", bytes_per_token=20.0, n_tokens=300_000, density={"token_rate_hz": 3000.0}),
        build(
            "video",
            "frames",
            bytes_per_token=40_000.0,
            stored_per_raw=0.005,
            n_tokens=9_000,
            half_width=None,
            n_items=5,
            vocab_size=None,
            density={"token_rate_hz": 360.0, "tokens_per_frame": 12.0},
        ),
    )
