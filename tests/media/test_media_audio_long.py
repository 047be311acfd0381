"""Recordings that are read when they are asked for: the same samples as held ones, whoever reads them and how."""

import io
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

import av
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.media import audio
from tokeff.media.audio_blocks import ForwardSamples
from tokeff.media.resampling import CHUNK_SAMPLES, resample, resample_blocks
from tokeff.records.signals import LongAudioSignal

N_LONG = audio.HELD_SAMPLES // 2 + 12_345


@pytest.fixture(scope="module")
def long_noise() -> NDArray[np.int16]:
    """[N_LONG, 2]: a little more than is held."""
    return np.random.default_rng(0).integers(-9000, 9000, (N_LONG, 2)).astype(np.int16)


def as_wav(samples: NDArray[np.int16], subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 48_000, format="WAV", subtype=subtype)
    return buffer.getvalue()


def as_matroska(samples: NDArray[np.int16]) -> bytes:
    """PCM that FFmpeg reads."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as out:
        stream = out.add_stream("pcm_s16le", rate=48_000)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        for place in range(0, len(samples), 2**20):
            part = samples[place : place + 2**20].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = 48_000, place
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize("write", [as_wav, as_matroska])
def test_a_long_recording_is_read_when_it_is_asked_for(write: object, long_noise: NDArray[np.int16]) -> None:
    assert callable(write)
    data = write(long_noise)
    n_opened = 0

    def again() -> BinaryIO:
        nonlocal n_opened
        n_opened += 1
        return io.BytesIO(data)

    signal = audio.decode_later(again)
    assert isinstance(signal, LongAudioSignal)
    assert (signal.header.n_samples, signal.header.n_channels, signal.header.counted) == (N_LONG, 2, "measured")
    expected = torch.from_numpy(long_noise.T.astype(np.float32) / 32768)
    blocks = list(signal.blocks())
    assert max(block.shape[1] for block in blocks) <= 2**20
    assert torch.equal(torch.cat(blocks, dim=1), expected)
    for first, stop in ((1_000_000, 1_000_010), (0, 5), (N_LONG - 3, N_LONG), (4_000_000, 5_500_000)):
        assert torch.equal(signal.read(first, stop), expected[:, first:stop])
    assert n_opened == 5  # to check it; forwards; and anew each time that a reader goes back
    assert torch.equal(signal.samples, expected)


def test_a_short_recording_is_held(long_noise: NDArray[np.int16]) -> None:
    data = as_wav(long_noise[:5000])
    signal = audio.decode_later(lambda: io.BytesIO(data))
    assert not isinstance(signal, LongAudioSignal)
    assert torch.equal(signal.samples, audio.decode(io.BytesIO(data)).samples)


def test_a_long_recording_that_is_damaged_is_refused_at_once(long_noise: NDArray[np.int16]) -> None:
    cut = as_wav(long_noise)[:-1000]
    with pytest.raises(ItemError) as refusal:
        audio.decode_later(lambda: io.BytesIO(cut))
    assert refusal.value.reason == "truncated"
    loud = long_noise.astype(np.float32) / 32768
    loud[N_LONG - 7, 1] = np.nan
    buffer = io.BytesIO()
    soundfile.write(buffer, loud, 48_000, format="WAV", subtype="FLOAT")
    with pytest.raises(ItemError) as refusal:
        audio.decode_later(lambda: io.BytesIO(buffer.getvalue()))
    assert refusal.value.reason == "corrupt"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.data())
def test_forward_samples_are_those_of_memory(lengths: list[int], data: st.DataObject) -> None:
    whole = torch.arange(2 * sum(lengths)).float().reshape(2, -1)

    def blocks() -> Iterator[Tensor]:
        yield from torch.split(whole, lengths, dim=1)

    source = ForwardSamples(blocks)
    for _ in range(5):
        first = data.draw(st.integers(0, whole.shape[1] - 1))
        stop = data.draw(st.integers(first, whole.shape[1]))
        assert torch.equal(source.read(first, stop), whole[:, first:stop])
    with pytest.raises(IndexError):
        source.read(0, whole.shape[1] + 1)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44_100, 16_000), (8000, 44_100), (47_999, 48_000)])
@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=4), st.integers(0, 2**31))
@example([3, 36], 0)  # the first block is shorter than the filter
@example([7, CHUNK_SAMPLES - 1, CHUNK_SAMPLES + 5, 2 * CHUNK_SAMPLES], 0)
def test_resampling_in_blocks_is_resampling(from_hz: int, to_hz: int, cuts: list[int], seed: int) -> None:
    n_samples = max(1, *cuts)
    samples = torch.rand(2, n_samples, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    places = sorted({0, *cuts, n_samples})
    blocks = [samples[:, first:stop] for first, stop in pairwise(places)]
    got = torch.cat(list(resample_blocks(blocks, from_hz, to_hz)), dim=1)
    assert got.shape[1] == -(-n_samples * to_hz // from_hz)
    assert torch.equal(got, resample(samples, from_hz, to_hz))
