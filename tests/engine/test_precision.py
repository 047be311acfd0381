"""--precision stops when every ratio is known well enough, and says how much that took."""

import json
import random
from pathlib import Path

import pytest

import tokeff
from tokeff.errors import TokeffError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """9,000 lines, sorted so that the head is nothing like the rest: English first, then Greek."""
    draw = random.Random(0)
    greek, english = ["λόγος", "ἀρχή", "φύσις", "ψυχή", "καί"], ["word", "beginning", "nature", "soul", "and"]
    path = tmp_path_factory.mktemp("corpus") / "lines.txt"
    with path.open("w", encoding="utf-8") as out:
        for number in range(9_000):
            words = greek if number > 6_000 else english
            out.write(" ".join(draw.choices(words, k=draw.randint(3, 30))) + "\n")
    return path


def test_it_stops_when_the_interval_is_narrow_enough(corpus: Path, tmp_path: Path) -> None:
    whole = tokeff.profile(corpus, tokenizers="tekken", unit="line", reconstruction="off", device="cpu")
    exact = whole.measurements[0].bytes_per_token.value
    run = tmp_path / "run"
    profile = tokeff.profile(
        corpus, tokenizers=["tekken", "bytes"], unit="line", precision=0.03, reconstruction="off", device="cpu",
        out=run, report=False,
    )  # fmt: skip
    tekken, raw = profile.measurements
    estimate = tekken.bytes_per_token
    assert estimate.low is not None
    assert estimate.high is not None
    assert max(estimate.high / estimate.value - 1, 1 - estimate.low / estimate.value) <= 0.03
    # Twice the half-width: one run in ten thousand would fail, and the seed is fixed.
    assert estimate.value == pytest.approx(exact, rel=0.06)
    assert 200 <= tekken.n_items < 6_000
    assert tekken.coverage == "sample"
    sampling = json.loads((run / "run.json").read_text())["sampling"]
    assert sampling["text"]["n_items"] == tekken.n_items
    assert sampling["text"]["of_items"] == 9_000
    assert 0 < sampling["text"]["stored_bytes"] < sampling["text"]["of_stored_bytes"]
    # What follows from headers is exact.
    assert (raw.counted, raw.n_items, raw.bytes_per_token.value) == ("header", 9_000, 1.0)


def test_where_all_is_read_the_ratio_is_exact(corpus: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.txt"
    few.write_text("".join(corpus.read_text("utf-8").splitlines(keepends=True)[:300]))
    profile = tokeff.profile(few, tokenizers="tekken", unit="line", precision=0.0001, reconstruction="off")
    (measured,) = profile.measurements
    assert measured.n_items == 300
    assert measured.bytes_per_token.low == measured.bytes_per_token.value == measured.bytes_per_token.high


def test_only_one_way_to_say_how_much(corpus: Path) -> None:
    with pytest.raises(TokeffError, match="more than one of --sample, --precision and --count-only"):
        tokeff.profile(corpus, precision=0.1, sample=3)
    with pytest.raises(TokeffError, match=r"expected 0\.01 for 1 %"):
        tokeff.profile(corpus, precision=1.0)
