"""Progress: one JSON object per event where it is asked for, nothing where standard error is no terminal."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest
from typer.testing import CliRunner

from tokeff.cli.app import app
from tokeff.cli.progress import Count


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(11):
        (folder / f"{number}.txt").write_text(f"text {number} " * 20)
    (folder / "bad.txt").write_bytes(b"\xff\xfe\xfd" * 50)
    return folder


def test_events_as_json_lines(corpus: Path) -> None:
    size = sum(path.stat().st_size for path in corpus.iterdir())
    result = CliRunner().invoke(app, ["profile", str(corpus), "-t", "bytes", "--device", "cpu", "--log-json"])
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stderr.splitlines()]
    stages = [event["stage"] for event in events if event["event"] == "stage"]
    assert stages == ["Listing the corpus", "Looking at the corpus", "Measuring", "Adding up"]
    done = [event for event in events if event["event"] == "progress" and event["stage"] == "Measuring"][-1]
    assert (done["n_items"], done["n_errors"], done["stored_bytes"]) == (12, 1, size)
    assert done["seconds_left"] == 0
    assert events[-1] == {"event": "end", "error": None}


def test_silence_where_nobody_watches(corpus: Path) -> None:
    result = CliRunner().invoke(app, ["profile", str(corpus), "-t", "bytes", "--device", "cpu"])
    assert result.exit_code == 0
    assert result.stderr == ""


def test_an_error_is_an_event_too(corpus: Path) -> None:
    result = CliRunner().invoke(app, ["profile", str(corpus), "-t", "png", "--device", "cpu", "--log-json"])
    assert json.loads(result.stderr.splitlines()[-1])["error"].startswith("-t png: the corpus holds no image")


def test_a_rate_and_what_is_left() -> None:
    count = Count(total_bytes=3000)
    assert count.facts()["seconds_left"] is None
    count.add(1000, 2, 1)
    sleep(0.02)
    facts = count.facts()
    assert (facts["n_items"], facts["n_errors"], facts["stored_bytes"]) == (2, 1, 1000)
    assert 0 < facts["bytes_per_second"] <= 1000 / 0.02
    assert facts["seconds_left"] == pytest.approx(2000 / facts["bytes_per_second"], abs=0.1)


INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from tokeff.cli import main
main()
"""


def test_an_interrupt_is_told(corpus: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTIBLE, "profile", str(corpus), "-t", "bytes", "--log-json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "Listing" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert told.splitlines()[-1] == "tokeff: interrupted"
