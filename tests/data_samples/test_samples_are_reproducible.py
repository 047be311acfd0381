"""Running make.py again gives the content that is committed.

Lossless content may differ by one level in a few places, where another processor or library rounds the other way;
lossy files must decode to nearly the same.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
ROOT = REPOSITORY / "data_samples"
STILL = ("text", "code", "image", "audio")


def _names(kind: str, *suffixes: str) -> list[str]:
    return sorted(p.name for p in (ROOT / kind).iterdir() if not suffixes or p.suffix in suffixes)


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All but the clips, whose drawing takes longest, made a second time."""
    out = tmp_path_factory.mktemp("samples")
    command = [sys.executable, "-m", "data_samples.make", "--out", str(out), "--kinds", *STILL]
    subprocess.run(command, cwd=REPOSITORY, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=600)
    return out


def _assert_same_levels(
    got: NDArray[np.uint8] | NDArray[np.int16], expected: NDArray[np.uint8] | NDArray[np.int16]
) -> None:
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    away = np.abs(got.astype(np.int32) - expected.astype(np.int32))
    assert (away > 1).mean() < 1e-3
    assert (away > 0).mean() < 1e-2


def test_manifests_list_the_same_samples(remade: Path) -> None:
    mine, theirs = (tomllib.loads((folder / "MANIFEST.toml").read_text("utf-8"))["sample"] for folder in (remade, ROOT))
    described = [(s["path"], s["description"]) for s in theirs if s["kind"] in STILL]
    assert [(s["path"], s["description"]) for s in mine] == described


@pytest.mark.parametrize("kind", ["text", "code"])
def test_texts_are_copied_to_the_byte(remade: Path, kind: str) -> None:
    assert _names(kind)
    for name in _names(kind):
        assert (remade / kind / name).read_bytes() == (ROOT / kind / name).read_bytes()


@pytest.mark.parametrize("name", [*_names("image", ".png"), "page_columns.webp"])
def test_lossless_pictures_have_the_same_pixels(remade: Path, name: str) -> None:
    with Image.open(remade / "image" / name) as mine, Image.open(ROOT / "image" / name) as theirs:
        assert mine.mode == theirs.mode
        _assert_same_levels(np.asarray(mine), np.asarray(theirs))


@pytest.mark.parametrize("name", _names("audio", ".wav", ".flac"))
def test_lossless_recordings_have_the_same_samples(remade: Path, name: str) -> None:
    (mine, my_rate), (theirs, rate) = (soundfile.read(f / "audio" / name, dtype="int16") for f in (remade, ROOT))
    assert my_rate == rate
    _assert_same_levels(mine, theirs)


@pytest.mark.parametrize("name", [n for n in _names("image", ".jpg", ".webp") if n != "page_columns.webp"])
def test_lossy_pictures_look_the_same(remade: Path, name: str) -> None:
    with Image.open(remade / "image" / name) as mine, Image.open(ROOT / "image" / name) as theirs:
        assert dict(mine.getexif()) == dict(theirs.getexif())
        assert _psnr_db(np.asarray(mine), np.asarray(theirs)) > 30


def test_clips_begin_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frame of each, drawn again, is the one committed but for the loss of the codec."""
    monkeypatch.syspath_prepend(REPOSITORY)
    from data_samples.making.clips import list_clips

    clips = {clip.name: clip for clip in list_clips(ROOT)}
    assert sorted(clips) == _names("video")
    for name, clip in clips.items():
        with av.open(ROOT / "video" / name) as container:
            shown = next(container.decode(video=0)).to_ndarray(format="rgb24")
        _, drawn = next(clip.frames)
        assert _psnr_db(shown.astype(np.uint8), drawn) > 24, name


def test_a_manifest_of_a_part_is_not_written_over_the_whole() -> None:
    command = [sys.executable, "-m", "data_samples.make", "--kinds", "text"]
    before = (ROOT / "MANIFEST.toml").read_bytes()
    refused = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "--kinds needs --out" in refused.stderr
    assert (ROOT / "MANIFEST.toml").read_bytes() == before


def _psnr_db(got: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    error = ((got.astype(np.float64) - expected.astype(np.float64)) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
