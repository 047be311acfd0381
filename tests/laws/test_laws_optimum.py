"""Compute optima against closed forms and brute force; inverse problems against the law itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokeff import laws
from tokeff.errors import LawError
from tokeff.laws.definition import Law, Parameter
from tokeff.laws.forms.power import Additive
from tokeff.laws.optimum import _search, _trade


def additive(alpha: float, beta: float, **changes: object) -> Law:
    numbers = {"E": 1.7, "A": 400.0, "B": 900.0, "alpha": alpha, "beta": beta}
    parameters = {name: Parameter(value=value) for name, value in numbers.items()}
    plain: dict[str, object] = {"accounting": "dense", **changes}
    return Law(
        name="mine",
        form="additive",
        title="t",
        status="refitted",
        source="here",
        parameters=parameters,
        **plain,  # type: ignore[arg-type]
    )


@given(alpha=st.floats(0.1, 0.8), beta=st.floats(0.1, 0.8), log_compute=st.floats(17, 26))
def test_closed_form_equals_search(alpha: float, beta: float, log_compute: float) -> None:
    law = additive(alpha, beta)
    compute = np.asarray(10**log_compute)
    best = laws.optimum(law, compute)
    assert best.method == "closed form"
    size = best.inputs["n_parameters"]
    if not 10 < float(size) < float(compute) / 60:
        return  # an optimum of fewer than ten parameters or tokens: the search stops at one
    found = _search(_trade(law, Additive(), None), compute, {})
    assert float(found) == pytest.approx(float(size), rel=1e-4)
    assert float(6 * size * best.inputs["n_training_tokens"]) == pytest.approx(float(compute))


def test_optimum_scales_with_the_allocation_exponents() -> None:
    law = laws.load("besiroglu-2024")
    first, second = (laws.optimum(law, compute) for compute in (1e20, 1e24))
    exponents = laws.allocation_exponents(law)
    for name, exponent in (("n_parameters", "a"), ("n_training_tokens", "b")):
        growth = np.log(second.inputs[name] / first.inputs[name]) / np.log(1e4)
        assert float(growth) == pytest.approx(exponents[exponent], rel=1e-9)
    reducible = np.log((second.prediction.value - 1.8169) / (first.prediction.value - 1.8169)) / np.log(1e4)
    assert float(reducible) == pytest.approx(exponents["c"], rel=1e-9)


def test_late_fusion_pays_for_the_vision_encoder() -> None:
    dense, late = additive(0.3, 0.33), additive(0.3, 0.33, accounting="late-fusion")
    tiny, large = (laws.optimum(late, 1e21, {"n_vision_parameters": n}) for n in (1.0, 3e8))
    plain = laws.optimum(dense, 1e21)
    assert float(tiny.inputs["n_parameters"]) == pytest.approx(float(plain.inputs["n_parameters"]), rel=1e-4)
    size, tokens = large.inputs["n_parameters"], large.inputs["n_training_tokens"]
    assert float(6 * (3e8 * 0.544 * tokens + size * tokens)) == pytest.approx(1e21)
    # First-order condition of min A/N^a + B/D^b under 6 D (N + k) = C: a A/N^a (N + k)/N = b B/D^b.
    left = 0.3 * 400 / size**0.3 * (size + 0.544 * 3e8) / size
    assert float(left) == pytest.approx(float(0.33 * 900 / tokens**0.33), rel=1e-6)


def test_repetition_moves_the_optimum_to_fewer_parameters() -> None:
    # Muennighoff et al. 2023: with 25 billion unique tokens and the compute of (8.67e9, 178e9), 6.34e9 is better.
    best = laws.optimum(laws.load("muennighoff-2023"), 6 * 8.67e9 * 178e9, {"n_unique_tokens": 25e9})
    assert float(best.prediction.value) < 2.2256440889984477
    assert 5e9 < float(best.inputs["n_parameters"]) < 8e9


def test_vocabulary_optimum_is_where_the_published_slope_is_zero() -> None:
    law = laws.load("tao-2024")
    compute, size, width = 1e21, 1e9, 2048.0
    best = laws.optimum(
        law, compute, {"n_nonvocabulary_parameters": size, "embedding_size": width}, over="vocabulary_size"
    ).inputs["vocabulary_size"]
    # Tao et al. 2024, approach 3: d/dV of A2/(Vd)^a2 + B/(C / 6 (N + Vd))^b, in the paper's units.
    v, d, n = float(best) / 1e3, width / 1e3, size / 1e6
    u = compute / 1e15 / (6 * (n + v * d))
    slope = -0.670737 * 0.195842 * d / (v * d) ** 1.670737 + 0.446606 * 2.124112 * d / (n + v * d) / u**0.446606
    scale = 0.670737 * 0.195842 * d / (v * d) ** 1.670737
    assert abs(slope / scale) < 1e-5


def test_visual_tokens_optimum() -> None:
    # min N^-a T^-b under N (T + Q) fixed: T = b Q / (a - b) where a > b.
    parameters = {"D": 0.0, "K": 1.0, "alpha": 0.0709, "beta": 0.0151}
    law = Law(
        name="li",
        form="visual-tokens",
        title="t",
        status="refitted",
        source="here",
        parameters={name: Parameter(value=value) for name, value in parameters.items()},
        accounting="visual-inference",
    )
    best = laws.optimum(law, 1e13, {"n_text_tokens": 100})
    assert float(best.inputs["n_visual_tokens"]) == pytest.approx(0.0151 * 100 / (0.0709 - 0.0151), rel=1e-4)
    steep = Law(
        name="li-ocr",
        form="visual-tokens",
        title="t",
        status="refitted",
        source="here",
        parameters={**law.parameters, "beta": Parameter(value=0.09)},
        accounting="visual-inference",
    )
    with pytest.raises(LawError, match="the best n_visual_tokens is the largest"):
        laws.optimum(steep, 1e13, {"n_text_tokens": 100})


@given(log_size=st.floats(7, 11), log_tokens=st.floats(8, 13))
def test_inverse_recovers_the_input(log_size: float, log_tokens: float) -> None:
    law = laws.load("besiroglu-2024")
    size, tokens = 10**log_size, 10**log_tokens
    loss = law.predict({"n_parameters": size, "n_training_tokens": tokens}).value
    assert float(laws.solve(law, "n_training_tokens", loss, {"n_parameters": size})) == pytest.approx(tokens, rel=1e-6)
    assert float(laws.solve(law, "n_parameters", loss, {"n_training_tokens": tokens})) == pytest.approx(size, rel=1e-6)


def test_least_compute_is_the_optimum_s() -> None:
    for name, given_inputs in (
        ("besiroglu-2024", {}),
        ("kaplan-2020", {}),
        ("muennighoff-2023", {"n_unique_tokens": 1e11}),
    ):
        law = laws.load(name)
        best = laws.optimum(law, [1e20, 1e22], given_inputs)
        found = laws.compute_for(law, best.prediction.value, given_inputs)
        np.testing.assert_allclose(found, [1e20, 1e22], rtol=1e-6)


def test_unreachable_targets_say_what_is_reachable() -> None:
    law = laws.load("besiroglu-2024")
    with pytest.raises(LawError, match=r"no n_training_tokens reaches this loss.*got 1\.5.*expected between 2\.17"):
        laws.solve(law, "n_training_tokens", 1.5, {"n_parameters": 1e9})
    with pytest.raises(LawError, match="no compute_flops reaches"):
        laws.compute_for(law, 1.8)
    with pytest.raises(LawError, match="not finite"):
        laws.solve(law, "n_parameters", np.nan, {"n_training_tokens": 1e9})


@pytest.mark.parametrize(
    ("name", "given_inputs", "message"),
    [
        ("henighan-2020-maths", {}, "no accounting of compute"),
        ("sun-guo-2024", {"text_tokens": 1e9}, "no accounting of compute"),
        ("muennighoff-2023", {}, "expected n_unique_tokens"),
        ("besiroglu-2024", {"n_unique_tokens": 1e9}, "expected none"),
        ("shukor-2025-late", {"n_vision_parameters": 3e8}, "publishes no value of A, B"),
    ],
)
def test_optima_that_cannot_be_had(name: str, given_inputs: dict[str, float], message: str) -> None:
    with pytest.raises(LawError, match=message):
        laws.optimum(laws.load(name), 1e20, given_inputs)


def test_bad_budgets_and_trades() -> None:
    law = laws.load("besiroglu-2024")
    with pytest.raises(LawError, match="compute_flops must be positive"):
        laws.optimum(law, -1.0)
    with pytest.raises(LawError, match=r"no such trade.*expected over one of n_parameters"):
        laws.optimum(law, 1e20, over="n_training_tokens")
    with pytest.raises(LawError, match="below the irreducible loss"):
        laws.coefficients_from_frontier(E=2, alpha=0.3, beta=0.3, loss=1.9, compute_flops=1e20, tokens_per_parameter=20)
