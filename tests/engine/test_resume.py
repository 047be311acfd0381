"""A run goes on with the same command, refuses another one saying what differs, and survives a full disk."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tokeff
from tokeff.engine.ledger import Ledger
from tokeff.engine.options import Options
from tokeff.engine.profile import job
from tokeff.engine.validate import validate
from tokeff.errors import RunError
from tokeff.records.cards import Artefact, Card


class Interrupted(Exception):
    pass


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three files of lines, large enough for a shard each."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(3):
        lines = [
            f"line {line} of file {number} has a few words and some more {'y' * (line % 900)}\n" for line in range(1500)
        ]
        (folder / f"{number}.txt").write_text("".join(lines))
    return folder


def profile(corpus: Path, run: Path, **options: Any) -> Any:
    given: dict[str, Any] = {"tokenizers": "bytes", "device": "cpu", "unit": "line", "report": False} | options
    return tokeff.profile(corpus, out=run, **given)


@pytest.fixture
def unfinished(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was interrupted when its first shard was measured: what is kept is what was committed."""
    run = tmp_path / "run"
    keep = Ledger.keep

    def keep_one(self: Ledger, path: Path, data: bytes) -> None:
        keep(self, path, data)
        if "-measure-" in path.name:
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "keep", keep_one)
        with pytest.raises(Interrupted):
            profile(corpus, run)
    assert sorted(path.name for path in run.iterdir()) == ["shards"]
    assert len(list(run.glob("shards/*-measure-*.zip"))) == 1
    return run


def content(run: Path) -> tuple[bytes, bytes, dict[str, Any]]:
    measured = json.loads((run / "measurements.json").read_text())
    for each in measured["measurements"]:
        each.pop("throughput")
    return (run / "items.parquet").read_bytes(), (run / "errors.jsonl").read_bytes(), measured


def test_it_goes_on_and_ends_as_one_that_was_not_interrupted(corpus: Path, unfinished: Path, tmp_path: Path) -> None:
    (done,) = unfinished.glob("shards/*-measure-*.zip")
    before = done.stat().st_mtime_ns
    (unfinished / "shards" / "000001-measure-half.zip.part").write_bytes(b"half")
    (unfinished / "items.parquet.part").write_bytes(b"half")
    profile(corpus, unfinished)
    assert done.stat().st_mtime_ns == before
    profile(corpus, tmp_path / "whole")
    assert content(unfinished) == content(tmp_path / "whole")


def _more_text(corpus: Path) -> None:
    (corpus / "1.txt").write_text("another text")


def _another_file(corpus: Path) -> None:
    (corpus / "0b.txt").write_text("a new text")


def _one_less(corpus: Path) -> None:
    (corpus / "2.txt").unlink()


@pytest.mark.parametrize(
    ("change", "said"),
    [(_more_text, r"1\.txt changed"), (_another_file, r"0b\.txt instead of"), (_one_less, r"2\.txt is gone")],
)
def test_another_corpus_is_refused(corpus: Path, unfinished: Path, change: Callable[[Path], None], said: str) -> None:
    change(corpus)
    with pytest.raises(RunError, match=f"unfinished run of another corpus; got .*{said}.*--fresh"):
        profile(corpus, unfinished)
    assert profile(corpus, unfinished, fresh=True).n_err == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": 1}, "options.seed: 0 then, 1 now"),
        ({"tokenizers": "tekken"}, "options.tokenizers: .'bytes'. then, .'tekken'. now"),
        ({"sample": 5}, "options.sample: None then, 5 now"),
    ],
)
def test_other_options_are_refused(corpus: Path, unfinished: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(RunError, match=f"unfinished run with other terms; got {said}"):
        profile(corpus, unfinished, **options)


def test_other_code_is_refused(corpus: Path, unfinished: Path) -> None:
    job = unfinished / "shards" / "job.json"
    job.write_text(job.read_text().replace('"code": "', '"code": "0'))
    with pytest.raises(RunError, match="code: '0"):
        profile(corpus, unfinished)


def test_a_vocabulary_that_changed_is_other_terms(tmp_path: Path) -> None:
    vocabulary = tmp_path / "tokenizer.json"
    vocabulary.write_text("{}")
    card = Card(name="mine", modality="text", family="bpe", artefact=Artefact(file=str(vocabulary)))
    options = Options(paths=("corpus",))
    before = job(options, [card], "cpu")
    assert job(options, [card], "cpu") == before
    vocabulary.write_text('{"version": 2}')
    assert job(options, [card], "cpu") != before


def test_a_complete_run_is_not_touched(corpus: Path, tmp_path: Path) -> None:
    profile(corpus, tmp_path / "run")
    before = content(tmp_path / "run")
    with pytest.raises(RunError, match="holds another run, which is complete"):
        profile(corpus, tmp_path / "run", fresh=True)
    assert content(tmp_path / "run") == before


def test_a_damaged_result_is_named(corpus: Path, unfinished: Path) -> None:
    (done,) = unfinished.glob("shards/*-measure-*.zip")
    data = bytearray(done.read_bytes())
    data[len(data) // 2] ^= 0xFF
    done.write_bytes(data)
    with pytest.raises(RunError, match=f"{done.name}: the result of a shard is damaged.*Delete this file"):
        profile(corpus, unfinished)


def test_two_at_once_are_refused(corpus: Path, unfinished: Path) -> None:
    job = json.loads((unfinished / "shards" / "job.json").read_text())
    with Ledger.open(unfinished, job), pytest.raises(RunError, match="another process is at work on this run"):
        profile(corpus, unfinished)


def test_nothing_is_left_of_a_run_that_measured_nothing(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(tokeff.TokeffError, match="holds no image"):
        profile(corpus, tmp_path / "run", tokenizers="png")
    assert not (tmp_path / "run").exists()


FULL = """
import resource, sys, tokeff
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    tokeff.profile(sys.argv[1], tokenizers="bytes", out=sys.argv[2], unit="line", device="cpu", report=False)
except tokeff.TokeffError as error:
    print(error)
"""


def test_a_disk_that_is_full_is_a_refusal_and_the_run_goes_on(corpus: Path, tmp_path: Path) -> None:
    """A limit of the file size stands for it: the system refuses to write on."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    run = tmp_path / "run"
    command = [sys.executable, "-c", FULL, str(corpus), str(run), "6000"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert "cannot write the run: File too large" in result.stdout
    assert "make room, then give the same command again" in result.stdout
    assert not (run / "run.json").exists()
    profile(corpus, run)
    profile(corpus, tmp_path / "whole")
    assert content(run) == content(tmp_path / "whole")


def test_a_damaged_plan_is_told(corpus: Path, unfinished: Path) -> None:
    plan = unfinished / "shards" / "plan.jsonl"
    plan.write_text(plan.read_text()[:-20])
    with pytest.raises(RunError, match=r"the plan of a run is damaged.*--fresh"):
        profile(corpus, unfinished)
    assert profile(corpus, unfinished, fresh=True).n_ok == 4500


def test_runs_within_the_corpus_are_no_part_of_it(corpus: Path) -> None:
    first, second = corpus / "runs" / "first", corpus / "second"
    assert profile(corpus, first).n_in == 4500
    assert profile(corpus, second).n_in == 4500
    assert (first / "shards" / "job.json").is_file()
    assert validate(second).differences == ()
    with pytest.raises(RunError):
        profile(corpus, corpus)


def test_a_place_that_cannot_be_written_needs_no_room(corpus: Path) -> None:
    with pytest.raises(RunError, match=r"Not a directory\. Give -o a place that can be written"):
        profile(corpus / "0.txt", corpus / "0.txt" / "run")
