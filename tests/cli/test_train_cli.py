"""`tokeff tokenizers train` as a user runs it: files in, a tokenizer out, refusals with exit code 1."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tokeff.cli import main
from tokeff.cli.train import EXAMPLES
from tokeff.records.signals import TextSignal
from tokeff.tokenizers.registry import Registry


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Result]


@pytest.fixture
def tokeff(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The program in this process: torch is imported once."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["tokeff", "tokenizers", "train", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return Result(int(end.value.code or 0), out, err)

    return run


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for number in range(4):
        coarse = Image.fromarray(draw.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48)).save(folder / f"{number}.png")
    for number in range(2):
        Image.new("L", (200, 31 - number)).save(folder / f"small{number}.png")
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:300])
    return folder


def test_pictures_become_a_tokenizer(tokeff: Command, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    size = ("--codes", 64, "--width", 16, "--crop", 32, "--batch", 2, "--device", "cpu", "--report-steps", 2)
    result = tokeff("fsq-image", photos, "-o", out, "--steps", 4, *size)
    assert result.returncode == 0, result.stderr
    assert "broken.png" in result.stderr
    assert "pictures: 3 to train on, 1 held out" in result.stderr
    assert "passed over: 2 with a side below 32 pixels" in result.stderr
    assert "step 4" in result.stderr
    assert "dB" in result.stdout
    assert sorted(path.name for path in out.iterdir()) == [
        "card.toml", "checkpoint.safetensors", "model.safetensors", "training.json",
    ]  # fmt: skip
    assert Registry.load().open(f"vq:{out}").codebook_sizes == (64,)

    again = tokeff("fsq-image", photos, "-o", out, "--steps", 4, *size)
    assert again.returncode == 1
    assert "--resume" in again.stderr
    longer = tokeff("fsq-image", photos, "-o", out, "--steps", 6, *size, "--resume")
    assert longer.returncode == 0, longer.stderr
    assert "step 6" in longer.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", 4, "--levels", "8,five"), "--levels"),
        (("--steps", 4, "--levels", "8,5", "--codes", 40), "two numbers of ids"),
        (("--steps", 4, "--resume"), "Begin without --resume"),
        (("--codes", 64), "Give --steps or --minutes"),
        (("--steps", 4, "--stride", 5), "stride"),
    ],
)
def test_refusals_say_what_to_do(
    tokeff: Command, arguments: tuple[object, ...], message: str, photos: Path, tmp_path: Path
) -> None:
    result = tokeff("fsq-image", photos, "-o", tmp_path / "run", *arguments)
    assert result.returncode == 1
    assert message in result.stderr


def test_recordings_become_a_tokenizer(tokeff: Command, tmp_path: Path) -> None:
    folder, out = tmp_path / "recordings", tmp_path / "run"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for number in range(3):
        soundfile.write(folder / f"{number}.wav", 0.1 * draw.standard_normal(8000).cumsum() / 50, 8000)
    (folder / "broken.wav").write_bytes((folder / "0.wav").read_bytes()[:30])
    size: tuple[object, ...] = (
        "--codes",
        16,
        "--codebooks",
        12,
        "--rate",
        8000,
        "--width",
        16,
        "--blocks",
        1,
        "--crop",
        8,
    )
    size += ("--fit-crops", 8, "--batch", 2, "--device", "cpu", "--report-steps", 2)
    result = tokeff("rvq-audio", folder, "-o", out, "--steps", 4, *size)
    assert result.returncode == 0, result.stderr
    assert "broken.wav" in result.stderr
    assert "step 4" in result.stderr
    assert "12 codebooks" in result.stdout
    assert Registry.load().open(f"rvq:{out}?n_codebooks=7").codebook_sizes == (16,) * 7

    longer = tokeff("rvq-audio", folder, "-o", out, "--steps", 6, *size, "--resume")
    assert longer.returncode == 0, longer.stderr
    assert "step 6" in longer.stderr
    other = tokeff("rvq-audio", folder, "-o", out, "--steps", 8, *size, "--resume", "--seed", 1)
    assert other.returncode == 1
    assert "another seed" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", 4, "--rate", 22050), "not a rate"),
        (("--codes", 64), "Give --steps or --minutes"),
        (("--steps", 4, "--codebooks", 3), "not a number of codebooks"),
        (("--steps", 4), "too few recordings"),
    ],
)
def test_refusals_of_recordings(tokeff: Command, arguments: tuple[object, ...], message: str, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    soundfile.write(folder / "short.wav", np.zeros(800), 8000)
    result = tokeff("rvq-audio", folder, "-o", tmp_path / "run", *arguments)
    assert result.returncode == 1
    assert message in result.stderr


def test_texts_become_a_tokenizer(tokeff: Command, tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text(
        "the cat sat on the mat, some other animals were standing beside it. Grüße! 数据\n" * 50, "utf-8"
    )
    result = tokeff("bpe", texts, "-o", tmp_path / "bpe", "--vocab-size", 300)
    assert result.returncode == 0, result.stderr
    assert "300 ids" in result.stdout
    tokenizer = Registry.load().open(f"bpe:{tmp_path}/bpe/tokenizer.json")
    assert tokenizer.codebook_sizes == (300,)
    text = TextSignal(data="the cat 🙂 數".encode())
    (tokens,) = tokenizer.encode([text])
    assert len(tokens.streams[0]) < len(text.data)
    (back,) = tokenizer.decode([tokens], [text.header])  # type: ignore[attr-defined]
    assert back.data == text.data
    assert len(Registry.load([tmp_path / "bpe"]).cards) == len(Registry.load().cards) + 1


@pytest.mark.parametrize(
    ("size", "content", "message"), [(200, "x", "too few ids"), (300, None, "no text")]
)  # fmt: skip
def test_refusals_of_vocabularies(
    tokeff: Command, size: int, content: str | None, message: str, tmp_path: Path
) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    if content is not None:
        (texts / "a.txt").write_text(content)
    result = tokeff("bpe", texts, "-o", tmp_path / "bpe", "--vocab-size", size)
    assert result.returncode == 1
    assert message in result.stderr


def test_a_directory_that_cannot_be_made(tokeff: Command, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    size = ("--codes", 64, "--width", 16, "--crop", 32, "--batch", 2, "--device", "cpu")
    result = tokeff("fsq-image", photos, "-o", tmp_path / "file" / "run", "--steps", 1, *size)
    assert result.returncode == 1
    assert "cannot be made" in result.stderr


def test_a_directory_that_is_taken_is_refused_before_pictures_are_read(
    tokeff: Command, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").touch()
    result = tokeff("fsq-image", photos, "-o", tmp_path, "--steps", 1)
    assert result.returncode == 1
    assert "holds something already" in result.stderr
    assert "broken.png" not in result.stderr


@pytest.mark.parametrize("name", ["fsq-image", "rvq-audio"])
def test_the_examples_of_the_help_can_be_done(tokeff: Command, name: str, tmp_path: Path) -> None:
    for example in EXAMPLES[name]:
        folder, _, _, *options = example.split()
        result = tokeff(name, tmp_path / folder, "-o", tmp_path / "mine", *options)
        assert "nothing says when training ends" not in result.stderr
