"""Built-in laws against numbers of their papers; shapes, ranges and refusals of `predict`."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokeff import laws
from tokeff.errors import LawError, NotFound
from tokeff.laws.forms import FORMS
from tokeff.laws.forms.text import optimal_vocabulary_parameters, tokens_per_character

PREDICTING = [name for name in laws.names() if not laws.load(name).missing]


def test_muennighoff_published_examples() -> None:
    # The two values of the authors' allocation notebook for 25 billion unique tokens (Muennighoff et al. 2023).
    law = laws.load("muennighoff-2023")
    found = law.predict(
        {"n_parameters": [6.34e9, 8.67e9], "n_training_tokens": [242e9, 178e9], "n_unique_tokens": 25e9}
    )
    np.testing.assert_allclose(found.value, [2.2256440889984477, 2.2269634075087867], rtol=0, atol=1e-9)


def test_muennighoff_without_repeats_is_additive() -> None:
    law = laws.load("muennighoff-2023")
    tokens, size = 1e11, np.array([1e8, 1e9])
    values = {name: np.asarray(parameter.value) for name, parameter in law.parameters.items()}
    plain = FORMS["additive"].evaluate(values, {"n_parameters": size, "n_training_tokens": np.asarray(tokens)})
    for unique in (tokens, 10 * tokens):  # more unique tokens than are trained on change nothing
        found = law.predict({"n_parameters": size, "n_training_tokens": tokens, "n_unique_tokens": unique})
        np.testing.assert_allclose(found.value, plain, rtol=1e-12)


def test_hoffmann_loss_of_chinchilla() -> None:
    # 70e9 parameters, 1.4e12 tokens: 1.69 + 406.4/70e9^.34 + 410.7/1.4e12^.28, by hand 1.9366.
    found = laws.load("hoffmann-2022").predict({"n_parameters": 70e9, "n_training_tokens": 1.4e12})
    assert float(found.value) == pytest.approx(1.9366, abs=2e-4)
    assert bool(found.extrapolates)
    assert set(found.outside) == {"n_parameters", "n_training_tokens"}


def test_kaplan_limits() -> None:
    # With one variable unlimited the joint law becomes (N_c/N)^0.076 and (D_c/D)^0.103 (Kaplan eq. 1.1, 1.2).
    law = laws.load("kaplan-2020")
    by_size = law.predict({"n_parameters": 1e9, "n_training_tokens": 1e30}).value
    by_data = law.predict({"n_parameters": 1e30, "n_training_tokens": 1e10}).value
    assert float(by_size) == pytest.approx((6.4e13 / 1e9) ** 0.076, rel=1e-6)
    assert float(by_data) == pytest.approx((1.8e13 / 1e10) ** 0.103, rel=1e-6)


def test_tao_fertility_and_compute_row() -> None:
    # A row of the authors' exp_data.csv: V 4096, d 512, N_nv 33,222,784, H 180,820,540.85 -> 1.271517696e16 FLOPs.
    law = laws.load("tao-2024")
    compute = laws.flops(
        law,
        {
            "n_nonvocabulary_parameters": 33_222_784,
            "vocabulary_size": 4096,
            "embedding_size": 512,
            "n_training_characters": 180_820_540.85,
        },
    )
    assert float(compute) == pytest.approx(1.271517696e16, rel=1e-9)
    assert tokens_per_character(np.asarray(1e6)) == tokens_per_character(np.asarray(200_000.0))
    assert float(optimal_vocabulary_parameters(33e6)) == 3_145_728
    assert float(optimal_vocabulary_parameters(3e9)) == pytest.approx(3_145_728 * (3e9 / 33e6) ** 0.8353974)


def test_tao_loss_is_negative_and_falls_with_vocabulary() -> None:
    law = laws.load("tao-2024")
    sizes = np.array([4096, 16384, 65536])
    found = law.predict(
        {
            "n_nonvocabulary_parameters": 1e9,
            "vocabulary_size": sizes,
            "embedding_size": 2048,
            "n_training_characters": 1e11,
        }
    )
    assert (found.value < 0).all()
    assert not found.extrapolates.any()


def test_henighan_rows() -> None:
    assert float(laws.load("henighan-2020-video-vq").predict({"n_parameters": 3.7e4}).value) == pytest.approx(2.01)
    assert float(laws.load("henighan-2020-language").predict({"n_parameters": 1.47e14}).value) == pytest.approx(1.0)


def test_shukor_frontiers() -> None:
    found = laws.load("shukor-2025-early-frontier").predict({"compute_flops": 1e20})
    assert float(found.value) == pytest.approx(29.574 * 10 ** (-0.0492 * 20))


@pytest.mark.parametrize("name", [name for name in laws.names() if laws.load(name).reported.get("b")])
def test_shukor_exponents_follow_from_their_own_alpha_and_beta(name: str) -> None:
    """b = alpha/(alpha+beta) holds for every row; a = beta/(alpha+beta) for dense early fusion only, to 0.005.

    The late and sparse rows' a (and d) are fitted to the runs apart from alpha and beta; c is of the whole loss.
    """
    law = laws.load(name)
    derived, reported = laws.allocation_exponents(law), law.reported
    assert derived["b"] == pytest.approx(reported["b"], abs=1.1e-3)
    if name.startswith("shukor-2025-early"):
        assert derived["a"] == pytest.approx(reported["a"], abs=5e-3)
    else:
        assert abs(derived["a"] - reported["a"]) > 0.015
    assert abs(derived["c"]) > 2 * abs(reported["c"])


def test_shukor_early_coefficients_are_derived_from_the_frontier() -> None:
    law = laws.load("shukor-2025-early")
    A, B = laws.coefficients_from_frontier(
        E=1.904, alpha=0.301, beta=0.335, loss=29.574 * 1e20**-0.0492, compute_flops=1e20, tokens_per_parameter=56
    )
    assert law.status == law.parameters["A"].status == "derived"
    assert law.parameters["A"].value == pytest.approx(A, rel=1e-4)
    assert law.parameters["B"].value == pytest.approx(B, rel=1e-4)
    assert pytest.approx(260, rel=0.01) == A
    assert pytest.approx(1800, rel=0.01) == B
    best = laws.optimum(law, 1e20)
    ratio = best.inputs["n_training_tokens"] / best.inputs["n_parameters"]
    assert float(ratio) == pytest.approx(56, rel=1e-3)


@pytest.mark.parametrize(
    "name", ["aghajanyan-2023-code", "aghajanyan-2023-interaction", "shukor-2025-late", "sun-guo-2024"]
)
def test_laws_without_constants_refuse_to_predict(name: str) -> None:
    law = laws.load(name)
    inputs = dict.fromkeys(law.bound_form(["text_tokens"]).variables, 1000000000.0)
    with pytest.raises(LawError, match=r"publishes no value of .*Fit the form"):
        law.predict(inputs)


@pytest.mark.parametrize("name", PREDICTING)
@settings(max_examples=20)
@given(data=st.data())
def test_gradients_equal_finite_differences(name: str, data: st.DataObject) -> None:
    law = laws.load(name)
    ends = {key: np.log(law.ranges.get(key, (1e6, 1e11))) for key in law.bound_form().variables}
    inputs = {key: float(np.exp(data.draw(st.floats(*bounds), label=key))) for key, bounds in ends.items()}
    if {"n_unique_tokens", "n_training_tokens"} <= set(inputs):  # off the kink at one epoch
        inputs["n_training_tokens"] = inputs["n_unique_tokens"] * (1.5 + data.draw(st.floats(0, 100), label="epochs"))
    gradient, elasticity = law.gradient(inputs), law.elasticities(inputs)
    for key, x in inputs.items():
        step = 1e-4
        above = law.predict({**inputs, key: x * (1 + step)}).value
        below = law.predict({**inputs, key: x * (1 - step)}).value
        scale = float(law.predict(inputs).value) if not law.bound_form().logarithmic else 1.0
        assert float(gradient[key]) == pytest.approx(
            (above - below) / (2 * x * step), rel=1e-3, abs=1e-9 * abs(scale) / x
        )
        assert float(elasticity[key]) == pytest.approx(float(gradient[key]) * x / scale, rel=1e-9)


@pytest.mark.parametrize("name", PREDICTING)
def test_losses_fall_with_scale(name: str) -> None:
    law = laws.load(name)
    form = law.bound_form()
    assert form.size is not None
    grid = np.geomspace(1e6, 1e12, 50)
    others = {key: 1e9 for key in form.variables if key != form.size}
    steps = np.diff(law.predict({**others, **{form.size: grid}}).value)
    assert (steps <= 0).all()
    assert (steps[:20] < 0).all()


def test_inputs_broadcast() -> None:
    law = laws.load("besiroglu-2024")
    found = law.predict({"n_parameters": np.array([[1e8], [1e9]]), "n_training_tokens": np.array([1e9, 1e10, 1e12])})
    assert found.value.shape == found.extrapolates.shape == (2, 3)
    np.testing.assert_array_equal(found.extrapolates[0], [False, False, True])
    assert found.outside == {"n_training_tokens": (0.818e9, 318e9)}
    assert found.low is None
    assert found.absent is not None


def test_intervals_of_many_inputs_are_those_of_each() -> None:
    law = laws.load("besiroglu-2024-refit")
    sizes = np.geomspace(1e8, 1e10, 5000)  # more draws x inputs than one batch holds
    together = law.predict({"n_parameters": sizes, "n_training_tokens": 1e11})
    assert together.low is not None
    for k in (0, 2500, 4999):
        alone = law.predict({"n_parameters": sizes[k], "n_training_tokens": 1e11})
        assert alone.low is not None
        assert float(alone.low) == pytest.approx(float(together.low[k]), rel=1e-12)
    wide, narrow = (law.predict({"n_parameters": 1e9, "n_training_tokens": 1e11}, confidence=c) for c in (0.99, 0.5))
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low < narrow.low < wide.value
    with pytest.raises(LawError, match="not a confidence level"):
        law.predict({"n_parameters": 1e9, "n_training_tokens": 1e11}, confidence=95)


def test_laws_need_no_heavy_library() -> None:
    code = "import sys, tokeff.laws.fitting; print({'scipy', 'torch', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_unknown_ranges_are_named() -> None:
    found = laws.load("shukor-2025-early").predict({"n_parameters": 1e9, "n_training_tokens": 1e10})
    assert found.unchecked == ("n_training_tokens",)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"n_parameters": 1e9}, "other inputs.*expected n_parameters .*n_training_tokens"),
        ({"n_parameters": 1e9, "n_training_tokens": 1e9, "x": 1.0}, "other inputs"),
        ({"n_parameters": 0, "n_training_tokens": 1e9}, "must be positive.*got 0"),
        ({"n_parameters": np.nan, "n_training_tokens": 1e9}, "must be positive.*got nan"),
        ({"n_parameters": "many", "n_training_tokens": 1e9}, "not a number.*'many'"),
        ({"n_parameters": [1e9, 2e9], "n_training_tokens": [1e9, 2e9, 3e9]}, "do not broadcast"),
    ],
)
def test_bad_inputs(inputs: dict[str, float], message: str) -> None:
    with pytest.raises(LawError, match=message):
        laws.load("besiroglu-2024").predict(inputs)


def test_unknown_law_suggests_a_name() -> None:
    with pytest.raises(NotFound, match=r"Did you mean .*besiroglu-2024"):
        laws.load("besiroglu")
