"""Law files: built-in ones, fitted ones saved and read back, and malformed ones refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest

from tokeff import laws
from tokeff.errors import LawError, NotFound
from tokeff.laws.fitting import fit
from tokeff.laws.store import parse

GOOD = """
schema = "tokeff.laws/1"
[[law]]
name = "mine"
form = "additive"
title = "t"
status = "published"
source = "s"
parameters = { E = 1.7, A = 400, B = 400, alpha = 0.34, beta = 0.28 }
"""


def runs(n: int = 40) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    rng = np.random.default_rng(0)
    size, tokens = 10 ** rng.uniform(7, 10, n), 10 ** rng.uniform(9, 12, n)
    loss = 1.8 + 400 / size**0.34 + 900 / tokens**0.33
    return {"n_parameters": size, "n_training_tokens": tokens, "loss": loss * np.exp(0.01 * rng.standard_normal(n))}


def test_every_built_in_law_states_its_source() -> None:
    names = laws.names()
    assert len(names) == len(set(names)) >= 30
    for name in names:
        law = laws.load(name)
        assert "arXiv" in law.source
        assert set(law.parameters) == set(law.bound_form(["text_tokens"]).parameters)


def test_a_fitted_law_is_saved_and_predicts_the_same(tmp_path: Path) -> None:
    law = fit("additive", runs(), n_starts=16, n_bootstrap=60).to_law("mine", source="my runs")
    path = tmp_path / "mine.json"
    laws.save(law, path)
    again = laws.load(path)
    by_name = laws.load("mine", folders=[tmp_path])
    inputs = {"n_parameters": np.array([1e8, 1e12]), "n_training_tokens": np.array(1e11)}
    for other in (again, by_name):
        one, two = law.predict(inputs), other.predict(inputs)
        np.testing.assert_array_equal(one.value, two.value)
        assert one.low is not None
        assert two.low is not None
        np.testing.assert_array_equal(one.low, two.low)
        np.testing.assert_array_equal(two.extrapolates, [False, True])
    assert (again.status, again.source, again.accounting) == ("refitted", "my runs", "dense")
    best = laws.optimum(again, 1e21)
    assert best.low is not None
    assert best.high is not None
    assert float(best.low["n_parameters"]) < float(best.inputs["n_parameters"]) < float(best.high["n_parameters"])


def test_a_law_over_modalities_remembers_them(tmp_path: Path) -> None:
    table = runs()
    rng = np.random.default_rng(1)
    score = {
        "n_parameters": table["n_parameters"],
        "text_tokens": table["n_training_tokens"],
        "image_tokens": 10 ** rng.uniform(9, 12, 40),
    }
    score["score"] = sum(np.log(column) for column in score.values()) * 0.1 + 0.01 * rng.standard_normal(40)
    law = fit("weighted-log-product", score, n_bootstrap=50).to_law("mine")
    laws.save(law, tmp_path / "mine.json")
    again = laws.load(tmp_path / "mine.json")
    found = again.predict({"n_parameters": 1e9, "text_tokens": 1e11, "image_tokens": 1e10})
    assert found.low is not None
    assert found.high is not None
    truth = 0.1 * np.log(1e30)
    assert float(found.low) - 0.05 < truth < float(found.high) + 0.05
    assert found.unit == "score"
    with pytest.raises(LawError, match=r"other inputs.*image_tokens"):
        again.predict({"n_parameters": 1e9, "text_tokens": 1e11})


def test_covariance_gives_the_interval_of_the_bootstrap() -> None:
    law = laws.load("besiroglu-2024-refit")
    assert law.draws is not None
    found = law.predict({"n_parameters": 1e9, "n_training_tokens": 2e10})
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert 0.002 < float((found.high - found.low) / found.value) < 0.02
    spread = dict(zip(law.draw_names, law.draws.std(axis=0), strict=True))
    assert spread["alpha"] == pytest.approx(0.0154, rel=0.15)  # Besiroglu et al. 2024's standard errors
    assert spread["beta"] == pytest.approx(0.0206, rel=0.15)
    assert spread["E"] == pytest.approx(0.0257, rel=0.15)


def test_good_text_parses() -> None:
    (law,) = parse(GOOD, "x.toml")
    assert law.parameters["A"].value == 400
    assert law.missing == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"tokeff.laws/1"', '"tokeff.laws/9"', "x.toml: is not a file of laws"),
        ("[[law]]", "[[law]", "x.toml: cannot be read"),
        ('title = "t"', "title = 3", r"law 1 \(mine\): title must be text"),
        ('title = "t"', 'title = "t"\ncolour = "red"', r"unknown key.*got colour"),
        ('"published"', '"guessed"', r"unknown status.*got guessed.*published, refitted, derived"),
        ("E = 1.7", 'E = "low"', r"parameters.E: must be a finite number"),
        ("E = 1.7", "E = nan", r"parameters.E: must be a finite number"),
        ("E = 1.7", "gamma = 1.7", r"not parameters of the form; got gamma"),
        ("E = 1.7", "E = { value = 1.7, error = 1 }", r"parameters.E: unknown key; got error"),
        ('source = "s"', 'source = "s"\nranges = { n_parameters = [2, 1] }', r"ranges.n_parameters: a range is"),
        ('source = "s"', 'source = "s"\ncovariance = [[1.0]]', "symmetric matrix"),
        ('source = "s"', 'source = "s"\ndraws = [[1.0]]', "one column per draw name"),
        ('source = "s"', 'source = "s"\ndraws = [["a"]]', "draws: is not a table of numbers"),
        ('source = "s"', 'source = "s"\ndraw_names = ["gamma"]', "draw_names are parameters; got gamma"),
        ('source = "s"', 'source = "s"\ndraw_names = 3', "draw_names is a list of names"),
        ('source = "s"', 'source = "s"\nmodalities = 3', "modalities is a list of names"),
        ('source = "s"', 'source = "s"\nranges = [1]', "ranges is a table"),
        ('source = "s"', 'source = "s"\nconstants = 3', "constants is a table"),
        ("A = 400", "A = -400", "parameters.A: must not be below zero"),
    ],
)
def test_malformed_files(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(LawError, match=message):
        parse(GOOD.replace(old, new), "x.toml")


def test_unknown_forms_and_accountings_suggest_names() -> None:
    with pytest.raises(NotFound, match=r"form of law named 'additiv'.*additive"):
        parse(GOOD.replace('"additive"', '"additiv"'), "x.toml")
    with pytest.raises(NotFound, match=r"accounting of compute named 'dens'.*dense"):
        parse(GOOD + 'accounting = "dens"\n', "x.toml")


def test_a_path_holds_one_law(tmp_path: Path) -> None:
    law = json.loads(json.dumps({"name": "a", "form": "frontier", "title": "t", "status": "published", "source": "s"}))
    law["parameters"] = {"k": 1.0, "c": -0.05}
    path = tmp_path / "two.json"
    path.write_text(json.dumps({"schema": "tokeff.laws/1", "law": [law, law]}))
    with pytest.raises(LawError, match=r"holds one law.*got 2"):
        laws.load(path)
    with pytest.raises(NotFound, match=r"no law named .*none\.json"):
        laws.load(tmp_path / "none.json")
