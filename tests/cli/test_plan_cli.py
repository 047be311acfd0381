"""`tokeff plan` from a run directory: tables, JSON, files, refusals, and nothing heavy for its help."""

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from unittest import mock

import pytest

import tokeff
from tokeff.cli.app import run as run_tokeff
from tokeff.errors import RunError, TokeffError
from tokeff.measures.saved import to_json
from tokeff.records.measurements import Estimate, Measurement

WAYS = """
schema = "tokeff.scenarios/1"
parameters = "7B"
corpus = { text = "2TB" }

[[scenario]]
name = "all"

[[scenario]]
name = "half"
corpus = { text = "1TB" }
"""


def measured(tokenizer: str, bytes_per_token: float) -> Measurement:
    low, high = 0.97 * bytes_per_token, 1.03 * bytes_per_token
    ratio = Estimate(value=bytes_per_token, low=low, high=high)
    return Measurement(
        modality="text",
        tokenizer=tokenizer,
        family="bpe",
        card_sha256="0" * 64,
        device="cpu",
        dtype="float32",
        n_items=40,
        n_errors=0,
        stored_bytes=4_000_000,
        raw_bytes=4_000_000,
        n_tokens=round(4_000_000 / bytes_per_token),
        n_positions=round(4_000_000 / bytes_per_token),
        vocab_size=50_000,
        codebook_sizes=(50_000,),
        coverage="census",
        counted="encoded",
        bytes_per_token=ratio,
        stored_bytes_per_token=ratio,
        tokens_per_byte=1 / bytes_per_token,
        rate_bits_per_byte=None,
        throughput={"encode": {"seconds": 1.0, "raw_megabytes_per_second": {"median": 10.0, "q1": 8.0, "q3": 12.0}}},
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    entries = [to_json(measured("bpe", 4.0)), to_json(measured("bytes", 1.0))]
    content = {"schema": "tokeff.measurements/1", "measurements": entries}
    (folder / "measurements.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def call(*arguments: object, expect: int = 0) -> str:
    """The command line in this process: what it prints, on standard output or, where it refuses, on standard error."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["tokeff", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        run_tokeff()
    assert (end.value.code or 0) == expect, err.getvalue()
    return out.getvalue() if expect == 0 else err.getvalue()


def test_a_plan_to_read(run: Path) -> None:
    shown = call("plan", run, "--corpus", "text=2TB", "--parameters", "7B", "--full")
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert "\x1b" not in shown
    for said in ("In short", "500 B", "Sun & Guo", "0.5 x", "hoffmann-2022", "Before you believe it", "means nothing"):
        assert said in re.sub(r"\s+", " ", shown)


def test_a_plan_for_the_run_itself_says_so(run: Path) -> None:
    shown = " ".join(call("plan", run).split())
    assert "This plans for the run itself" in shown
    assert "This plans for the run itself" not in call("plan", run, "--corpus", "text=2TB")


def test_json_is_what_python_gives(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    arguments = ("plan", run, "--corpus", "text=2TB", "--compute-flops", "1e22", "--max-epochs", "4")
    printed = json.loads(call(*arguments, "--json", "-o", out))
    plan = tokeff.plan(run, corpus={"text": "2TB"}, compute_flops=1e22, max_epochs=4)
    assert printed == json.loads(json.dumps(plan.to_json()))
    assert printed == json.loads(out.read_text("utf-8"))
    assert printed["schema"] == "tokeff.plan/1"


def test_scenarios_side_by_side(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "ways.toml"
    path.write_text(WAYS, encoding="utf-8")
    shown = call("plan", run, "--scenarios", path)
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert re.search(r"half\s+250 B", shown)
    assert "-0.6931" in shown
    assert "0.5 x" in shown


def test_a_hostile_name_does_not_steer_the_terminal(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "ways.toml"
    path.write_text(WAYS.replace('"half"', '"\\u001b[31mred\\u202e [bold]x[/bold]"'), encoding="utf-8")
    shown = call("plan", run, "--scenarios", path)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]x" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--corpus", "text=2XB"), "unknown unit"),
        (("--corpus", "text=40"), "40GB"),
        (("--corpus", "video=2TB"), "no measurement of video"),
        (("--corpus", "text=2TB", "--law", "shukor-2025-late"), "publishes no value"),
        (("--budget", "100"), "needs prices"),
        (("--tokens", "effective@6,2"), "not measured what these tokens keep"),
        (("--scenarios", "nowhere.toml"), "no such file"),
        (("-o", "nowhere/plan.json"), "cannot write the plan"),
    ],
)
def test_refusals_are_one_message(run: Path, arguments: tuple[str, ...], said: str) -> None:
    message = call("plan", run, *arguments, expect=1)
    assert said in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "cannot be read"),
        ("a = 1", "not a file of scenarios"),
        ('schema = "tokeff.scenarios/1"', "holds no scenario"),
        (WAYS + 'colour = "red"', "unknown key"),
        (WAYS.replace('"half"', '"all"'), "two scenarios of one name"),
        (WAYS.replace('"1TB"', '"1XB"'), "scenario half"),
        (WAYS + "substitute = 3", "is a list"),
        (WAYS + "substitute = { kind = 'dreams' }", "unknown kind"),
        (WAYS + "substitute = { kind = 'tokenizer', tokenizer = 'bytes' }", "lacks modality"),
        (WAYS + "substitute = { kind = 'resolution', modality = 'image', scale = 0 }", "above zero"),
        (WAYS + "max_epochs = { image = 2 }", "epoch limit"),
        (WAYS + "raw_sizes = 'no'", "true or false"),
        (WAYS + "substitute = { kind = 'tokenizer', modality = 'text', tokenizer = 3 }", "tokenizer is a name"),
        (
            WAYS + "substitute = { kind = 'tokenizer', modality = 'text', tokenizer = 'bytes', scale = 2 }",
            "of this kind",
        ),
        (WAYS + "substitute = { kind = 'resolution', modality = 'image', scale = 0.5 }", "at least 1"),
    ],
)
def test_files_of_scenarios_that_are_wrong(run: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "ways.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TokeffError, match=said):
        tokeff.plan(run, scenarios=path)


def test_raw_sizes_hold_for_every_scenario_that_does_not_say_otherwise(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "ways.toml"

    def origins(head: str, *, raw_sizes: bool) -> list[str]:
        path.write_text(head + WAYS + "raw_sizes = false\n", encoding="utf-8")
        plan = tokeff.plan(run, scenarios=path, raw_sizes=raw_sizes)
        return [each.modalities[0].origin for each in plan.scenarios]

    assert origins("", raw_sizes=False) == ["given, as stored"] * 2
    assert origins("", raw_sizes=True) == ["given, raw", "given, as stored"]
    assert origins("raw_sizes = true\n", raw_sizes=False) == ["given, raw", "given, as stored"]


def test_a_narrow_terminal_breaks_no_line_twice(run: Path) -> None:
    """A paragraph wrapped for 98 columns and again by the terminal would leave short lines of one or two words."""
    shown = on_terminal(80, "plan", run, "--corpus", "text=2TB", "--parameters", "7B", "--compute-flops", "1e22")
    assert max(map(len, shown)) <= 80
    assert "- 2 x the text allows a model of 0.5 x the size by Sun & Guo's law, 0.57 to 0.97" in shown


def on_terminal(columns: int, *arguments: object) -> list[str]:
    """The lines that the command writes to a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    program = "from tokeff.cli import main; main()"
    process = subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=theirs,
                               env={**os.environ, "TERM": "dumb"})  # fmt: skip
    os.close(theirs)
    text = b""
    with suppress(OSError):  # the end of a terminal is an error on Linux
        while part := os.read(ours, 65536):
            text += part
    assert process.wait() == 0
    return text.decode().splitlines()


def test_every_mark_is_explained(run: Path) -> None:
    """The trades read the whole corpus, more than the law saw, though the training run does not."""
    shown = call("plan", run, "--corpus", "text=2TB", "--parameters", "7B", "--compute-flops", "1e22")
    assert "training tokens 500 B, fitted on 819 M" in " ".join(shown.split())


def test_runs_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a complete run"):
        tokeff.plan(tmp_path)
    (tmp_path / "measurements.json").write_text('{"schema": "other/1"}', encoding="utf-8")
    with pytest.raises(RunError, match=r"tokeff\.measurements/1"):
        tokeff.plan(tmp_path)


def test_help_is_light_and_has_examples() -> None:
    program = (
        "import sys; sys.argv = ['tokeff', 'plan', '--help']\n"
        "from tokeff.cli import main\n"
        "try:\n    main()\nfinally:\n    print('HEAVY', [m for m in ('numpy', 'torch', 'pyarrow') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "HEAVY []" in shown
    assert "--compute-flops 1e23" in shown


def test_every_example_of_the_help_runs(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokeff.cli.plan import EXAMPLES

    monkeypatch.chdir(tmp_path)
    (tmp_path / "ways.toml").write_text(WAYS, encoding="utf-8")
    lines = [line.split()[2:] for line in EXAMPLES.splitlines() if line.startswith("  tokeff plan")]
    assert len(lines) >= 5
    for words in lines:
        arguments = [str(run) if word == "runs/first" else re.sub(r",(image|video)=[^,]*", "", word) for word in words]
        call("plan", *arguments)
