"""Amounts as people write them, and the refusals of those that cannot be meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokeff.errors import TokeffError
from tokeff.planner import written
from tokeff.planner.amounts import parse_bytes, parse_count, parse_interval
from tokeff.planner.request import Fidelity, Size


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("2TB", 2e12),
        ("2TiB", 2 * 2.0**40),
        ("2e12", 2e12),
        ("40 GB", 40e9),
        ("1.5 tb", 1.5e12),
        ("512MiB", 512 * 2.0**20),
        ("40B", 40),
        ("3_000_000", 3e6),
        ("1PB", 1e15),
    ],
)
def test_sizes_are_understood(text: str, n_bytes: float) -> None:
    assert parse_bytes(text, "--corpus") == n_bytes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("40", "no unit"),
        ("2XB", "unknown unit"),
        ("2Tb/s", "unknown unit"),
        ("TB", "not an amount"),
        ("", "not an amount"),
        ("nan", "not an amount"),
        ("inf", "not an amount"),
        ("1e999", "not an amount"),
        ("1e300", "no such amount can be meant"),
        ("-2TB", "above zero"),
        ("0GB", "above zero"),
    ],
)
def test_sizes_that_cannot_be_meant_are_refused(text: str, said: str) -> None:
    with pytest.raises(TokeffError, match=said) as refusal:
        parse_bytes(text, "--corpus text")
    assert "--corpus text" in str(refusal.value)


@given(st.floats(1e6, 1e18))
def test_a_bare_number_is_bytes(number: float) -> None:
    assert parse_bytes(repr(number), "") == number


def test_counts() -> None:
    assert [parse_count(text, "") for text in ("7B", "7e9", 7e9, "350M", "1.4T", "1e22")] == [
        7e9,
        7e9,
        7e9,
        350e6,
        1.4e12,
        1e22,
    ]
    with pytest.raises(TokeffError, match="unknown unit"):
        parse_count("7X", "--parameters")


def test_corpus_of_several() -> None:
    found = written.corpus(["text=2TB, video=40TB", "image=x1000"], raw=False)
    assert found == {
        "text": Size(kind="stored", amount=2e12),
        "video": Size(kind="stored", amount=4e13),
        "image": Size(kind="times", amount=1000),
    }
    assert written.corpus(["text=2TB"], raw=True)["text"].kind == "raw"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text", "NAME=VALUE"),
        ("text=", "NAME=VALUE"),
        ("=2TB", "NAME=VALUE"),
        ("speech=2TB", "not a modality"),
        ("text=1TB,text=2TB", "given twice"),
    ],
)
def test_corpora_that_cannot_be_meant(text: str, said: str) -> None:
    with pytest.raises(TokeffError, match=said):
        written.corpus([text], raw=False)


def test_shares() -> None:
    assert parse_interval("20%..80%", "") == (0.2, 0.8)
    assert parse_interval("0.3..", "") == (0.3, 1.0)
    for text in ("0.8..0.2", "120%", "..", "x", "-0.1..0.5"):
        with pytest.raises(TokeffError):
            parse_interval(text, "--mixture")


def test_prices_and_epochs() -> None:
    prices = written.prices(["text=0.5,gpu-hour=2", "machine-hour=0.1"])
    assert prices.per_gigabyte == {"text": 0.5}
    assert (prices.gpu_hour, prices.machine_hour) == (2.0, 0.1)
    with pytest.raises(TokeffError, match="gpu-hour"):
        written.prices(["gpu-hours=2"])
    assert written.max_epochs(["4"]) == {"text": 4.0, "image": 4.0, "audio": 4.0, "video": 4.0}
    assert written.max_epochs(["text=4,video=1"]) == {"text": 4.0, "video": 1.0}


def test_ways_to_count_tokens() -> None:
    assert written.fidelity(["raw"]) == {}
    assert written.fidelity(["effective@6,2", "audio=effective@12,1"]) == {
        None: Fidelity(depth="6", scale="2"),
        "audio": Fidelity(depth="12", scale="1"),
    }
    together = written.fidelity(["image=effective@8,8,audio=effective@12,1"])
    assert together == {"image": Fidelity(depth="8", scale="8"), "audio": Fidelity(depth="12", scale="1")}
    for text in ("effective", "effective@6", "halves", "effective@,2"):
        with pytest.raises(TokeffError, match="not a way to count tokens"):
            written.fidelity([text])
