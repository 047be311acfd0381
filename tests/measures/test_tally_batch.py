"""One Tally for a batch: counts, histograms, rows; what a tokenizer may not do; what it costs."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tokeff.engine.rows import PRESENCES
from tokeff.errors import ItemError, TokeffError
from tokeff.measures.batch import ROW_COUNTS, ROW_REALS, tally_batch
from tokeff.measures.headers import tally_headers
from tokeff.measures.text import text_columns
from tokeff.records.cards import Card
from tokeff.records.headers import AudioHeader, Header, ImageHeader, TextHeader
from tokeff.records.items import Item, Modality
from tokeff.records.signals import AudioSignal, ImageSignal, Signal, TextSignal
from tokeff.records.tallies import MAX_ROWS, Tally
from tokeff.records.tokens import Counts, Tokens


@dataclass(slots=True)
class Letters:
    """Bytes as ids; id 0 is unknown, id 1 a special without text, id 2 stands for 300 bytes."""

    card: Card = field(default_factory=lambda: Card(name="letters", modality="text", family="bytes"))
    codebook_sizes: tuple[int, ...] = (256,)

    def encode(self, signals: Sequence[TextSignal]) -> list[Tokens]:
        return [Tokens.discrete((np.frombuffer(signal.data, np.uint8),)) for signal in signals]

    def count(self, header: TextHeader) -> Counts:
        return Counts(n_tokens=header.n_bytes, n_positions=header.n_bytes)

    @property
    def unknown_ids(self) -> frozenset[int]:
        return frozenset({0, 999})

    @property
    def token_bytes(self) -> NDArray[np.int64]:
        lengths = np.ones(256, dtype=np.int64)
        lengths[:3] = (0, 0, 300)
        return lengths


@dataclass(slots=True)
class Codes:
    """Declares codebooks and nothing else."""

    modality: Modality
    codebook_sizes: tuple[int, ...]

    @property
    def card(self) -> Card:
        return Card(name="codes", modality=self.modality, family="vq")

    def encode(self, signals: Sequence[Signal]) -> list[Tokens]:
        raise NotImplementedError("these tests make its tokens")


def items(signals: Sequence[Signal], modality: Modality, prefix: str = "") -> list[Item]:
    return [
        Item(modality=modality, key=f"{prefix}{place}", stored_bytes=10 + place, open=io.BytesIO)
        for place, _ in enumerate(signals)
    ]


def texts(*contents: str) -> list[TextSignal]:
    return [TextSignal(data=content.encode()) for content in contents]


def picture(height: int = 16, width: int = 12, value: int = 7) -> ImageSignal:
    pixels = torch.full((3, height, width), value, dtype=torch.uint8)
    return ImageSignal(header=ImageHeader(width=width, height=height, channels=3), pixels=pixels)


def sound(samples: torch.Tensor) -> AudioSignal:
    header = AudioHeader(sample_rate_hz=8000, n_samples=samples.shape[1], n_channels=samples.shape[0])
    return AudioSignal(header=header, samples=samples)


def tally_texts(signals: Sequence[TextSignal], back: Sequence[Signal | None] | None = None, prefix: str = "") -> Tally:
    tokenizer = Letters()
    return tally_batch(tokenizer, items(signals, "text", prefix), signals, tokenizer.encode(signals), back)


def test_counts_histograms_and_rows_of_texts() -> None:
    signals = texts("ab a\n", "", "日本 b")
    tally = tally_texts(signals, [signals[0], None, TextSignal(data=b"?")])
    assert tally.n_items == 3
    expected = {"stored_bytes": 33, "raw_bytes": 13, "n_tokens": 13, "n_positions": 13, "n_characters": 9}
    expected |= {"n_words": 4, "n_lines": 2, "n_reconstructed": 2, "n_roundtrip_failures": 1}
    expected |= {"raw_bytes*n_tokens": 25 + 64, "stored_bytes*n_tokens": 50 + 96, "stored_bytes*stored_bytes": 365}
    assert expected.items() <= tally.counts.items()
    assert tally.histograms["stream0"].sum() == 13
    assert tally.histograms["stream0"][ord("a")] == 2
    assert tally.rows is not None
    assert tally.rows["0"]["n_words"] == 2
    assert tally.rows["1"]["n_tokens"] == 0
    assert "n_roundtrip_failures" not in tally.rows["1"]
    assert tally.rows["2"]["n_roundtrip_failures"] == 1


def test_unknown_special_and_long_tokens_are_seen() -> None:
    tally = tally_texts([TextSignal(data=bytes([0, 0, 1, 65])), TextSignal(data=bytes([2, 66, 0]))])
    assert tally.count("n_unknown") == 3
    assert tally.count("n_without_text") == 1
    by_bytes = tally.histograms["token_bytes"]
    assert (by_bytes[0], by_bytes[1], by_bytes[300], by_bytes.sum()) == (4, 2, 1, 7)


@given(st.lists(st.text(), max_size=8))
def test_words_lines_and_characters_are_those_of_str(contents: list[str]) -> None:
    contents = [content.encode("utf-8", "ignore").decode() for content in contents]
    tally = tally_texts(texts(*contents))
    assert tally.rows is not None
    for place, content in enumerate(contents):
        row = tally.rows[str(place)]
        assert row["n_characters"] == len(content)
        assert row["n_words"] == len(content.split())
        assert row["n_lines"] == content.count("\n") + (content != "" and content[-1] != "\n")


def test_every_space_of_unicode_separates_words_and_no_other_character_does() -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    contents = [f"a{character}b" for character in every if character.isspace()]
    assert len(contents) > 20
    contents += ["".join(character for character in every if not character.isspace()), "日本\u3000", "\u2003\u205f\xa0"]
    assert text_columns([content.encode() for content in contents])["n_words"] == [len(c.split()) for c in contents]


def test_words_between_ascii_separators_and_at_the_seams() -> None:
    contents = ["a\x1fb\tc\x0bd", " lead", "trail ", "x", "y", "\n"]
    tally = tally_texts(texts(*contents))
    assert tally.rows is not None
    assert [tally.rows[str(place)]["n_words"] for place in range(6)] == [len(content.split()) for content in contents]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=10), st.integers(1, 4))
def test_any_batching_gives_the_same_total(contents: list[str], n_batches: int) -> None:
    signals = [TextSignal(data=content.encode("utf-8", "ignore")) for content in contents]
    tokenizer = Letters()
    every = items(signals, "text")
    whole = tally_batch(tokenizer, every, signals, tokenizer.encode(signals), signals)
    places = [range(start, len(signals), n_batches) for start in range(n_batches)]
    batches = [([every[p] for p in each], [signals[p] for p in each]) for each in places]
    total = Tally.total(tally_batch(tokenizer, i, s, tokenizer.encode(s), s) for i, s in batches if i)
    assert (total.n_items, total.counts, total.reals, total.rows) == (
        whole.n_items,
        whole.counts,
        whole.reals,
        whole.rows,
    )
    assert {name: counts.tolist() for name, counts in total.histograms.items()} == {
        name: counts.tolist() for name, counts in whole.histograms.items()
    }


def test_streams_of_different_lengths_and_items_without_a_stream() -> None:
    signals = [picture(), picture()]
    tokens = [
        Tokens.discrete([np.array([0, 1, 1, 3], np.int32), np.array([5], np.uint16)]),
        Tokens.discrete([np.array([3, 3], np.int64)]),
    ]
    tally = tally_batch(Codes("image", (4, 6)), items(signals, "image"), signals, tokens, None)
    assert tally.histograms["stream0"].tolist() == [1, 2, 0, 3]
    assert tally.histograms["stream1"].tolist() == [0, 0, 0, 0, 0, 1]
    assert (tally.count("n_tokens"), tally.count("n_positions")) == (7, 6)


def test_continuous_tokens_have_a_count_and_no_histogram() -> None:
    signals = [picture()]
    tally = tally_batch(Codes("image", ()), items(signals, "image"), signals, [Tokens.continuous(9)], None)
    assert tally.count("n_tokens") == 9
    assert not tally.histograms


@pytest.mark.parametrize("ids", [[0, 4], [-1, 2]])
def test_ids_outside_the_codebook(ids: list[int]) -> None:
    tokens = [Tokens.discrete([np.array(ids)])]
    with pytest.raises(TokeffError, match=r"codes: stream 0: emits ids outside its codebook; got ids from .* 0 to 3"):
        tally_batch(Codes("image", (4,)), items([picture()], "image"), [picture()], tokens, None)


def test_more_streams_than_declared() -> None:
    tokens = [Tokens.discrete([np.array([0]), np.array([0])])]
    with pytest.raises(TokeffError, match="codes: emits more streams than it declares; got 2 streams"):
        tally_batch(Codes("image", (4,)), items([picture()], "image"), [picture()], tokens, None)


def test_lists_that_do_not_match() -> None:
    signals = texts("a", "b")
    tokenizer = Letters()
    with pytest.raises(ValueError, match="1 tokens"):
        tally_batch(tokenizer, items(signals, "text"), signals, tokenizer.encode(signals[:1]), None)
    with pytest.raises(ValueError, match="1 reconstructions of 2 items"):
        tally_batch(tokenizer, items(signals, "text"), signals, tokenizer.encode(signals), signals[:1])
    twice = [items(signals, "text")[0]] * 2
    with pytest.raises(ValueError, match="same key"):
        tally_batch(tokenizer, twice, signals, tokenizer.encode(signals), None)
    mixed: list[Signal] = [signals[0], picture()]
    tokens = [Tokens.continuous(1)] * 2
    with pytest.raises(ValueError, match="ImageSignal, TextSignal"):
        tally_batch(Codes("text", ()), items(mixed, "text"), mixed, tokens, None)


def test_headers_count_what_encode_gives() -> None:
    signals = texts("one", "two three", "")
    tokenizer = Letters()
    headers: list[Header] = [signal.header for signal in signals]
    counted, encoded = tally_headers(tokenizer, items(signals, "text"), headers), tally_texts(signals)
    assert counted.counts.items() <= encoded.counts.items()
    assert {"raw_bytes", "n_tokens", "raw_bytes*n_tokens"} <= set(counted.counts)
    assert counted.rows is not None
    assert counted.rows["1"] == {"stored_bytes": 11, "raw_bytes": 9, "n_tokens": 9, "n_positions": 9}
    assert not counted.histograms


def test_more_items_than_rows_are_kept() -> None:
    signals = texts(*["x"] * (MAX_ROWS + 1))
    tally = tally_texts(signals)
    assert tally.rows is None
    assert tally.count("raw_bytes*n_tokens") == MAX_ROWS + 1


ONES = [Tokens.continuous(1)]


def compare(signal: Signal, copy: Signal | None, modality: Modality) -> Tally:
    return tally_batch(Codes(modality, ()), items([signal], modality), [signal], ONES, [copy])


def test_rows_hold_only_declared_names_and_reasons() -> None:
    wave = torch.sin(torch.arange(300.0))[None]
    for tally in (
        compare(picture(), picture(value=9), "image"),
        compare(sound(wave), sound(0.9 * wave), "audio"),
        tally_texts(texts("a"), texts("a")),
    ):
        assert tally.rows is not None
        (row,) = tally.rows.values()
        undeclared = set(row) - set(ROW_COUNTS) - set(ROW_REALS)
        assert all(name.startswith(PRESENCES) for name in undeclared)


def test_pictures_are_compared() -> None:
    tally = compare(picture(), picture(value=9), "image")
    assert tally.count("squared_error") == 4 * 16 * 12 * 3
    assert tally.count("n_compared") == 16 * 12 * 3
    assert tally.count("n_pixels") == 16 * 12
    assert tally.real("psnr_db") == pytest.approx(10 * np.log10(255**2 / 4))
    same = compare(picture(), picture(), "image")
    assert same.counts["squared_error"] == 0
    assert "psnr_db" not in same.reals
    assert same.count("n_psnr_lossless") == 1
    assert compare(picture(8, 8), picture(8, 8), "image").count("n_ssim_smaller_than_window") == 1


def test_sound_is_compared() -> None:
    wave = torch.sin(torch.arange(1000.0) / 10)[None]
    tally = compare(sound(wave), sound(wave + 0.1 * torch.cos(torch.arange(1000.0))[None]), "audio")
    assert tally.real("duration_seconds") == 0.125
    assert tally.real("signal_energy") == pytest.approx(float(wave.double().square().sum()))
    assert tally.real("si_sdr_db") == pytest.approx(20, abs=0.5)
    assert tally.real("log_mel_distance_db") > 1
    short = compare(sound(wave[:, :3]), sound(wave[:, :3]), "audio")
    assert short.count("n_log_mel_distance_shorter_than_window") == 1
    silence = compare(sound(0 * wave), sound(wave), "audio")
    assert silence.count("n_si_sdr_silent") == 1
    tiny = compare(sound(wave), sound(torch.nextafter(wave, wave + 1)), "audio")
    assert tiny.reals["error_energy"] > 0


def test_what_was_not_reconstructed_is_not_compared() -> None:
    tally = compare(picture(), None, "image")
    assert tally.counts["n_reconstructed"] == 0
    assert "squared_error" not in tally.counts


def test_a_reconstruction_of_another_shape_is_an_error_of_the_item() -> None:
    with pytest.raises(ItemError, match=r"0: .*by codes.*; got \[3, 16, 13\]; expected \[3, 16, 12\]") as caught:
        compare(picture(), picture(width=13), "image")
    assert caught.value.reason == "shape_mismatch"


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_reconstruction_that_is_not_numbers_is_an_error_of_the_tokenizer(value: float) -> None:
    wave = torch.zeros(1, 100)
    broken = wave.clone()
    broken[0, 50] = value
    with pytest.raises(TokeffError, match="codes: reconstructs 0 with NaN or infinite") as caught:
        compare(sound(wave), sound(broken), "audio")
    assert not isinstance(caught.value, ItemError)


def test_a_reconstruction_of_another_kind() -> None:
    wave = torch.zeros(1, 100)
    with pytest.raises(TokeffError, match=r"number type; got torch\.float64"):
        compare(sound(wave), sound(wave.double()), "audio")
    with pytest.raises(TokeffError, match="another modality; got ImageSignal"):
        compare(sound(wave), picture(), "audio")
    with pytest.raises(TokeffError, match="another modality; got ImageSignal"):
        tally_texts(texts("a"), [picture()])


def best_of(function: Callable[[], object], n: int) -> float:
    times = []
    for _ in range(n):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


def test_small_texts_cost_far_less_than_50_microseconds() -> None:
    """About 5 microseconds on an idle core; the bound is generous for busy ones."""
    signals = texts(*["a short text of one line, as chats have them"] * 2000)
    tokenizer = Letters()
    every, tokens = items(signals, "text"), tokenizer.encode(signals)
    seconds = best_of(lambda: tally_batch(tokenizer, every, signals, tokens, signals), 5)
    assert seconds / len(signals) < 50e-6
