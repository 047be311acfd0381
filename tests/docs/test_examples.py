"""The worked example runs from start to end and says what it means to say."""

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "walkthrough.py"


def test_walkthrough(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE))
    printed = capsys.readouterr().out
    for part in (
        "<Profile of 85 of 85 items",
        "tekken is best",
        "least is gained on text/swahili",
        "hoffmann-2022: 2.",
    ):
        assert part in printed
