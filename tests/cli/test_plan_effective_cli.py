"""`tokeff plan --tokens effective@8,4` on a real run: what the tokens keep was measured, and the plan counts it."""

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tokeff
from tokeff.cli.app import app
from tokeff.errors import NotFound

SAMPLES = Path(__file__).parents[2] / "data_samples"
ITEMS = ("text/french_train.txt", "text/english_letters.txt", "image/balls_small.png")
CORPUS = ("--corpus", "text=1TB,image=1TB", "--parameters", "1B")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "effective"
    paths = [str(SAMPLES / item) for item in ITEMS]
    options = ["-t", "bytes", "-t", "jpeg-q75", "--reconstruction", "sample", "--no-report", "-o", str(out)]
    result = CliRunner().invoke(app, ["profile", *paths, *options])
    assert result.exit_code == 0, result.output
    return out


def test_the_plan_counts_what_the_tokens_keep(run: Path) -> None:
    measured = {m["modality"]: m for m in json.loads((run / "measurements.json").read_text())["measurements"]}
    share = measured["image"]["reconstruction"]["retained_share"]["8"]["4"]
    assert 0.02 < share < 0.98
    raw, effective = (
        json.loads(CliRunner().invoke(app, ["plan", str(run), *CORPUS, "--tokens", kind, "--json"]).output)
        for kind in ("raw", "effective@8,4")
    )
    assert effective["tokens"] == "effective@8,4"
    plain, kept = raw["scenarios"][0], effective["scenarios"][0]
    tokens = {m["modality"]: m["tokens"]["value"] for m in plain["modalities"]}
    counted = {m["modality"]: m["effective_tokens"]["value"] for m in kept["modalities"]}
    assert counted == {"text": pytest.approx(tokens["text"]), "image": pytest.approx(share * tokens["image"])}
    assert kept["score"]["value"] - plain["score"]["value"] == pytest.approx(math.log(share))
    assert kept["cost"] == plain["cost"]
    assert any("Effective tokens, tokeff's extension and not of the paper" in note for note in kept["notes"])
    early = [
        next(each["loss"]["value"] for each in plan["losses"] if each["law"] == "shukor-2025-early")
        for plan in (plain, kept)
    ]
    assert early[1] > early[0]


def test_the_table_shows_them_and_a_fidelity_that_was_not_measured_is_refused(run: Path) -> None:
    shown = CliRunner().invoke(app, ["plan", str(run), *CORPUS, "--tokens", "effective@8,4"]).output
    assert "effective" in shown
    assert "image" in shown
    with pytest.raises(NotFound, match=r"depth 8, scale 3.*8,4.*--tokens image=effective@DEPTH,SCALE"):
        tokeff.plan(run, tokens="effective@8,3")
