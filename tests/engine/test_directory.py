"""A run directory is whole or not there, and never overwrites."""

import json
from pathlib import Path

import pytest

from tokeff.engine.directory import RunDirectory, read_json
from tokeff.errors import RunError
from tokeff.records.items import Failure


def test_a_finished_run_holds_four_files(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    with RunDirectory.create(folder) as run:
        run.add_failures([Failure(key="a\n", modality="text", stage="decode", reason="corrupt", message="ä")])
        run.finish([{"n_items": 1}], {"seed": 0})
    assert sorted(path.name for path in folder.iterdir()) == [
        "errors.jsonl",
        "items.parquet",
        "measurements.json",
        "run.json",
    ]
    (line,) = (folder / "errors.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["key"] == "a\n"
    assert read_json(folder, "measurements.json")["measurements"] == [{"n_items": 1}]


def test_a_failed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with RunDirectory.create(tmp_path / "run"):
            raise KeyError("anything")

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "holds"), [("run.json", "another run"), ("diary.txt", "other files")])
def test_an_occupied_directory_is_refused(tmp_path: Path, name: str, holds: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(RunError, match=f"the output directory holds {holds}"), RunDirectory.create(tmp_path):
        pass
    assert (tmp_path / name).read_text() == "{}"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="a file is in the way"), RunDirectory.create(tmp_path / "run"):
        pass


def test_numbers_that_json_does_not_know_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"), RunDirectory.create(tmp_path / "run") as run:
        run.finish([{"ratio": float("nan")}], {})


def test_an_incomplete_run_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"not a complete run; got no run\.json"):
        read_json(tmp_path, "run.json")
