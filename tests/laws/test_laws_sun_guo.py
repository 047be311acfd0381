"""What Sun & Guo's law implies: unit elasticities, P/k, equal spending, invariance to the unit up to a constant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokeff import laws
from tokeff.errors import LawError
from tokeff.laws import sun_guo
from tokeff.laws.definition import Law, Parameter

SETTING = sun_guo.Setting(
    n_parameters=1e9,
    n_bytes={"text": 4e12, "image": 9e13, "audio": 2e12},
    bytes_per_token={"text": 4.2, "image": 768.0, "audio": 640.0},
)
factors = st.floats(1e-3, 1e3)


def scaled(setting: sun_guo.Setting, modality: str, factor: float) -> sun_guo.Setting:
    n_bytes = {**setting.n_bytes, modality: setting.n_bytes[modality] * factor}
    return sun_guo.Setting(n_parameters=setting.n_parameters, n_bytes=n_bytes, bytes_per_token=setting.bytes_per_token)


@given(factor=factors, modality=st.sampled_from(["text", "image", "audio"]))
def test_more_tokens_allow_a_smaller_model(factor: float, modality: str) -> None:
    grown = scaled(SETTING, modality, factor)
    size = float(sun_guo.parameters_at_equal_performance(SETTING.n_parameters, factor))
    assert size == pytest.approx(SETTING.n_parameters / factor)
    smaller = sun_guo.Setting(n_parameters=size, n_bytes=grown.n_bytes, bytes_per_token=grown.bytes_per_token)
    assert sun_guo.difference(smaller, SETTING) == pytest.approx(0, abs=1e-9)
    assert sun_guo.difference(grown, SETTING, alpha=2.0) == pytest.approx(2 * np.log(factor), abs=1e-9)


@given(unit=factors)
def test_the_unit_of_bytes_is_only_a_constant(unit: float) -> None:
    def in_unit(setting: sun_guo.Setting) -> sun_guo.Setting:
        return sun_guo.Setting(
            n_parameters=setting.n_parameters,
            n_bytes={name: value * unit for name, value in setting.n_bytes.items()},
            bytes_per_token=setting.bytes_per_token,
        )

    other = scaled(SETTING, "image", 3.0)
    assert sun_guo.score(in_unit(SETTING)) - sun_guo.score(SETTING) == pytest.approx(3 * np.log(unit), abs=1e-9)
    assert sun_guo.difference(in_unit(other), in_unit(SETTING)) == pytest.approx(
        sun_guo.difference(other, SETTING), abs=1e-9
    )


@given(shares=st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
def test_equal_spending_is_best_whatever_the_tokenizers(shares: list[float]) -> None:
    prices = {"text": 1e-9, "image": 3e-11, "audio": 2e-10}
    best = sun_guo.equal_spend(900.0, prices)
    assert [best[name] * prices[name] for name in prices] == pytest.approx([300.0] * 3)
    other = {name: 900.0 * share / sum(shares) / prices[name] for name, share in zip(prices, shares, strict=True)}
    at_best, at_other = (
        sun_guo.Setting(n_parameters=1e9, n_bytes=split, bytes_per_token=SETTING.bytes_per_token)
        for split in (best, other)
    )
    assert sun_guo.difference(at_best, at_other) >= -1e-9


def test_the_law_s_form_agrees_and_has_unit_elasticities() -> None:
    law = Law(
        name="mine",
        form="log-product",
        title="t",
        status="refitted",
        source="here",
        parameters={"alpha": Parameter(value=0.3), "eps": Parameter(value=-5.0)},
    )
    inputs = {f"{name}_tokens": n for name, n in SETTING.n_tokens().items()} | {"n_parameters": SETTING.n_parameters}
    assert float(law.predict(inputs).value) == pytest.approx(sun_guo.score(SETTING, alpha=0.3, eps=-5.0))
    elasticities = law.elasticities(inputs)
    assert set(elasticities) == set(sun_guo.elasticities(SETTING)) == set(inputs)
    assert [float(value) / 0.3 for value in elasticities.values()] == pytest.approx([1.0] * 4)


def test_nothing_is_undefined_quietly() -> None:
    with pytest.raises(LawError, match="n_bytes of text must be positive"):
        sun_guo.Setting(n_parameters=1e9, n_bytes={"text": 0.0}, bytes_per_token={"text": 4.0})
    with pytest.raises(LawError, match="same modalities"):
        sun_guo.Setting(n_parameters=1e9, n_bytes={"text": 1.0}, bytes_per_token={"image": 4.0})
    text = sun_guo.Setting(n_parameters=1e9, n_bytes={"text": 1e9}, bytes_per_token={"text": 4.0})
    with pytest.raises(LawError, match="undefined where a modality has no token"):
        sun_guo.difference(SETTING, text)
    with pytest.raises(LawError, match="no modality has a price"):
        sun_guo.equal_spend(1.0, {})
    with pytest.raises(LawError, match="no modality is named"):
        laws.load("sun-guo-2024").bound_form(["n_parameters", "n_training_tokens"])
