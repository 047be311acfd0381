"""The law of vision representation and its AC policy on the published table of 15 encoders."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tokeff.errors import LawError
from tokeff.laws.forms import Array
from tokeff.laws.representation import (
    choose_runs,
    features,
    fit_representation,
    policy_recall,
    rank_encoders,
)

VISION = ("MMBench", "MME", "OKVQA", "SEED")
OCR = ("MMMU", "TextVQA", "VizWiz", "ScienceQA")


@pytest.fixture(scope="module")
def table(shared: Path) -> dict[str, Array]:
    with (shared / "tables" / "law_of_vision_representation.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name != "vr"}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("terms", "vision", "ocr"),
    [("AC", 94.08, 83.77), ("A", 91.49, 79.67), ("C", 56.56, 30.12), ("linear", 80.65, 62.14)],
)
def test_published_table(table: dict[str, Array], terms: str, vision: float, ocr: float) -> None:
    # Mean R2 in per cent; Yang et al. 2408.16357 v3 give 94.06 / 83.85 for AC.
    for names, expected in ((VISION, vision), (OCR, ocr)):
        performance = np.stack([table[name] for name in names], axis=1)
        fit = fit_representation(table["A_loglik"], table["C_pck010"], performance, terms)  # type: ignore[arg-type]
        assert 100 * fit.r2.mean() == pytest.approx(expected, abs=0.006)
        assert (fit.leave_one_out_r2 < fit.r2).all()


@pytest.mark.shared
def test_left_out_error_is_that_of_refitting_without_the_point(table: dict[str, Array]) -> None:
    target = table["SEED"]
    design = features(table["A_loglik"], table["C_pck010"], "AC")
    press = 0.0
    for k in range(15):
        kept = np.arange(15) != k
        coefficients = np.linalg.lstsq(design[kept], target[kept], rcond=None)[0]
        press += float((target[k] - design[k] @ coefficients) ** 2)
    fit = fit_representation(table["A_loglik"], table["C_pck010"], target)
    expected = 1 - press / float(((target - target.mean()) ** 2).sum())
    assert float(fit.leave_one_out_r2) == pytest.approx(expected, rel=1e-6)


@pytest.mark.shared
def test_ac_policy_finds_the_best_encoder(table: dict[str, Array]) -> None:
    scores = np.stack([table[name] for name in (*VISION, *OCR)])
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    overall = ((scores - low) / (high - low)).mean(axis=0)
    recall = policy_recall(table["A_loglik"], table["C_pck010"], overall, n_runs=4, top=3, n_draws=1000, seed=0)
    assert recall >= 0.80
    few = policy_recall(table["A_loglik"], table["C_pck010"], overall, n_runs=2, top=3, n_draws=1000, seed=0)
    assert few < recall


def test_runs_come_from_unvisited_squares() -> None:
    rng = np.random.default_rng(0)
    a, c = np.array([0.0, 0.1, 0.2, 1.0, 0.9]), np.array([0.0, 0.1, 0.3, 0.0, 1.0])
    for _ in range(50):
        runs = choose_runs(a, c, 3, rng)
        assert sorted(int(a[k] >= 0.5) * 2 + int(c[k] >= 0.5) for k in runs) == [0, 2, 3]
    assert sorted(choose_runs(a, c, 5, rng)) == [0, 1, 2, 3, 4]


def test_ranking_is_exact_on_an_exact_law() -> None:
    rng = np.random.default_rng(1)
    a, c = rng.random(12), rng.random(12)
    truth = features(a, c, "AC") @ np.array([1.0, 2.0, -1.0, 0.5, 0.3, 0.7])
    predicted = rank_encoders(a, c, np.arange(8), truth[:8])
    np.testing.assert_allclose(predicted, truth, rtol=1e-6)


def test_refusals() -> None:
    with pytest.raises(LawError, match="not all equal"):
        features([1, 1, 1], [1, 2, 3], "AC")
    with pytest.raises(LawError, match=r"too few encoders.*got 5.*at least 8"):
        fit_representation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], [1, 2, 3, 4, 5])
    with pytest.raises(LawError, match=r"not a number of runs.*got 9"):
        choose_runs([1, 2], [1, 2], 9, np.random.default_rng(0))
    with pytest.raises(LawError, match="equal A and C"):
        choose_runs([0, 1, 1], [0, 1, 1], 3, np.random.default_rng(0))
