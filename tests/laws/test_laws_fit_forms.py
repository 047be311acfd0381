"""Fits of every other form: planted truths, and the public tables of runs."""

from pathlib import Path

import numpy as np
import pytest

from tokeff.laws.fitting import Fit, fit, read_table
from tokeff.laws.forms import FORMS, Array, form_named

RNG = np.random.default_rng(5)


def planted(form_name: str, truth: dict[str, float], ends: dict[str, tuple[float, float]], n: int) -> dict[str, Array]:
    inputs = {name: np.exp(RNG.uniform(np.log(bounds[0]), np.log(bounds[1]), n)) for name, bounds in ends.items()}
    form = form_named(form_name).bind(inputs)
    value = form.evaluate({name: np.asarray(number) for name, number in truth.items()}, inputs)
    return {**inputs, form.target: value}


def check(found: Fit, truth: dict[str, float], rel: float) -> None:
    for name, value in truth.items():
        assert found.parameters[name].value == pytest.approx(value, rel=rel), name


SIZES, TOKENS = (1e7, 1e10), (1e9, 3e11)


@pytest.mark.parametrize(
    ("form_name", "truth", "ends"),
    [
        ("power", {"E": 2.2, "N0": 63.0, "alpha": 0.13}, {"n_parameters": (1e4, 1e9)}),
        ("frontier", {"k": 29.574, "c": -0.0492}, {"compute_flops": (1e18, 1e22)}),
        (
            "kaplan",
            {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
            {"n_parameters": SIZES, "n_training_tokens": TOKENS},
        ),
        (
            "visual-tokens",
            {"D": 0.2, "K": 2.0, "alpha": 0.1, "beta": 0.05},
            {"n_parameters": SIZES, "n_visual_tokens": (1, 2000)},
        ),
        (
            "log-product",
            {"alpha": 0.02, "eps": -0.4},
            {"n_parameters": SIZES, "text_tokens": TOKENS, "image_tokens": TOKENS},
        ),
        (
            "weighted-log-product",
            {"alpha_n_parameters": 0.03, "alpha_text_tokens": 0.02, "alpha_audio_tokens": -0.01, "eps": 0.1},
            {"n_parameters": SIZES, "text_tokens": TOKENS, "audio_tokens": TOKENS},
        ),
        (
            "effective-tokens",
            {"E": 1.9, "A": 300.0, "B": 1500.0, "alpha": 0.31, "beta": 0.35, "w_text_tokens": 1.7},
            {"n_parameters": SIZES, "image_tokens": TOKENS, "text_tokens": TOKENS},
        ),
    ],
)
def test_planted_truths_come_back(
    form_name: str, truth: dict[str, float], ends: dict[str, tuple[float, float]]
) -> None:
    found = fit(form_name, planted(form_name, truth, ends, 40), n_bootstrap=0, n_starts=24, hold_out=0)
    check(found, truth, rel=1e-3)
    assert found.n_starts >= found.n_starts_at_best >= 1


def test_repeated_data_truth_comes_back() -> None:
    truth = {"E": 1.9, "A": 520.0, "B": 1500.0, "alpha": 0.35, "beta": 0.35, "R_D": 15.0, "R_N": 5.0}
    ends = {"n_parameters": (1e7, 1e10), "n_training_tokens": (1e9, 1e11), "n_unique_tokens": (1e8, 3e9)}
    found = fit(
        "repeated", planted("repeated", truth, ends, 60), tied={"beta": "alpha"}, n_bootstrap=0, n_starts=8, hold_out=0
    )
    check(found, truth, rel=0.02)


def test_vocabulary_truth_comes_back() -> None:
    truth = {"E": 5.5, "A1": 1.8, "A2": 0.2, "B": 2.1, "a1": 0.45, "a2": 0.67, "b": 0.45}
    ends = {
        "n_nonvocabulary_parameters": (3e7, 3e9),
        "vocabulary_size": (4e3, 9e4),
        "embedding_size": (512.0, 3200.0),
        "n_training_characters": (1e9, 5e11),
    }
    table = planted("vocabulary", truth, ends, 150)
    found = fit("vocabulary", table, tied={"b": "a1"}, fixed={"a2": 0.67}, n_bootstrap=0, n_starts=12, hold_out=0)
    check(found, truth, rel=0.02)


def test_interaction_is_fitted_on_top_of_unimodal_laws() -> None:
    alone = {"E_i": 1.8, "A_i": 400.0, "B_i": 1500.0, "a_i": 0.34, "b_i": 0.36}
    alone |= {"E_j": 2.5, "A_j": 200.0, "B_j": 900.0, "a_j": 0.3, "b_j": 0.33}
    truth = {**alone, "C": 0.15, "A": 60.0, "B": 200.0, "a": 0.28, "b": 0.3}
    ends = {"n_parameters": SIZES, "first_tokens": TOKENS, "second_tokens": TOKENS}
    found = fit(
        "interaction", planted("interaction", truth, ends, 40), fixed=alone, n_bootstrap=0, n_starts=24, hold_out=0
    )
    check(found, truth, rel=0.02)


def test_modalities_are_those_that_are_mapped() -> None:
    truth = {"alpha": 0.02, "eps": -0.4}
    table = planted("log-product", truth, {"n_parameters": SIZES, "text_tokens": TOKENS, "image_tokens": TOKENS}, 30)
    table = {
        "P": table["n_parameters"],
        "t_tokens": table["text_tokens"],
        "i_tokens": table["image_tokens"],
        "y": table["score"],
    }
    columns = {"n_parameters": "P", "text_tokens": "t_tokens", "image_tokens": "i_tokens", "score": "y"}
    found = fit("log-product", table, columns=columns, n_bootstrap=0)
    check(found, truth, rel=1e-6)
    assert set(found.ranges) == {"n_parameters", "text_tokens", "image_tokens"}


def test_every_form_has_a_fit_here() -> None:
    fitted = {"additive", "power", "frontier", "kaplan", "visual-tokens", "log-product", "weighted-log-product"}
    assert set(FORMS) == fitted | {"effective-tokens", "repeated", "vocabulary", "interaction"}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("task", "alpha", "beta", "r2"), [("visual", 0.0709, 0.0151, 0.992), ("ocr", 0.0282, 0.0394, 0.961)]
)
def test_visual_tokens_of_li(shared: Path, task: str, alpha: float, beta: float, r2: float) -> None:
    # Least squares of the error itself, as the paper's values are; the floor D comes out as zero.
    table = read_table(shared / "tables" / "vlm_visual_tokens.csv", {"task": task})
    runs = {
        "n_parameters": np.asarray(table["N_B"], float) * 1e9,
        "n_visual_tokens": np.asarray(table["visual_tokens"], float),
        "loss": 1 - np.asarray(table["score"], float),
    }
    found = fit("visual-tokens", runs, delta=np.inf, residuals="plain", n_bootstrap=100)
    assert found.parameters["alpha"].value == pytest.approx(alpha, abs=5e-5)
    assert found.parameters["beta"].value == pytest.approx(beta, abs=5e-5)
    assert found.r2 == pytest.approx(r2, abs=5e-4)
    assert found.parameters["D"].value < 1e-6
    assert found.influence is not None
    assert found.influence.max() < 1.5  # not that of the floor's logarithm, which wanders without any effect
    assert found.objective_kind == "sum of squares/2 of loss residuals"


@pytest.mark.shared
def test_joint_fit_of_repeated_data(shared: Path) -> None:
    """Against the published constants (E 1.869, A 521, B 1488, alpha 0.353), where repeating had not begun to hurt.

    The form cannot express losses that rise with further epochs, so runs worse than a shorter one of the same model
    and data are left out. Their losses lie some 8 % above the published law: another validation set.
    """
    table = read_table(shared / "tables" / "data_constrained_runs.csv")
    size, tokens, unique, loss = (
        np.asarray(table[name], float) for name in ("params", "tokens", "unique_tokens", "val_loss")
    )
    same = (size[:, None] == size) & (unique[:, None] == unique)
    hurt = (same & (tokens < tokens[:, None]) & (loss < loss[:, None])).any(axis=1)
    kept = {"n_parameters": size, "n_training_tokens": tokens, "n_unique_tokens": unique, "loss": loss}
    kept = {name: column[~hurt] for name, column in kept.items()}
    found = fit("repeated", kept, tied={"beta": "alpha"}, n_starts=8, n_bootstrap=30, hold_out=0)
    for name, published in {"E": 1.86914, "A": 520.82, "B": 1487.72, "alpha": 0.3526596}.items():
        estimate = found.parameters[name]
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < published < estimate.high, name
    assert found.parameters["alpha"].value == pytest.approx(0.3526596, abs=0.05)
    assert found.parameters["R_D"].value > 10
    law = form_named("repeated")
    constants = {
        "E": 1.86914,
        "A": 520.82,
        "B": 1487.72,
        "alpha": 0.3526596,
        "beta": 0.3526596,
        "R_D": 15.4,
        "R_N": 5.3,
    }
    published_loss = law.evaluate({name: np.asarray(x) for name, x in constants.items()}, kept)
    assert np.median(np.abs(found.residuals)) < 0.5 * np.median(np.abs(np.log(kept["loss"] / published_loss)))


@pytest.mark.shared
def test_porian_explains_kaplan_by_how_parameters_are_counted(shared: Path) -> None:
    # Porian et al. 2024: N ~ C^0.88 as Kaplan counts, near C^0.5 with the last layer counted and tuned runs.
    exponents = {}
    for count, chosen in {
        "kaplan": {"param_count": "kaplan"},
        "standard": {"param_count": "standard", "hparams": "tuned"},
    }.items():
        table = read_table(shared / "tables" / "porian_isoflop.csv", chosen)
        columns = {"n_parameters": "params_n", "n_training_tokens": "tokens_t"}
        found = fit("additive", table, columns=columns, n_bootstrap=0)
        alpha, beta = found.parameters["alpha"].value, found.parameters["beta"].value
        exponents[count] = beta / (alpha + beta)
    assert exponents["kaplan"] > 0.75
    assert exponents["standard"] == pytest.approx(0.5, abs=0.06)
