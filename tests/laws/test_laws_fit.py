"""Fits of the additive law: against published constants, a second optimiser, planted truths and planted outliers."""

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.optimize

from tokeff.errors import LawError, NotFound
from tokeff.laws.fitting import Fit, fit, read_table
from tokeff.laws.fitting.curves import LogSumExpCurve, NumericCurve
from tokeff.laws.fitting.newton import huber
from tokeff.laws.forms import FORMS, Array
from tokeff.reports.fits import print_fit

CHINCHILLA = {"n_parameters": "Model Size", "compute_flops": "Training FLOP"}
TRUTH = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37}


def runs(n: int, noise: float, seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    size, tokens = 10 ** rng.uniform(7.5, 10, n), 10 ** rng.uniform(9, 11.5, n)
    loss = TRUTH["E"] + TRUTH["A"] / size ** TRUTH["alpha"] + TRUTH["B"] / tokens ** TRUTH["beta"]
    return {"n_parameters": size, "n_training_tokens": tokens, "loss": loss * np.exp(noise * rng.standard_normal(n))}


def values(found: Fit) -> dict[str, float]:
    return {name: estimate.value for name, estimate in found.parameters.items()}


@pytest.mark.shared
def test_chinchilla_refit_reproduces_besiroglu(shared: Path) -> None:
    """Oracle: L-BFGS of the sum of Huber(1e-3) on the 240 runs, and 400 bootstraps of it."""
    table = read_table(shared / "tables" / "chinchilla_fig4_points.csv")
    started = time.perf_counter()
    found = fit("additive", table, columns=CHINCHILLA, drop_highest=5)
    seconds = time.perf_counter() - started
    assert (found.n_runs, found.n_dropped) == (240, 5)
    assert found.objective == pytest.approx(0.0010182740, abs=5e-11)
    expected = {"E": 1.81722, "A": 477.83, "B": 2143.4, "alpha": 0.34731, "beta": 0.36717}
    assert values(found) == pytest.approx(expected, rel=2e-5)
    for name, (low, high) in {"E": (1.773, 1.875), "alpha": (0.315, 0.371), "beta": (0.337, 0.420)}.items():
        estimate = found.parameters[name]
        assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=0.05)
    assert found.n_bootstrap == 400
    assert found.n_starts_at_best > 100
    assert found.objective_kind == "sum of Huber(0.001) of log loss residuals"
    assert found.held_out is not None
    assert found.held_out.mean_absolute < 0.02
    assert seconds < 20


@pytest.mark.shared
def test_the_five_high_losses_move_beta(shared: Path) -> None:
    table = read_table(shared / "tables" / "chinchilla_fig4_points.csv")
    found = fit("additive", table, columns=CHINCHILLA, n_bootstrap=100)
    assert found.parameters["beta"].value == pytest.approx(0.453, abs=5e-4)
    highest = np.argsort(-np.asarray(table["loss"], dtype=float))[:5]
    assert found.most_influential(1)[0] in highest


def test_published_coefficients_come_back_without_noise() -> None:
    found = fit("additive", runs(40, 0.0), n_bootstrap=0, n_starts=32)
    assert values(found) == pytest.approx(TRUTH, rel=1e-5)
    assert found.parameters["E"].low is None
    assert found.influence is None


def test_same_minimum_as_scipy() -> None:
    table = runs(80, 0.01)
    found = fit("additive", table, n_bootstrap=0)
    n, d, y = np.log(table["n_parameters"]), np.log(table["n_training_tokens"]), np.log(table["loss"])

    def objective(theta: Array) -> float:
        a, b, e, alpha, beta = theta
        predicted = np.logaddexp.reduce([a - alpha * n, b - beta * d, np.full_like(n, e)])
        return float(huber(predicted - y, 1e-3).sum()) * 1e3

    start = np.array([6.0, 7.5, 0.5, 0.35, 0.37])
    best = min(
        scipy.optimize.minimize(objective, start * scale, method="L-BFGS-B", options={"maxiter": 5000}).fun / 1e3
        for scale in (0.8, 1.0, 1.2)
    )
    assert found.objective <= best * (1 + 1e-9)
    assert found.objective == pytest.approx(best, rel=1e-3)


def test_exact_derivatives_equal_numeric_ones() -> None:
    table = runs(30, 0.0)
    form = FORMS["additive"]
    inputs = {name: table[name] for name in form.variables}
    theta = np.stack([form.encode(TRUTH), form.encode({**TRUTH, "alpha": 0.5, "A": 9000.0})])
    design = form.design(inputs)
    assert design is not None
    exact = LogSumExpCurve(design, np.zeros(design.shape[:2])).local(theta)
    numeric = NumericCurve(form, inputs, lambda free: free, 5).local(theta)
    weights = np.random.default_rng(0).standard_normal((2, 30))
    np.testing.assert_allclose(exact.value, numeric.value, rtol=1e-12)
    np.testing.assert_allclose(exact.jacobian, numeric.jacobian, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(exact.curvature(weights), numeric.curvature(weights), rtol=1e-2, atol=5e-3)


def test_huber_meets_its_definition() -> None:
    residuals = np.array([0.0, 5e-4, 1e-3, 0.1, -0.1])
    np.testing.assert_allclose(huber(residuals, 1e-3), [0, 1.25e-7, 5e-7, 1e-3 * (0.1 - 5e-4), 1e-3 * (0.1 - 5e-4)])
    np.testing.assert_allclose(huber(residuals, np.inf), residuals**2 / 2)


def test_intervals_shrink_with_more_runs_and_hold_the_truth() -> None:
    few, many = (fit("additive", runs(n, 0.01), n_starts=16, n_bootstrap=150, hold_out=0) for n in (40, 400))
    for name in ("E", "alpha", "beta"):
        widths = []
        for found in (few, many):
            estimate = found.parameters[name]
            assert estimate.low is not None
            assert estimate.high is not None
            assert estimate.low <= TRUTH[name] <= estimate.high
            widths.append(estimate.high - estimate.low)
        assert widths[1] < widths[0] / 2


def test_influence_is_that_of_leaving_the_run_out() -> None:
    table = runs(30, 0.005, seed=3)
    table["loss"][7] *= 1.2
    found = fit("additive", table, n_starts=32, n_bootstrap=100)
    without = {name: np.delete(column, 7) for name, column in table.items()}
    refit = values(fit("additive", without, n_starts=32, n_bootstrap=0))
    shifted = found.shifts[7] + np.array(list(values(found).values()))
    assert shifted == pytest.approx(list(refit.values()), rel=1e-3)
    assert found.influence is not None
    assert found.residuals.shape == found.influence.shape == (30,)
    assert np.abs(found.residuals).argmax() == 7
    predicted = found.to_law("mine").predict(found.inputs).value
    np.testing.assert_allclose(found.residuals, np.log(found.observed / predicted), atol=1e-12)


def test_least_squares_and_dropping_are_stated() -> None:
    table = runs(60, 0.02)
    found = fit("additive", table, delta=np.inf, n_bootstrap=0, drop_highest=2)
    assert found.objective_kind == "sum of squares/2 of log loss residuals"
    assert found.objective == pytest.approx(float((found.residuals**2).sum() / 2))
    assert found.n_dropped == 2
    assert not set(np.argsort(-table["loss"])[:2]) & set(found.rows)


def test_held_out_runs_are_the_largest() -> None:
    table = runs(60, 0.005)
    found = fit("additive", table, n_bootstrap=0, hold_out=0.1)
    compute = table["n_parameters"] * table["n_training_tokens"]
    assert found.held_out is not None
    assert set(found.held_out.rows) == set(np.argsort(-compute)[:6])
    assert 0.001 < found.held_out.mean_absolute < 0.02
    small = fit("additive", runs(7, 0.0), n_bootstrap=0)
    assert small.held_out is None
    assert "too few runs" in (small.held_out_absent or "")


def test_fixed_and_tied_parameters() -> None:
    table = runs(60, 0.003)
    found = fit("additive", table, fixed={"E": 1.8}, tied={"beta": "alpha"}, n_bootstrap=50)
    assert found.parameters["E"].value == pytest.approx(1.8)
    assert found.parameters["alpha"].value == found.parameters["beta"].value
    free = fit("additive", table, n_bootstrap=0)
    assert free.objective <= found.objective


def test_data_follows_from_compute() -> None:
    table = runs(40, 0.002)
    compute = 6 * table["n_parameters"] * table["n_training_tokens"]
    by_compute = {"N": table["n_parameters"], "C": compute, "loss": table["loss"]}
    columns = {"n_parameters": "N", "compute_flops": "C"}
    first, second = (
        fit("additive", *args, n_bootstrap=0, **kwargs)  # type: ignore[arg-type]
        for args, kwargs in (((table,), {}), ((by_compute,), {"columns": columns}))
    )
    assert values(first) == pytest.approx(values(second), rel=1e-6)


def bad(**changes: object) -> dict[str, object]:
    return {**runs(20, 0.01), **changes}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (runs(6, 0.01), r"too few runs.*got 6 runs.*at least 7: 5 free parameters.*Train 1 more"),
        (bad(n_parameters=np.full(20, 1e9)), r"n_parameters hardly varies.*got 1 distinct value \(1e\+09.*at least 3"),
        (bad(n_training_tokens=np.repeat([1e9, 1e10], 10)), r"n_training_tokens hardly varies.*got 2 distinct values"),
        (bad(loss=np.append(np.ones(19), 0.0)), r"loss, run 19: 1 of 20 values cannot be used.*got 0"),
        (bad(loss=np.append(np.ones(19), np.nan)), r"got nan.*above 0"),
        (bad(n_parameters=-np.ones(20)), r"n_parameters, run 0: 20 of 20 values"),
        (bad(loss=["2.5"] * 19 + ["much"]), "loss, run 19: not a number; got 'much'"),
        (bad(loss=np.full(20, 2.5)), r"the same in every run.*got 2.5 in all 20 runs"),
        (bad(loss=np.ones(19)), "columns differ in length"),
        (bad(loss=np.ones((20, 2))), r"one number per run.*\(20, 2\)"),
        ({"n_parameters": np.ones(9), "loss": np.ones(9)}, r"table lacks columns.*expected n_training_tokens"),
    ],
)
def test_degenerate_tables_are_refused(table: dict[str, Array], message: str) -> None:
    with pytest.raises(LawError, match=message):
        fit("additive", table)


def test_runs_on_one_line_are_refused() -> None:
    table = runs(20, 0.01)
    table["n_training_tokens"] = 20 * table["n_parameters"]
    with pytest.raises(LawError, match="move together in every run"):
        fit("additive", table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fixed": {"gamma": 1.0}}, "no such parameter"),
        ({"tied": {"beta": "alpha"}, "fixed": {"alpha": 0.3}}, "tied to one that is fixed"),
        ({"fixed": {"A": -1.0}}, "A must be positive"),
        ({"fixed": TRUTH}, "nothing is left to fit"),
        ({"delta": 0.0}, "threshold must be positive"),
        ({"residuals": "cubic"}, "unknown kind of residuals"),
        ({"n_starts": 0}, "not a number of starts"),
        ({"confidence": 95}, "not a confidence level"),
        ({"hold_out": 1.0}, "not a share"),
        ({"drop_highest": 20}, "not a number of runs to drop"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(LawError, match=message):
        fit("additive", runs(20, 0.01), **options)  # type: ignore[arg-type]


def test_losses_that_rise_are_fitted_and_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Their exponents fall below zero, where some steps of the search meet singular matrices."""
    size, tokens = np.repeat(np.geomspace(1e8, 1e10, 6), 5), np.tile(np.geomspace(1e9, 1e12, 5), 6)
    noise = np.exp(0.003 * np.random.default_rng(3).standard_normal(30))
    rising = 8 - (1.7 + 400 / size**0.34 + 600 / tokens**0.3) * noise
    table = {"n_parameters": size, "n_training_tokens": tokens, "loss": rising}
    found = fit("additive", table, n_starts=100, n_bootstrap=20)
    assert values(found)["alpha"] < 0
    print_fit(found, found.to_law("rising"), None, as_json=False)
    assert "! alpha and beta came out below zero" in capsys.readouterr().out


def test_names_that_are_not_there() -> None:
    with pytest.raises(NotFound, match=r"no form of law named 'aditive'.*additive"):
        fit("aditive", runs(20, 0.0))
    with pytest.raises(NotFound, match=r"no column named 'los'.*loss"):
        fit("additive", runs(20, 0.0), columns={"loss": "los"})
    with pytest.raises(NotFound, match=r"no input of the fit named 'n_parameter'. Did you mean n_parameters"):
        fit("additive", runs(20, 0.0), columns={"n_parameter": "size"})


def test_tables_are_read_and_filtered(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("kind,N,loss\na,1,2.5\nb,2,2.25\na,3,2\n")
    assert read_table(path, {"kind": "a"}) == {"kind": ["a", "a"], "N": ["1", "3"], "loss": ["2.5", "2"]}
    with pytest.raises(LawError, match=r"no run.*3 rows, none with"):
        read_table(path, {"kind": "c"})
    with pytest.raises(NotFound, match="no column named 'sort'"):
        read_table(path, {"sort": "a"})
    with pytest.raises(NotFound, match="no such table"):
        read_table(tmp_path / "none.csv")


def test_a_table_is_the_same_from_parquet(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "runs.csv", tmp_path / "runs.PARQUET"
    csv.write_text("\ufeffkind, N ,loss\na,1,2.5\nb,2,2.25\n", encoding="utf-8")
    pq.write_table(pa.table({"kind": ["a", "b"], "N": [1, 2], "loss": [2.5, 2.25]}), parquet)
    assert read_table(csv) == {"kind": ["a", "b"], "N": ["1", "2"], "loss": ["2.5", "2.25"]}
    assert read_table(parquet) == {"kind": ["a", "b"], "N": [1, 2], "loss": [2.5, 2.25]}
    assert read_table(parquet, {"N": "2"}) == {"kind": ["b"], "N": [2], "loss": [2.25]}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("runs.csv", b"", "has no run"),
        ("runs.csv", b"N,loss\n", r"has no run.*0 rows"),
        ("runs.csv", b"N,loss\n1,2,3\n", "another number of fields"),
        ("runs.csv", b"N,N\n1,2\n", "two columns of one name"),
        ("runs.csv", b"N;loss\n1;2\n", "not separated by commas; got ';'"),
        ("runs.csv", b"N,loss\n\xff,2\n", "cannot be read"),
        ("runs.parquet", b"N,loss\n1,2\n", "cannot be read"),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LawError, match=said):
        read_table(tmp_path / name)
