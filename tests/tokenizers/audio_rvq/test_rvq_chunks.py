"""Chunks of long recordings: what is cut, how it is joined, and that memory does not decide about ids."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tokeff.media.audio_blocks import ForwardSamples
from tokeff.records.signals import AudioSignal, LongAudioSignal
from tokeff.tokenizers.audio.chunks import Chunks, cut, join
from tokeff.tokenizers.audio.rvq import autoencoder
from tokeff.tokenizers.audio.rvq.rates import resampled, resampled_length, uses_torchaudio

Recording = Callable[..., AudioSignal]
Opened = Callable[..., Any]


@given(st.integers(1, 500), st.integers(1, 100), st.data())
def test_spans_cover_a_recording_in_equal_chunks(n_samples: int, length: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, length))
    least = data.draw(st.integers(1, stride))
    spans = Chunks(length=length, stride=stride, least=least).spans(n_samples)
    assert spans[0][0] == 0
    assert spans[-1][1] == n_samples
    assert all(after[0] - before[0] == stride for before, after in pairwise(spans))
    assert all(before[1] >= after[0] for before, after in pairwise(spans))
    whole = [first + length <= n_samples for first, _ in spans]
    assert all(stop - first == length for (first, stop), fits in zip(spans[:-1], whole[:-1], strict=True) if fits)
    if n_samples >= least:
        assert all(stop - first >= least for first, stop in spans[-1:])


@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(1, 30), st.data())
def test_what_is_cut_is_joined_again(sizes: list[int], length: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers((length + 1) // 2, length))
    whole = torch.rand(2, sum(sizes))
    spans = Chunks(length=length, stride=stride, least=1).spans(whole.shape[1])
    pieces = list(cut(torch.split(whole, sizes, dim=1), spans))
    for piece, (first, stop) in zip(pieces, spans, strict=True):
        assert torch.equal(piece, whole[:, first:stop])
    torch.testing.assert_close(torch.cat(list(join(pieces, spans)), dim=1), whole)


def test_a_recording_that_ends_early_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="no samples up to 9"):
        list(cut([torch.zeros(1, 5)], [(0, 4), (4, 9)]))


@given(st.integers(20, 300))
def test_overlaps_are_faded_as_encodec_fades_them(n_samples: int) -> None:
    from transformers import EncodecModel

    spans = Chunks(length=40, stride=33, least=1).spans(n_samples)
    pieces = [torch.rand(2, -(-(stop - first) // 8) * 8) for first, stop in spans]  # networks answer in whole frames
    expected = EncodecModel._linear_overlap_add(pieces, 33)
    got = torch.cat(list(join(pieces, spans)), dim=1)
    torch.testing.assert_close(got[:, :n_samples], expected[:, :n_samples])


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([(44_100, 24_000), (16_000, 24_000), (24_000, 16_000), (192_000, 16_000), (8000, 44_100)]),
    st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    st.integers(0, 99),
)
def test_resampling_in_blocks_is_torchaudio_s(rates: tuple[int, int], sizes: list[int], seed: int) -> None:
    from torchaudio.functional import resample

    whole = torch.rand(2, sum(sizes), generator=torch.Generator().manual_seed(seed)) - 0.5
    expected = resample(whole, *rates)
    got = torch.cat(list(resampled(torch.split(whole, sizes, dim=1), *rates)), dim=1)
    assert got.shape[1] == expected.shape[1] == resampled_length(whole.shape[1], *rates)
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-5)


def test_odd_pairs_of_rates_are_left_to_swresample() -> None:
    assert uses_torchaudio(44_100, 48_000)
    assert not uses_torchaudio(47_999, 48_000)
    whole = torch.rand(1, 5000)
    (got,) = [torch.cat(list(resampled([whole], 47_999, 48_000)), dim=1)]
    assert got.shape[1] == resampled_length(5000, 47_999, 48_000)


@pytest.mark.parametrize("name", ["encodec-24k", "encodec-48k", "mimi"])
def test_a_long_recording_has_the_ids_of_one_chunked_call(
    name: str, networks: dict[str, Any], opened: Opened, recording: Recording, direct: Callable[..., Any]
) -> None:
    """Read in blocks, at the model's own rate: every chunk's ids are a direct call's."""
    query = "" if name == "encodec-48k" else "?chunk_seconds=2"
    tokenizer = opened(name, query)
    rate_hz, n_channels = tokenizer.codec.sample_rate_hz, tokenizer.codec.n_channels
    signal = recording(5 * rate_hz + 1234, rate_hz, n_channels)

    def blocks() -> Any:
        yield from torch.split(signal.samples, 10_007, dim=1)

    read_later = LongAudioSignal(header=signal.header, source=ForwardSamples(blocks))
    (tokens,) = tokenizer.encode([read_later])
    if name == "encodec-48k":
        expected, _ = direct(networks[name], signal.samples)
    else:
        pieces = [
            direct(networks[name], part)[0] for part in torch.split(signal.samples, tokenizer.chunks.length, dim=1)
        ]
        assert [piece.shape[1] for piece in pieces[:-1]] == [pieces[0].shape[1]] * 2
        expected = torch.cat(pieces, dim=1)
    np.testing.assert_array_equal(np.stack(tokens.streams), expected.numpy())


@pytest.mark.parametrize("name", ["encodec-48k", "dac", "neucodec"])
def test_a_copy_that_is_read_later_is_the_copy(
    name: str, opened: Opened, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = opened(name, "" if name == "encodec-48k" else "?chunk_seconds=0.5")
    signal = recording(66_150, 44_100, 2)
    tokens = tokenizer.encode([signal])
    (held,) = tokenizer.decode(tokens, [signal.header])
    monkeypatch.setattr(autoencoder, "HELD_SAMPLES", 1000)
    (later,) = tokenizer.decode(tokens, [signal.header])
    assert isinstance(later, LongAudioSignal)
    assert torch.equal(later.samples, held.samples)
    assert torch.equal(later.read(60_000, 66_150), held.samples[:, 60_000:])
    assert torch.equal(later.read(100, 200), held.samples[:, 100:200])


def test_batches_hold_equal_lengths_only(opened: Opened, recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = opened("dac")
    seen: list[tuple[int, ...]] = []
    plain = type(tokenizer.codec).encode

    def watched(codec: Any, samples: Tensor) -> Any:
        seen.append(tuple(samples.shape))
        return plain(codec, samples)

    monkeypatch.setattr(type(tokenizer.codec), "encode", watched)
    lengths = (8000, 6000, 8000, 8000, 6000)
    signals = [recording(n, 16_000, seed=seed) for seed, n in enumerate(lengths)]
    together = tokenizer.encode(signals)
    assert seen == [(3, 1, 8000), (2, 1, 6000)]
    for signal, tokens in zip(signals, together, strict=True):
        (alone,) = tokenizer.encode([signal])
        np.testing.assert_array_equal(np.stack(alone.streams), np.stack(tokens.streams))
