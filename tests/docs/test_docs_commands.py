"""Every command in docs/ is run, in order, and its output compared with what the page prints (`...` for anything)."""

import doctest
import os
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tokeff.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def commands(block: str) -> list[tuple[str, str]]:
    """(command, what it prints) of a console block."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        found.append((command, printed.replace("<BLANKLINE>", "")))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_print_what_the_page_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data_samples").symlink_to(ROOT / "data_samples")
    monkeypatch.chdir(tmp_path)
    for kind, file, content in BLOCK.findall(page.read_text("utf-8")):
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(content, "utf-8")
        for command, wanted in commands(content) if kind == "console" else ():
            name, *arguments = shlex.split(command)
            assert name == "tokeff"
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, f"{command}\n{result.output}\n{result.exception!r}"
            same = doctest.OutputChecker().check_output(wanted, result.output, FLAGS)
            assert same, f"{command}\nprints\n{result.output}\nbut the page says\n{wanted}"


def test_a_wrong_page_is_found() -> None:
    assert not doctest.OutputChecker().check_output("1 GB gives 2 tokens\n...\n", "1 GB gives 3 tokens\nx\n", FLAGS)
    assert commands("$ tokeff a\nb\n$ tokeff c\n") == [("tokeff a", "b\n"), ("tokeff c", "")]


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    assert os.path.commonpath(PAGES) == str(ROOT / "docs")
