"""The whole path through the house, on real files made here."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import tokeff


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve texts and twelve pictures of different sizes."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = np.random.default_rng(1)
    for number in range(12):
        words = draw.choice(["bytes", "tokens", "entropy", "naïve", "数", "per"], size=50 + 30 * number)
        (folder / f"{number}.txt").write_text(" ".join(words), encoding="utf-8")
        height, width = draw.integers(20, 200, 2)
        out = io.BytesIO()
        Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(out, "PNG")
        (folder / f"{number}.png").write_bytes(out.getvalue())
    return folder


def test_sums_agree_with_the_files(corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    profile = tokeff.profile(corpus, tokenizers=["bytes", "tekken", "png", "vit-b16-224"], out=run)
    by_name = {each.tokenizer: each for each in profile.measurements}
    text_bytes = sum(path.stat().st_size for path in corpus.glob("*.txt"))
    assert by_name["bytes"].n_tokens == by_name["bytes"].raw_bytes == by_name["bytes"].stored_bytes == text_bytes
    assert by_name["bytes"].bytes_per_token.value == 1
    pictures = [Image.open(io.BytesIO(path.read_bytes())) for path in corpus.glob("*.png")]
    assert by_name["png"].raw_bytes == sum(3 * picture.width * picture.height for picture in pictures)
    assert by_name["png"].stored_bytes == sum(path.stat().st_size for path in corpus.glob("*.png"))
    assert by_name["vit-b16-224"].n_tokens == 12 * 196
    assert by_name["vit-b16-224"].vocab_size is None
    assert "rate_bits_per_byte" in by_name["vit-b16-224"].absent
    for each in profile.measurements:
        assert each.n_items == 12
        low, high = each.bytes_per_token.low, each.bytes_per_token.high
        assert low is not None
        assert high is not None
        assert low <= each.bytes_per_token.value <= high


def test_the_run_directory_holds_what_the_profile_says(corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    profile = tokeff.profile(corpus, out=run, seed=3)
    measured = json.loads((run / "measurements.json").read_text())
    assert measured["schema"] == "tokeff.measurements/1"
    rows = pq.read_table(run / "items.parquet").to_pandas()
    for each in measured["measurements"]:
        mine = rows[rows.tokenizer == each["tokenizer"]]
        assert len(mine) == each["n_items"] == 12
        for name in ("stored_bytes", "raw_bytes", "n_tokens", "n_positions"):
            assert mine[name].sum() == each[name]
    facts = json.loads((run / "run.json").read_text())
    assert facts["totals"] == {"n_in": 24, "n_ok": 24, "n_err": 0, "n_ignored": 0}
    assert facts["seed"] == 3
    assert facts["verified"]["tekken"]["n_texts"] == 12
    assert facts["corpus"]["population"]["image"]["n_items"] == 12
    assert {card["name"] for card in facts["cards"]} == {each.tokenizer for each in profile.measurements}
    assert (run / "errors.jsonl").read_text() == ""


def test_the_same_arguments_give_the_same_figures(corpus: Path) -> None:
    first, second = (tokeff.profile(corpus, seed=5, modality="text").measurements[0] for _ in range(2))
    assert first.bytes_per_token == second.bytes_per_token
    assert first.entropy == second.entropy


def test_counts_from_headers_equal_counts_of_encodings(corpus: Path) -> None:
    encoded = tokeff.profile(corpus, tokenizers="qwen2-vl").measurements[0]
    counted = tokeff.profile(corpus, tokenizers="qwen2-vl", count_only=True).measurements[0]
    assert (counted.n_tokens, counted.raw_bytes) == (encoded.n_tokens, encoded.raw_bytes)
    assert counted.bytes_per_token == encoded.bytes_per_token
    assert (encoded.counted, counted.counted) == ("encoded", "header")


def test_count_only_refuses_what_must_read(corpus: Path) -> None:
    with pytest.raises(tokeff.TokeffError, match="must read the content to count; got tekken"):
        tokeff.profile(corpus, tokenizers="tekken", count_only=True)


def test_a_sample_measures_some_and_counts_all(corpus: Path) -> None:
    profile = tokeff.profile(corpus, tokenizers=["tekken", "qwen2-vl"], sample=10, seed=1)
    text, image = profile.measurements
    assert (text.n_items, text.coverage, text.counted) == (10, "sample", "encoded")
    assert (image.coverage, image.counted) == ("sample", "header")
    whole = tokeff.profile(corpus, tokenizers="qwen2-vl").measurements[0]
    assert image.bytes_per_token.value == whole.bytes_per_token.value


def test_a_header_that_cannot_be_read_is_quarantined_beside_a_sample(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for path in corpus.glob("*.png"):
        (folder / path.name).write_bytes(path.read_bytes())
    bad = {f"bad{number}.png" for number in range(5)}
    for name in bad:
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    run = tmp_path / "run"
    profile = tokeff.profile(folder, tokenizers="qwen2-vl", sample=2, out=run)
    lines = [json.loads(line) for line in (run / "errors.jsonl").read_text().splitlines()]
    assert {Path(line["key"]).name for line in lines} == bad
    assert profile.n_err == 5
    assert profile.n_in == profile.n_ok + profile.n_err
    assert profile.measurements[0].n_items == 12


def test_lines_are_items(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo words\nthree\n")
    profile = tokeff.profile(tmp_path, tokenizers="bytes", unit="line")
    assert profile.measurements[0].n_items == 3
    assert profile.measurements[0].raw_bytes == len("one" + "two words" + "three")


def test_other_modalities_are_left_out_and_said_so(corpus: Path) -> None:
    profile = tokeff.profile(corpus, tokenizers="png")
    assert profile.n_ignored == 12
    assert profile.n_in == 12


def test_missing_bits_of_a_run_have_their_intervals(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(12):
        coarse = Image.fromarray(draw.integers(0, 256, (5, 6, 3), dtype=np.uint8))
        coarse.resize((48, 40)).save(tmp_path / f"{number}.png")
    (found,) = tokeff.profile(tmp_path, tokenizers="jpeg-q75").measurements
    spread = found.reconstruction["intervals"]
    assert not [name for name in found.absent if name.startswith("reconstruction.intervals")]
    missing, kept = spread["entropy_bits_per_byte"], spread["retained_share"]
    assert missing["low"] < found.reconstruction["entropy_bits_per_byte"] < missing["high"]
    assert kept["low"] < found.reconstruction["retained_share"]["8"]["4"] < kept["high"]
