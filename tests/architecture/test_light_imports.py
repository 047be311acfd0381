"""Nothing heavy is imported before it is needed: proven in a fresh interpreter, and the proof can fail."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "torchaudio", "transformers", "numpy", "av", "pyarrow", "PIL", "tiktoken", "soundfile")
WATCH = f"""
import sys
try:
    {{statement}}
finally:
    print("HEAVY:", *[name for name in {HEAVY!r} if name in sys.modules])
"""


def heavy_after(statement: str) -> list[str]:
    program = WATCH.format(statement=statement)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if line.startswith("HEAVY:")]
    assert lines, result.stderr
    return lines[-1].split()[1:]


def run_cli(*arguments: str) -> str:
    return f"import sys; sys.argv = ['tokeff', *{arguments!r}]; from tokeff.cli import main; main()"


@pytest.mark.parametrize(
    "statement",
    [
        "import tokeff",
        "import tokeff.tokenizers.registry",
        run_cli("--help"),
        run_cli("--version"),
        run_cli("profile", "--help"),
        run_cli("plan", "--help"),
        run_cli("laws", "--help"),
        run_cli("compare", "--help"),
        run_cli("tokenizers", "list"),
        run_cli("tokenizers", "show", "gpt2"),
        run_cli("tokenizers", "check"),
    ],
)
def test_no_heavy_import(statement: str) -> None:
    assert heavy_after(statement) == []


def test_planning_needs_no_torch() -> None:
    loaded = heavy_after("import tokeff.engine.loading, tokeff.engine.planning, tokeff.measures.saved")
    assert {"torch", "transformers", "av"}.isdisjoint(loaded)


def test_the_watch_sees_a_heavy_import() -> None:
    assert heavy_after("import numpy") == ["numpy"]
