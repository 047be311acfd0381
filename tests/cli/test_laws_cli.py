"""`tokeff laws`: what it prints agrees with the laws; a fitted law is used by name; bad input is refused."""

import io
import json
import re
import sys
from contextlib import chdir, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokeff import laws
from tokeff.cli.app import run


def call(*arguments: object, folder: Path | None = None, expect: int = 0) -> str:
    """The command line in this process: what it prints, on standard output or, where it refuses, on standard error."""
    out, err = io.StringIO(), io.StringIO()
    place = chdir(folder) if folder else nullcontext()
    with (
        mock.patch.object(sys, "argv", ["tokeff", "laws", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
        place,
        pytest.raises(SystemExit) as end,
    ):
        run()
    assert (end.value.code or 0) == expect, err.getvalue()
    return out.getvalue() if expect == 0 else err.getvalue()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that follow Hoffmann's law to 0.1 per cent, as CSV and as Parquet."""
    draw = np.random.default_rng(0)
    size, tokens = (
        np.exp(draw.uniform(np.log(1e8), np.log(1e10), 60)),
        np.exp(draw.uniform(np.log(1e9), np.log(1e12), 60)),
    )
    exact = laws.load("hoffmann-2022").predict({"n_parameters": size, "n_training_tokens": tokens}).value
    loss = exact * np.exp(0.001 * draw.standard_normal(60))
    folder = tmp_path_factory.mktemp("runs")
    table = {"size": size, "tokens": tokens, "final": loss, "kind": ["a"] * 50 + ["b"] * 10}
    pq.write_table(pa.table(table), folder / "runs.parquet")
    rows = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    (folder / "runs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


COLUMNS = ("-c", "n_parameters=size", "-c", "n_training_tokens=tokens", "-c", "loss=final")


def test_list_holds_every_law() -> None:
    listed = json.loads(call("list", "--json"))
    assert [each["name"] for each in listed if each["built_in"]] == laws.names()
    by_name = {each["name"]: each for each in listed}
    assert by_name["shukor-2025-early"]["covers"] == ["text", "image"]
    assert by_name["shukor-2025-early"]["status"] == "derived"
    shown = call("list")
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert "fit only" in shown


@pytest.mark.parametrize("name", laws.names())
def test_show_any_law(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from tokeff.cli.laws import show

    show(name)
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert " ".join(laws.load(name).source.split()) in " ".join(shown.split())


def test_predict_agrees_with_the_law() -> None:
    found = json.loads(
        call("predict", "besiroglu-2024-refit", "n_parameters=1B,70B", "n_training_tokens=140B", "--json")
    )
    expected = laws.load("besiroglu-2024-refit").predict({"n_parameters": [1e9, 70e9], "n_training_tokens": 140e9})
    assert [each["value"] for each in found["predictions"]] == pytest.approx(expected.value.tolist())
    assert expected.low is not None
    assert [each["low"] for each in found["predictions"]] == pytest.approx(expected.low.tolist())
    assert [each["extrapolates"] for each in found["predictions"]] == [False, True]
    shown = call("predict", "besiroglu-2024-refit", "n_parameters=70B", "n_training_tokens=140B")
    assert "!" in shown
    assert "outside" in shown


def test_optimum_and_inverse() -> None:
    found = json.loads(call("predict", "hoffmann-2022", "--compute-flops", "1e21,1e22", "--json"))
    expected = laws.optimum(laws.load("hoffmann-2022"), [1e21, 1e22])
    assert found["optimum"]["n_parameters"] == pytest.approx(expected.inputs["n_parameters"].tolist())
    question = ("predict", "hoffmann-2022", "n_parameters=7B", "--target", "2.1", "--for", "n_training_tokens")
    tokens = json.loads(call(*question, "--json"))["n_training_tokens"]
    again = laws.load("hoffmann-2022").predict({"n_parameters": 7e9, "n_training_tokens": tokens})
    assert float(again.value) == pytest.approx(2.1)


def test_optimum_and_inverse_say_where_they_come_from_and_how_far_they_reach() -> None:
    best = ("predict", "besiroglu-2024-refit", "--compute-flops", "1e20,1e26")
    found = json.loads(call(*best, "--json"))
    assert (found["status"], found["extrapolates"]) == ("refitted", [False, True])
    assert found["loss_low"][0] < found["loss"][0] < found["loss_high"][0]
    assert "! model size lies outside" in call(*best)
    question = ("predict", "hoffmann-2022", "n_parameters=1e12", "--target", "2.1", "--for", "n_training_tokens")
    found = json.loads(call(*question, "--json"))
    assert (found["status"], found["extrapolates"]) == ("published", True)
    assert "! model size lies outside" in call(*question)


def test_show_has_the_range_of_a_sample_and_says_what_is_not_published() -> None:
    shown = call("show", "besiroglu-2024-refit")
    assert re.search(r"beta +0\.367172 +\[0\.3\d+, 0\.4\d+\]", shown)
    assert re.search(r"alpha +– +– +not published", call("show", "sun-guo-2024"))


def test_fit_prints_what_it_must_and_keeps_the_law(runs: Path, tmp_path: Path) -> None:
    arguments = ("fit", "additive", runs / "runs.csv", *COLUMNS, "--bootstrap", "50", "--name", "mine", "--json")
    found = json.loads(call(*arguments, folder=tmp_path))
    assert {"parameters", "objective", "n", "starts", "influence", "held_out", "residuals"} <= set(found)
    assert (found["n"], found["starts"]) == (60, 128)
    assert len(found["influence"]) == len(found["residuals"]) == 60
    alpha = found["parameters"]["alpha"]
    assert alpha["low"] < 0.34 < alpha["high"]
    point = ("n_parameters=1B", "n_training_tokens=20B")
    predicted = json.loads(call("predict", "mine", *point, "--json", folder=tmp_path))
    truth = float(laws.load("hoffmann-2022").predict({"n_parameters": 1e9, "n_training_tokens": 20e9}).value)
    assert predicted["predictions"][0]["value"] == pytest.approx(truth, rel=2e-3)
    assert "mine" in call("list", folder=tmp_path)
    assert "a file is in the way" in call(*arguments, folder=tmp_path, expect=1)


def test_fit_draws_its_residuals(runs: Path, tmp_path: Path) -> None:
    shown = call("fit", "hoffmann-2022", runs / "runs.csv", *COLUMNS, "--bootstrap", "20", folder=tmp_path)
    assert max(len(line) for line in shown.splitlines()) <= 100
    plot = shown.partition("residuals")[2]
    assert plot.count("o") + plot.count("O") >= 20
    assert "---" in plot
    assert list(tmp_path.iterdir()) == []  # without a name nothing is kept


def test_parquet_and_csv_are_the_same_runs(runs: Path) -> None:
    options = (*COLUMNS, "--where", "kind=a", "--bootstrap", "0", "--json")
    tables = [json.loads(call("fit", "additive", runs / name, *options)) for name in ("runs.csv", "runs.parquet")]
    assert tables[0] == tables[1]
    assert tables[0]["n"] == 50
    assert tables[0]["influence"] is None


@pytest.mark.shared
def test_published_refit_by_its_command(shared: Path) -> None:
    # Besiroglu et al. 2024 on their own table, the five highest losses dropped.
    table = shared / "tables" / "chinchilla_fig4_points.csv"
    columns = ("-c", "n_parameters=Model Size", "-c", "compute_flops=Training FLOP")
    found = json.loads(call("fit", "additive", table, *columns, "--drop-highest", "5", "--bootstrap", "50", "--json"))
    values = {name: each["value"] for name, each in found["parameters"].items()}
    assert values["E"] == pytest.approx(1.81722, abs=5e-5)
    assert values["alpha"] == pytest.approx(0.34731, abs=5e-5)
    assert found["objective"] == pytest.approx(0.0010182740, rel=1e-6)


@pytest.mark.shared
def test_errors_of_scores(shared: Path) -> None:
    # Li et al. 2024, OCR tasks: beta .0394 (2411.03312), by least squares on 1 - score.
    table = shared / "tables" / "vlm_visual_tokens.csv"
    columns = ("-c", "n_parameters=N_B", "-c", "n_visual_tokens=visual_tokens", "-c", "loss=1-score")
    options = ("--where", "task=ocr", "--delta", "inf", "--residuals", "plain", "--bootstrap", "0", "--json")
    found = json.loads(call("fit", "visual-tokens", table, *columns, *options))
    assert found["parameters"]["beta"]["value"] == pytest.approx(0.0394, abs=5e-5)


@pytest.mark.shared
def test_a_law_of_errors_does_not_predict_nats(runs: Path, tmp_path: Path) -> None:
    table = pq.read_table(runs / "runs.parquet")
    score = 1 - table["final"].to_numpy() / 10
    pq.write_table(table.append_column("score", pa.array(score)), tmp_path / "scores.parquet")
    columns = (*COLUMNS[:4], "-c", "loss=1-score")
    call("fit", "additive", "scores.parquet", *columns, "--name", "errors", "--bootstrap", "0", folder=tmp_path)
    shown = json.loads(call("show", "errors", "--json", folder=tmp_path))
    assert (shown["quantity"], shown["unit"]) == ("error", "share")


def test_law_of_vision_representation_by_its_command(shared: Path) -> None:
    # Yang et al. 2408.16357 v3: mean R2 of the four vision benchmarks 94.06 (AC), of alignment alone 91.49.
    table = shared / "tables" / "law_of_vision_representation.csv"
    columns = ("--alignment", "A_loglik", "--correspondence", "C_pck010")
    scores = "MMBench,MME,OKVQA,SEED"
    found = json.loads(call("representation", table, *columns, "--scores", scores, "--json"))["fits"]
    means = {terms: 100 * np.mean(list(fit["r2"].values())) for terms, fit in found.items()}
    assert means["AC"] == pytest.approx(94.08, abs=0.006)
    assert means["A"] == pytest.approx(91.49, abs=0.006)
    assert all(fit["leave_one_out_r2"]["SEED"] < fit["r2"]["SEED"] for fit in found.values())
    shown = call("representation", table, *columns, "--scores", scores)
    assert "believe the column left out" in " ".join(shown.split())
    message = call("representation", table, *columns, "--scores", "MMBensh", expect=1)
    assert "MMBench" in message


@pytest.mark.parametrize(("scores", "said"), [("nan", "score, row 9: not a finite number"), ("7", "not all equal")])
def test_scores_that_tell_nothing(tmp_path: Path, scores: str, said: str) -> None:
    rows = ["A,C,score", *(f"{k},{k * k % 7},7" for k in range(9)), f"9,3,{scores}"]
    (tmp_path / "encoders.csv").write_text("\n".join(rows), encoding="utf-8")
    options = ("--alignment", "A", "--correspondence", "C", "--scores", "score")
    assert said in call("representation", "encoders.csv", *options, folder=tmp_path, expect=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "hofmann-2022"), "hoffmann-2022"),
        (("predict", "hoffmann-2022"), "no inputs"),
        (("predict", "hoffmann-2022", "n_parameters"), "NAME=VALUE"),
        (("predict", "hoffmann-2022", "n_parameters=7X", "n_training_tokens=1B"), "unknown unit"),
        (("predict", "hoffmann-2022", "n_parameters=-7B", "n_training_tokens=1B"), "above zero"),
        (("predict", "hoffmann-2022", "n_parameters=7B"), "other inputs"),
        (("predict", "hoffmann-2022", "n_parameters=1B,2B,3B", "n_training_tokens=1B,2B"), "number of values"),
        (("predict", "hoffmann-2022", "n_parameters=7B", "--target", "2.1"), "go together"),
        (("predict", "hoffmann-2022", "n_parameters=7B", "--target", "1.0", "--for", "n_training_tokens"), "between"),
        (("predict", "aghajanyan-2023-text", "n_parameters=7B", "n_training_tokens=1B"), "publishes no value"),
        (("fit", "additive", "nowhere.csv"), "no such table"),
        (("fit", "additive", "nowhere.parquet"), "no such table"),
        (("fit", "aditive", "nowhere.csv"), "additive"),
    ],
)
def test_refusals(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    message = call(*arguments, folder=tmp_path, expect=1)
    assert said in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-c", "n_parameters=nope"), "lacks columns|no column"),
        ((*COLUMNS, "--where", "kind=z"), "no run"),
        ((*COLUMNS, "--where", "colour=z"), "column"),
        ((*COLUMNS, "--drop-highest", "58"), "too few runs"),
        ((*COLUMNS, "--fix", "gamma=1"), "no such parameter"),
        ((*COLUMNS, "--fix", "alpha=x"), "not a number"),
        ((*COLUMNS, "--residuals", "square"), "log or plain"),
        ((*COLUMNS, "--name", "hoffmann-2022"), "built-in"),
        ((*COLUMNS, "--name", "../escape"), "not a name"),
    ],
)
def test_tables_that_cannot_be_fitted(runs: Path, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    message = call("fit", "additive", runs / "runs.csv", *options, "--bootstrap", "0", folder=tmp_path, expect=1)
    assert any(part in message for part in said.split("|")), message


def test_a_broken_file_of_a_law_is_not_an_unknown_name(runs: Path, tmp_path: Path) -> None:
    call("fit", "additive", runs / "runs.csv", *COLUMNS, "--name", "mine", "--bootstrap", "0", folder=tmp_path)
    path = tmp_path / "mine.json"
    path.write_text(path.read_text("utf-8").replace('"additive"', '"additiv"'), encoding="utf-8")
    assert "no form of law named 'additiv'" in call("show", "mine", folder=tmp_path, expect=1)


def test_one_model_size_is_refused_by_name(tmp_path: Path) -> None:
    rows = ["n_parameters,n_training_tokens,loss", *(f"1e9,{k}e9,{3 - 0.1 * k}" for k in range(1, 12))]
    (tmp_path / "runs.csv").write_text("\n".join(rows), encoding="utf-8")
    message = call("fit", "additive", "runs.csv", folder=tmp_path, expect=1)
    assert "n_parameters hardly varies" in message
    assert "Add runs at another n_parameters" in message
