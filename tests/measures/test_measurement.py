"""Measurements: ratios of sums, entropies by stream, what is absent and why, JSON and back."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tokeff.errors import InsufficientData, RunError
from tokeff.measures.gates import alerts, text_alerts
from tokeff.measures.measurement import measurement
from tokeff.measures.pairs import count_pairs
from tokeff.measures.rows import Column, tally_of_columns
from tokeff.measures.saved import from_json, to_json
from tokeff.records.cards import Card
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.tallies import Tally, fixed
from tokeff.records.tokens import Tokens


def card(modality: Modality) -> Card:
    return Card(name="test", modality=modality, family="any", sha256="ab" * 32)


def measured(tally: Tally, modality: Modality = "image", sizes: tuple[int, ...] = (8,), **more: Any) -> Measurement:
    given: dict[str, Any] = {"n_errors": 0, "device": "cpu", "dtype": "float32", "throughput": {}, "seed": 1, **more}
    return measurement(card(modality), tally, codebook_sizes=sizes, **given)


def tally(
    n_items: int = 20,
    *,
    start: int = 0,
    columns: Mapping[str, Column] | None = None,
    reals: Mapping[str, Column] | None = None,
    histograms: Mapping[str, Any] | None = None,
    sums: Mapping[str, int] | None = None,
) -> Tally:
    """Items of 100, 101, ... raw bytes, half as many tokens and ten times fewer stored bytes."""
    raw = [100 + place for place in range(start, start + n_items)]
    base: dict[str, Column] = {
        "stored_bytes": [each // 10 for each in raw],
        "raw_bytes": list(raw),
        "n_tokens": [each // 2 for each in raw],
        "n_positions": [each // 4 for each in raw],
    }
    keys = [f"item {each}" for each in raw]
    arrays = {name: np.array(counts) for name, counts in (histograms or {}).items()}
    return tally_of_columns(keys, {**base, **(columns or {})}, reals=reals, histograms=arrays, sums=sums)


def leaves(table: Any, path: str = "") -> dict[str, Any]:
    if isinstance(table, dict):
        found: dict[str, Any] = {}
        for name, value in table.items():
            found |= leaves(value, f"{path}.{name}" if path else name)
        return found
    if isinstance(table, list):
        return {k: v for place, value in enumerate(table) for k, v in leaves(value, f"{path}.{place}").items()}
    return {path: table}


def unexplained(each: Measurement) -> set[str]:
    """Nulls in the JSON for which no reason is given, neither for themselves nor for what holds them."""
    content = to_json(each)
    reasons = content.pop("absent")
    nulls = {path for path, value in leaves(content).items() if value is None} - {"n_measured", "vocab_size"}
    return {path for path in nulls if not any((path + ".").startswith(reason + ".") for reason in reasons)}


def test_ratios_are_of_sums() -> None:
    sums = tally(histograms={"stream0": [1, 1, 1, 1]})
    each = measured(sums)
    raw, tokens = sums.count("raw_bytes"), sums.count("n_tokens")
    assert each.bytes_per_token.value == raw / tokens
    assert each.tokens_per_byte == tokens / raw
    assert each.stored_bytes_per_token.value == sums.count("stored_bytes") / tokens
    low, high = each.bytes_per_token.low, each.bytes_per_token.high
    assert low is not None
    assert high is not None
    assert low < raw / tokens < high
    assert (each.n_items, each.n_measured, each.coverage, each.counted) == (20, None, "census", "encoded")


def test_one_stream() -> None:
    each = measured(tally(histograms={"stream0": [2, 2, 2, 2]}))
    assert each.entropy["capacity_bits_per_token"] == 3
    assert each.entropy["order0_bits_per_token"] == 2
    assert each.entropy["order0_miller_madow_bits_per_token"] == pytest.approx(2 + 3 / 16 / np.log(2))
    assert each.entropy["renyi_efficiency"] == {"observed": pytest.approx(1), "vocabulary": pytest.approx(2 / 3)}
    assert (each.entropy["n_types"], each.entropy["utilisation"], each.entropy["perplexity"]) == (4, 0.5, 4)
    bits = each.entropy["order0_miller_madow_bits_per_token"]
    assert each.rate_bits_per_byte == pytest.approx(bits * each.tokens_per_byte)
    assert each.vocab_size == 8
    assert not unexplained(each)


def test_capacity_bounds_the_rate() -> None:
    """Few tokens of many types: the correction overshoots what a token can carry."""
    each = measured(tally(histograms={"stream0": [1] * 8}))
    assert each.entropy["order0_miller_madow_bits_per_token"] > 3
    assert each.rate_bits_per_byte == pytest.approx(3 * each.tokens_per_byte)


def test_several_streams_sum_per_position() -> None:
    """Streams of one rate: 4 bits and 1 bit per position, 2.5 per token."""
    sums = tally(1, histograms={"stream0": [1] * 16, "stream1": [8, 8]})
    sums = Tally(n_items=1, counts={**sums.counts, "n_positions": 16}, histograms=sums.histograms, rows=sums.rows)
    each = measured(sums, "audio", (16, 4))
    assert each.entropy["order0_bits_per_token"] == 2.5
    assert each.entropy["order0_bits_per_position"] == 5
    assert each.entropy["capacity_bits_per_position"] == 6
    assert [stream["order0_bits_per_token"] for stream in each.entropy["streams"]] == [4, 1]
    assert [stream["perplexity"] for stream in each.entropy["streams"]] == [16, 2]
    assert (each.entropy["n_types"], each.entropy["utilisation"]) == (18, 0.9)
    assert each.absent["entropy.perplexity"] == "several_streams"
    assert not unexplained(each)


def alternating(n_items: int, n_positions: int, n_streams: int = 1) -> list[Tokens]:
    """0 1 0 1 ..., from either end: one bit per token without its neighbour, next to none with it."""
    ids = np.arange(n_positions) % 2
    return [Tokens.discrete([(ids + item) % 2 for _ in range(n_streams)]) for item in range(n_items)]


def test_what_the_neighbour_tells_makes_the_rate() -> None:
    tokens = alternating(20, 4000)
    pairs = count_pairs([str(place) for place in range(20)], tokens, (2,))
    each = measured(tally(histograms={"stream0": [40_000, 40_000]}), sizes=(2,), pairs=pairs)
    bits = each.entropy["order1_bits_per_token"]
    assert 0 < bits < 0.02
    assert each.entropy["order0_bits_per_token"] == 1
    assert each.rate_bits_per_byte == pytest.approx(bits * each.tokens_per_byte)
    assert not unexplained(each)


def test_neighbours_of_several_streams() -> None:
    """The second stream repeats the first: its coarser neighbour tells all."""
    tokens = alternating(20, 4000, 2)
    pairs = count_pairs([str(place) for place in range(20)], tokens, (2, 2))
    sums = tally(histograms={"stream0": [40_000, 40_000], "stream1": [40_000, 40_000]})
    each = measured(sums, "audio", (2, 2), pairs=pairs)
    first, second = each.entropy["streams"]
    assert each.entropy["order1_bits_per_token"] == pytest.approx(first["order1_bits_per_token"])
    assert second["order1_coarser_bits_per_token"] < 0.001
    assert "order1_coarser_bits_per_token" not in first
    assert not unexplained(each)


def test_too_few_pairs_are_said_to_be_so() -> None:
    pairs = count_pairs(["a"], alternating(1, 100, 2), (2, 2))
    each = measured(tally(histograms={"stream0": [50, 50], "stream1": [50, 50]}), "audio", (2, 2), pairs=pairs)
    assert each.entropy["order1_bits_per_token"] is None
    assert each.absent["entropy.order1_bits_per_position"] == "too_few_items"
    assert each.absent["entropy.streams.1.order1_coarser_bits_per_token"] == "too_few_items"
    assert not unexplained(each)
    without = measured(tally(histograms={"stream0": [50, 50]}), sizes=(2,))
    assert without.absent["entropy.order1_bits_per_token"] == "pairs_not_counted"


def test_a_stream_of_one_code_explains_its_nulls() -> None:
    each = measured(tally(histograms={"stream0": [9, 9], "stream1": [18]}), "audio", (2, 1))
    assert each.absent["entropy.streams.1.renyi_efficiency.vocabulary"] == "one_id"
    assert not unexplained(each)


def test_continuous_tokens_and_header_counts_have_no_entropy() -> None:
    continuous = measured(tally(), sizes=())
    assert continuous.entropy == {}
    assert continuous.rate_bits_per_byte is None
    assert continuous.absent["entropy"] == continuous.absent["rate_bits_per_byte"] == "continuous_tokens"
    assert continuous.vocab_size is None
    assert measured(tally()).absent["entropy"] == "not_encoded"
    assert not unexplained(continuous)


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(InsufficientData, match=r"test: nothing was measured.*0 items with raw_bytes = 0"):
        measured(Tally())
    without_tokens = tally(12, columns={"n_tokens": [0] * 12})
    with pytest.raises(InsufficientData, match="12 items with n_tokens = 0"):
        measured(without_tokens)


def test_too_few_items_have_no_interval() -> None:
    each = measured(tally(9, histograms={"stream0": [1, 2]}))
    assert (each.bytes_per_token.low, each.bytes_per_token.high) == (None, None)
    assert each.absent["ci.bytes_per_token.low"] == each.absent["ci.stored_bytes_per_token.high"] == "too_few_items"
    assert not unexplained(each)
    (alert,) = [alert for alert in alerts(each) if alert.code == "too_few_items"]
    assert "9 items" in alert.sentence
    assert not list(alerts(measured(tally(10, histograms={"stream0": [1000, 2000]}))))


def test_more_types_than_the_tokens_can_tell_of() -> None:
    each = measured(tally(10, histograms={"stream0": [3] * 100}), sizes=(100,))
    (alert,) = alerts(each)
    assert alert.code == "entropy_uncertain"
    assert "100 different ids" in alert.sentence
    assert not list(alerts(measured(tally(10, histograms={"stream0": [300] * 100}), sizes=(100,))))


def test_rows_and_moments_give_nearly_the_same_interval() -> None:
    sums = tally(200)
    with_rows = measured(sums)
    without = measured(Tally(n_items=200, counts=sums.counts, rows=None))
    assert without.bytes_per_token.value == with_rows.bytes_per_token.value
    assert without.bytes_per_token.low == pytest.approx(with_rows.bytes_per_token.low, rel=1e-4)
    assert without.bytes_per_token.low != with_rows.bytes_per_token.low


def test_a_sample_with_a_census_of_headers() -> None:
    census, sample = tally(100), tally(20, start=30, histograms={"stream0": [4, 4]})
    each = measured(sample, population=100, census=census)
    assert (each.n_items, each.n_measured) == (100, 20)
    assert (each.coverage, each.counted) == ("sample", "header")
    assert each.n_tokens == census.count("n_tokens")
    assert each.bytes_per_token.low == each.bytes_per_token.value == each.bytes_per_token.high
    assert each.entropy["order0_bits_per_token"] == 1
    rate = each.entropy["order0_miller_madow_bits_per_token"] * each.tokens_per_byte
    assert each.rate_bits_per_byte == pytest.approx(rate)


def test_a_sample_is_about_the_corpus() -> None:
    def width(each: Measurement) -> float:
        return (each.bytes_per_token.high or 0) - (each.bytes_per_token.low or 0)

    part, free = measured(tally(20), population=25), measured(tally(20))
    assert width(part) == pytest.approx(width(free) * np.sqrt(1 - 20 / 25), rel=1e-3)
    assert (part.coverage, free.coverage) == ("sample", "census")
    assert measured(tally(20), population=22, n_errors=2).coverage == "census"


def test_text_figures_and_gates() -> None:
    columns: dict[str, Column] = {
        "n_characters": [90] * 20,
        "n_words": [10] * 20,
        "n_lines": [2] * 20,
        "n_reconstructed": [1] * 19 + [0],
        "n_roundtrip_failures": [1, *[0] * 18, None],
    }
    histograms = {"stream0": [9, 1], "token_bytes": [3, 4, 0, 2, *[0] * 296, 1]}
    columns["n_coded_bytes"] = [100] * 19 + [None]
    sums = {"n_unknown": 2, "n_without_text": 1}
    reals: dict[str, Column] = {"missing_bits_text": [fixed(38), *[0] * 18, None]}
    each = measured(tally(columns=columns, reals=reals, histograms=histograms, sums=sums), "text", (2,))
    assert each.reconstruction["entropy_bits_per_byte"] == pytest.approx(38 / 1900)
    assert each.text["tokens_per_word"] == each.n_tokens / 200
    assert each.text["characters_per_token"] == 1800 / each.n_tokens
    assert each.text["segmenter"] == "whitespace"
    assert (each.text["longest_token_bytes"], each.text["token_text_bytes"]) == (300, 4 + 6 + 300)
    found = {alert.code: alert.sentence for alert in text_alerts(each)}
    assert set(found) == {
        "roundtrip_failures",
        "roundtrip_partly_checked",
        "unknown_tokens",
        "tokens_without_text",
        "long_tokens",
    }
    assert "1 of 19 texts" in found["roundtrip_failures"]
    assert {alert.tokenizer for alert in text_alerts(each)} == {"test"}
    assert not unexplained(each)


def lossless_text(n_reconstructed: int | None = 20) -> Tally:
    columns: dict[str, Column] = {name: [5] * 20 for name in ("n_characters", "n_words", "n_lines")}
    if n_reconstructed is not None:
        columns |= {"n_reconstructed": [1] * 20, "n_roundtrip_failures": [0] * 20}
    sums = {"n_unknown": 0, "n_without_text": 0}
    return tally(columns=columns, histograms={"stream0": [900, 100], "token_bytes": [0, 4]}, sums=sums)


def test_a_sound_text_tokenizer_raises_no_alert_and_loses_nothing() -> None:
    each = measured(lossless_text(), "text", (2,))
    assert not list(alerts(each))
    assert each.reconstruction == {"n_items": 20, "entropy_bits_per_byte": 0.0}
    assert not unexplained(each)


def test_what_was_not_looked_at_is_said() -> None:
    unchecked = measured(lossless_text(None), "text", (2,))
    assert [alert.code for alert in text_alerts(unchecked)] == ["roundtrip_unchecked"]
    assert unchecked.text["n_roundtrip_failures"] is None
    assert unchecked.absent["reconstruction"] == "not_reconstructed"
    assert not unexplained(unchecked)
    counts = lossless_text()
    blind = Tally(n_items=20, counts=counts.counts, histograms={"stream0": np.array([3])}, rows=counts.rows)
    assert [alert.code for alert in text_alerts(measured(blind, "text", (2,)))] == ["vocabulary_unchecked"]


def test_no_words() -> None:
    columns: dict[str, Column] = {"n_characters": [5] * 20, "n_words": [0] * 20, "n_lines": [1] * 20}
    each = measured(tally(columns=columns), "text", (2,))
    assert each.text["tokens_per_word"] is None
    assert each.absent["text.tokens_per_word"] == "no_words"


def test_distortion_of_pictures() -> None:
    ten, none = [1] * 10 + [None] * 10, [None] * 10 + [1] * 10
    columns: dict[str, Column] = {
        "n_reconstructed": [1] * 20,
        "squared_error": [400] * 10 + [0] * 10,
        "n_compared": [100] * 20,
        "n_pixels": [50] * 20,
        "n_psnr": ten,
        "n_psnr_lossless": none,
        "n_ssim_smaller_than_window": [1] * 20,
    }
    reals: dict[str, Column] = {"psnr_db": [fixed(40.0)] * 10 + [None] * 10}
    each = measured(tally(columns=columns, reals=reals, histograms={"stream0": [1, 1]}))
    assert each.distortion["psnr_db"] == pytest.approx(10 * np.log10(255**2 / 2))
    assert each.distortion["psnr_db_item_mean"] == 40
    assert each.distortion["n_psnr_lossless"] == 10
    assert each.distortion["ssim"] is None
    assert each.absent["distortion.ssim"] == "smaller_than_window"
    assert each.density["tokens_per_pixel"] == each.n_tokens / 1000
    assert each.density["tokens_per_item"] == each.n_tokens / 20
    assert each.absent["reconstruction"] == "not_measured"
    assert not unexplained(each)


def test_lossless_pictures_have_no_psnr() -> None:
    columns: dict[str, Column] = {
        "n_reconstructed": [1] * 20,
        "squared_error": [0] * 20,
        "n_compared": [100] * 20,
        "n_psnr_lossless": [1] * 20,
        "n_ssim": [1] * 20,
    }
    reals: dict[str, Column] = {"ssim": [fixed(1.0)] * 20}
    each = measured(tally(columns=columns, reals=reals))
    assert each.distortion["psnr_db"] is each.distortion["psnr_db_item_mean"] is None
    assert each.absent["distortion.psnr_db"] == each.absent["distortion.psnr_db_item_mean"] == "lossless"
    assert each.distortion["ssim"] == 1
    assert each.reconstruction["entropy_bits_per_byte"] == 0


def test_distortion_and_rates_of_sound() -> None:
    columns: dict[str, Column] = {"n_reconstructed": [1] * 20, "n_si_sdr": [1] * 20, "n_compared": [9] * 20}
    reals: dict[str, Column] = {
        "signal_energy": [fixed(100.0)] * 20,
        "error_energy": [fixed(1.0)] * 20,
        "si_sdr_db": [fixed(10.0 + place) for place in range(20)],
        "duration_seconds": [fixed(0.5)] * 20,
    }
    each = measured(tally(columns=columns, reals=reals, histograms={"stream0": [5, 5]}), "audio")
    assert each.distortion["snr_db"] == pytest.approx(20)
    assert each.distortion["si_sdr_db"] == pytest.approx(19.5)
    assert each.density["token_rate_hz"] == each.n_tokens / 10
    bits = each.entropy["order0_miller_madow_bits_per_token"]
    assert each.density["bits_per_second"] == pytest.approx(bits * each.n_tokens / 10)


def test_what_only_the_caller_knows() -> None:
    each = measured(tally(), absent={"reconstruction": "no_decoder"})
    assert each.absent["reconstruction"] == "no_decoder"
    coded = measured(tally(), reconstruction={"entropy_bits_per_byte": 2.5})
    assert coded.reconstruction == {"entropy_bits_per_byte": 2.5}
    assert "reconstruction" not in coded.absent


@pytest.mark.parametrize("sizes", [(), (8,), (8, 16)])
def test_json_and_back(sizes: tuple[int, ...]) -> None:
    histograms = {f"stream{place}": [1, 2, 3] for place, _ in enumerate(sizes)}
    each = measured(tally(histograms=histograms), sizes=sizes, throughput={"encode": {"seconds": 0.5}})
    text = json.dumps(to_json(each), allow_nan=False)
    assert from_json(json.loads(text)) == each
    assert set(json.loads(text)["ci"]) == {"bytes_per_token", "stored_bytes_per_token"}
    assert set(json.loads(text)["ci"]["bytes_per_token"]) == {"value", "low", "high", "confidence"}


def test_json_is_strict() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(measured(tally(), throughput={"seconds": float("inf")}))


def test_json_of_another_version() -> None:
    content = to_json(measured(tally()))
    with pytest.raises(RunError, match=r"test: is not a measurement of this version.*n_tokens"):
        from_json({name: value for name, value in content.items() if name != "n_tokens"})
    with pytest.raises(RunError, match="colour"):
        from_json({**content, "colour": "blue"})
    with pytest.raises(RunError, match="got value"):
        from_json({**content, "ci": {"value": 1}})
