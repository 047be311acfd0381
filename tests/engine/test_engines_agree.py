"""Whoever does the work, the figures are the same to the last bit."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

import tokeff
from tokeff.measures.saved import to_json

TOKENIZERS = ("bytes", "tekken", "jpeg-q75", "mulaw")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts, pictures and recordings of several shards, with a picture and a text that are damaged."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = np.random.default_rng(0)
    for number in range(12):
        pixels = draw.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        (folder / f"{number}.png").write_bytes(out.getvalue())
        noise = draw.integers(-3000, 3000, 4000, dtype=np.int16)
        soundfile.write(folder / f"{number}.wav", noise, 16_000, subtype="PCM_16")
        (folder / f"{number}.txt").write_text(f"text {number} with words " * (8000 * number + 1))
    (folder / "bad.png").write_bytes(out.getvalue()[:3000])
    (folder / "bad.txt").write_bytes(b"\xff\xfe\xfd" * 99)
    return folder


def content(corpus: Path, run: Path, **how: Any) -> tuple[str, bytes, bytes, dict[str, Any]]:
    profile = tokeff.profile(corpus, tokenizers=TOKENIZERS, out=run, device="cpu", report=False, **how)
    measured = [{k: v for k, v in to_json(each).items() if k != "throughput"} for each in profile.measurements]
    totals = json.loads((run / "run.json").read_text())["totals"]
    return json.dumps(measured), (run / "items.parquet").read_bytes(), (run / "errors.jsonl").read_bytes(), totals


def test_one_two_and_four_workers_and_none(corpus: Path, tmp_path: Path) -> None:
    alone = content(corpus, tmp_path / "0")
    assert alone[3] == {"n_in": 38, "n_ok": 36, "n_err": 2, "n_ignored": 0}
    assert json.loads((tmp_path / "0" / "run.json").read_text())["execution"]["n_shards"] > 1
    for workers in (1, 2, 4):
        assert content(corpus, tmp_path / str(workers), workers=workers) == alone


def test_a_sample_does_not_depend_on_workers_either(corpus: Path, tmp_path: Path) -> None:
    assert content(corpus, tmp_path / "0", sample=5) == content(corpus, tmp_path / "2", sample=5, workers=2)


def test_a_refusal_in_a_worker_is_the_same_refusal(corpus: Path) -> None:
    with pytest.raises(tokeff.TokeffError, match=r"must read the content to count; got tekken.*Name tokenizers"):
        tokeff.profile(corpus, tokenizers="tekken", count_only=True, workers=1, device="cpu")
