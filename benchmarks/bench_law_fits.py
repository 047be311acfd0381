"""Fits of scaling laws on public runs: what comes out, beside what was published, and how long it takes beside scipy.

Run: python benchmarks/bench_law_fits.py SHARED [--out benchmarks/results/law_fits.json]

tokeff and scipy's L-BFGS-B (analytic gradient, log-sum-exp coordinates: the usual way to fit this law) minimise the
same objective on the same bootstrap weights from the same point, alternating; objectives are compared before times are.
"""

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize

from tokeff import laws
from tokeff.laws.fitting import Fit, fit, read_table
from tokeff.laws.fitting.curves import make_curve
from tokeff.laws.fitting.newton import huber, minimise
from tokeff.laws.forms import FORMS, Array
from tokeff.laws.representation import fit_representation, policy_recall

N_REPEATS, N_RACED, N_SIMULATED, DELTA = 5, 40, 100, 1e-3
VISION, OCR = ("MMBench", "MME", "OKVQA", "SEED"), ("MMMU", "TextVQA", "VizWiz", "ScienceQA")
CHINCHILLA = {"n_parameters": "Model Size", "compute_flops": "Training FLOP"}


def shown(found: Fit) -> dict[str, Any]:
    """What a fit found, in plain numbers."""
    return {
        "parameters": {name: [e.value, e.low, e.high] for name, e in found.parameters.items()},
        "objective": found.objective,
        "objective_kind": found.objective_kind,
        "r2": found.r2,
        "n_runs": found.n_runs,
        "starts_at_best": [found.n_starts_at_best, found.n_starts],
        "bootstrap": [found.n_bootstrap, found.n_bootstrap_failed],
        "held_out_mean_absolute_error": found.held_out.mean_absolute if found.held_out else None,
    }


def chinchilla(tables: Path) -> dict[str, Any]:
    """The refit of Besiroglu et al., timed whole: 128 starts, 400 bootstraps, each run left out, held-out refit."""
    table = read_table(tables / "chinchilla_fig4_points.csv")
    seconds = []
    for _ in range(N_REPEATS):
        start = time.perf_counter()
        found = fit("additive", table, columns=CHINCHILLA, drop_highest=5)
        seconds.append(time.perf_counter() - start)
    kept = fit("additive", table, columns=CHINCHILLA)
    rows = {"without_5_highest": shown(found), "all_runs": shown(kept), "seconds_whole_fit": seconds}
    return rows | {"most_influential_rows_of_all": [int(row) for row in kept.most_influential(5)]}


def race(tables: Path) -> dict[str, Any]:
    """Bootstrap refits by tokeff (one batch) and by scipy (one after the other), same weights, same start."""
    table = read_table(tables / "chinchilla_fig4_points.csv")
    first = fit("additive", table, columns=CHINCHILLA, drop_highest=5, n_bootstrap=0)
    size = np.asarray(table["Model Size"], float)[first.rows]
    tokens = np.asarray(table["Training FLOP"], float)[first.rows] / 6 / size
    target = np.log(np.asarray(table["loss"], float)[first.rows])
    inputs = {"n_parameters": size, "n_training_tokens": tokens}
    form = FORMS["additive"]
    theta = form.encode({name: estimate.value for name, estimate in first.parameters.items()})
    curve = make_curve(form, inputs, np.eye(5), np.zeros(5))
    n = len(target)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), N_RACED).astype(float)
    design = form.design(inputs)
    assert design is not None

    def by_scipy(row: Array) -> float:
        def objective(at: Array) -> tuple[float, Array]:
            terms = design @ at
            top = terms.max(axis=1)
            scaled = np.exp(terms - top[:, None])
            total = scaled.sum(axis=1)
            residuals = top + np.log(total) - target
            slope = row * np.clip(residuals, -DELTA, DELTA)
            gradient = np.einsum("n,nk,nkp->p", slope / total, scaled, design)
            return float((row * huber(residuals, DELTA)).sum()) / DELTA, gradient / DELTA

        options = {"maxiter": 5000, "maxfun": 20000, "ftol": 1e-15, "gtol": 1e-9}
        return (
            float(scipy.optimize.minimize(objective, theta, jac=True, method="L-BFGS-B", options=options).fun) * DELTA
        )

    ours_seconds, scipy_seconds = [], []
    for _ in range(3):
        start = time.perf_counter()
        ours = minimise(curve, target, weights, np.repeat(theta[None], N_RACED, axis=0), DELTA).objective
        ours_seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        theirs = np.array([by_scipy(row) for row in weights])
        scipy_seconds.append(time.perf_counter() - start)
    return {
        "n_refits": N_RACED,
        "tokeff_never_worse": bool((ours <= theirs * (1 + 1e-9)).all()),
        "scipy_excess_objective_median": float(np.median(theirs / ours - 1)),
        "scipy_excess_objective_max": float((theirs / ours - 1).max()),
        "tokeff_seconds": ours_seconds,
        "scipy_seconds": scipy_seconds,
        "speedup": statistics.median(scipy_seconds) / statistics.median(ours_seconds),
    }


def coverage() -> dict[str, Any]:
    """How often 95 % bootstrap intervals hold the planted truth; 120 runs with 1 % noise, 100 tables."""
    truth = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37}
    inside = dict.fromkeys(truth, 0)
    for seed in range(N_SIMULATED):
        rng = np.random.default_rng(seed)
        size, tokens = 10 ** rng.uniform(7.5, 10, 120), 10 ** rng.uniform(9, 11.5, 120)
        loss = truth["E"] + truth["A"] / size ** truth["alpha"] + truth["B"] / tokens ** truth["beta"]
        loss *= np.exp(0.01 * rng.standard_normal(120))
        table = {"n_parameters": size, "n_training_tokens": tokens, "loss": loss}
        found = fit("additive", table, n_starts=8, n_bootstrap=300, hold_out=0)
        for name, value in truth.items():
            low, high = found.parameters[name].low, found.parameters[name].high
            inside[name] += low is not None and high is not None and low <= value <= high
    return {name: count / N_SIMULATED for name, count in inside.items()}


def visual_tokens(tables: Path) -> dict[str, Any]:
    """Li et al.: published visual .0709/.0151 (R2 .992), OCR .0282/.0394 (R2 .961)."""
    rows = {}
    for task in ("visual", "ocr"):
        table = read_table(tables / "vlm_visual_tokens.csv", {"task": task})
        runs = {
            "n_parameters": np.asarray(table["N_B"], float) * 1e9,
            "n_visual_tokens": np.asarray(table["visual_tokens"], float),
            "loss": 1 - np.asarray(table["score"], float),
        }
        rows[task] = shown(fit("visual-tokens", runs, delta=np.inf, residuals="plain"))
    return rows


def repeated(tables: Path) -> dict[str, Any]:
    """Muennighoff's form fitted jointly, on all runs and on those where repeating had not begun to hurt."""
    table = read_table(tables / "data_constrained_runs.csv")
    names = {
        "n_parameters": "params",
        "n_training_tokens": "tokens",
        "n_unique_tokens": "unique_tokens",
        "loss": "val_loss",
    }
    runs = {name: np.asarray(table[column], float) for name, column in names.items()}
    size, tokens, unique, loss = runs.values()
    same = (size[:, None] == size) & (unique[:, None] == unique)
    hurt = (same & (tokens < tokens[:, None]) & (loss < loss[:, None])).any(axis=1)
    law = laws.load("muennighoff-2023")
    predicted = law.predict({name: runs[name] for name in names if name != "loss"}).value
    rows: dict[str, Any] = {
        "published": {name: parameter.value for name, parameter in law.parameters.items()},
        "median_log_residual_of_published_law": float(np.median(np.log(loss / predicted)[~hurt])),
    }
    for label, keep in (("not_hurt", ~hurt), ("all", np.ones(len(loss), bool))):
        kept = {name: column[keep] for name, column in runs.items()}
        start = time.perf_counter()
        rows[label] = shown(fit("repeated", kept, tied={"beta": "alpha"}, n_starts=32, n_bootstrap=100))
        rows[label]["seconds"] = time.perf_counter() - start
    return rows


def porian(tables: Path) -> dict[str, Any]:
    """N ~ C^a of every setting of Porian et al. (whose own a falls from 0.88 to about 0.5 down this list)."""
    settings = [
        {"param_count": "kaplan"},
        {"param_count": "standard", "warmup": "long"},
        {"param_count": "standard", "warmup": "short", "decay": "kaplan"},
        {"decay": "chinchilla"},
        {"hparams": "tuned"},
    ]
    rows = {}
    for setting in settings:
        table = read_table(tables / "porian_isoflop.csv", setting)
        found = fit("additive", table, columns={"n_parameters": "params_n", "n_training_tokens": "tokens_t"})
        a = found.draws[:, 4] / (found.draws[:, 3] + found.draws[:, 4])
        alpha, beta = found.parameters["alpha"].value, found.parameters["beta"].value
        label = " ".join(setting.values())
        rows[label] = shown(found) | {"a": [beta / (alpha + beta), *np.quantile(a, [0.025, 0.975]).tolist()]}
    return rows


def representation(tables: Path) -> dict[str, Any]:
    """Mean R2 in per cent, in sample and left out, and the AC policy (docstring of policy_recall) by number of runs."""
    with (tables / "law_of_vision_representation.csv").open() as file:
        entries = list(csv.DictReader(file))
    columns = {name: np.array([float(row[name]) for row in entries]) for name in entries[0] if name != "vr"}
    alignment, correspondence = columns["A_loglik"], columns["C_pck010"]
    rows: dict[str, Any] = {}
    for terms in ("AC", "A", "C", "linear"):
        for label, names in (("vision", VISION), ("ocr", OCR)):
            scores = np.stack([columns[name] for name in names], axis=1)
            found = fit_representation(alignment, correspondence, scores, terms)
            rows[f"{terms} {label}"] = [100 * float(found.r2.mean()), 100 * float(found.leave_one_out_r2.mean())]
    scores = np.stack([columns[name] for name in (*VISION, *OCR)])
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    overall = ((scores - low) / (high - low)).mean(axis=0)
    by_runs = {k: policy_recall(alignment, correspondence, overall, n_runs=k) for k in (2, 3, 4, 5, 6)}
    per_benchmark = [policy_recall(alignment, correspondence, score, n_runs=4) for score in scores]
    only_a = policy_recall(alignment, correspondence, overall, n_runs=4, terms="A")
    seeds = [policy_recall(alignment, correspondence, overall, n_runs=4, seed=seed) for seed in range(5)]
    return {
        "r2_percent_in_sample_and_left_out": rows,
        "recall_at_3_of_mean_score_by_runs": by_runs,
        "recall_at_3_four_runs_five_seeds": seeds,
        "recall_at_3_four_runs_mean_over_single_benchmarks": float(np.mean(per_benchmark)),
        "recall_at_3_four_runs_A_alone": only_a,
        "best_among_four_random_runs": 4 / len(alignment),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    tables = arguments.shared / "tables"
    parts = {part.__name__: part for part in (chinchilla, race, visual_tokens, repeated, porian, representation)}
    results: dict[str, Any] = {name: part(tables) for name, part in parts.items()}
    results["coverage_of_95_percent_intervals"] = coverage()
    cpus = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    results["machine"] = {
        "cpu": next((line.partition(":")[2].strip() for line in cpus if "model name" in line), platform.processor()),
        "n_cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("numpy", "scipy")},
    }
    text = json.dumps(results, indent=1, allow_nan=False)
    print(text)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
