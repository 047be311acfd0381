"""The family `rvq` over every codec class of transformers: from a directory, equal to a direct call of the model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tokeff.measures.batch import tally_batch
from tokeff.measures.measurement import measurement
from tokeff.measures.pairs import count_pairs
from tokeff.records.headers import AudioHeader
from tokeff.records.items import Item
from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.audio.rvq.autoencoder import RvqAutoencoderTokenizer
from tokeff.tokenizers.protocols import Reconstructs
from tokeff.tokenizers.registry import Registry

N_CODES = 64
Recording = Callable[..., AudioSignal]
Opened = Callable[..., Any]
Direct = Callable[..., tuple[Tensor, Tensor]]
SECONDS = (1.0, 0.1, 0.5003, 1.0, 1.55)
"""Lengths of a batch, some equal."""
N_POSITIONS = {"encodec-24k": 75, "encodec-48k": 152, "dac": 31, "mimi": 13, "xcodec": 50, "higgs": 25}
"""Of a second: ceil(24000 / 320); 150 and 2 of 10 ms in the second chunk; floor(16000 / 512); ceil(12.5); ..."""


def test_ids_and_copies_are_those_of_a_direct_call(
    name: str, networks: dict[str, Any], opened: Opened, recording: Recording, direct: Direct
) -> None:
    tokenizer, network = opened(name), networks[name]
    assert isinstance(tokenizer, RvqAutoencoderTokenizer)
    assert isinstance(tokenizer, Reconstructs)
    rate_hz, n_channels = tokenizer.codec.sample_rate_hz, tokenizer.codec.n_channels
    signals = [recording(int(seconds * rate_hz), rate_hz, n_channels, seed) for seed, seconds in enumerate(SECONDS)]
    tokens = tokenizer.encode(signals)
    copies = tokenizer.decode(tokens, [signal.header for signal in signals])
    used = set()
    for signal, each, copy in zip(signals, tokens, copies, strict=True):
        expected, back = direct(network, signal.samples)
        np.testing.assert_array_equal(np.stack(each.streams), expected.numpy())
        assert each.counts.n_tokens == expected.numel()
        assert each.counts.n_positions == expected.shape[1]
        assert copy.samples.shape == signal.samples.shape
        assert copy.header.raw_bytes == signal.header.raw_bytes
        n = min(back.shape[1], signal.header.n_samples)
        if tokenizer.codec.output_rate_hz == rate_hz:
            torch.testing.assert_close(copy.samples[:, :n], back[:, :n].clamp(-1, 1), atol=1e-4, rtol=0)
        used |= set(each.streams[0].tolist())
    assert len(used) > 1
    if name in N_POSITIONS:
        assert tokens[0].counts.n_positions == N_POSITIONS[name]


def test_an_item_is_measured_from_end_to_end(name: str, opened: Opened, recording: Recording) -> None:
    tokenizer = opened(name)
    signals = [recording(30_000, 44_100, 2, seed) for seed in range(3)]
    items = [Item(modality="audio", key=f"{n}", stored_bytes=9, open=open) for n in range(3)]  # type: ignore[arg-type]
    tokens = tokenizer.encode(signals)
    copies = tokenizer.decode(tokens, [signal.header for signal in signals])
    tally = tally_batch(tokenizer, items, signals, tokens, copies, coded={"0"})
    pairs = count_pairs(["0", "1", "2"], tokens, tokenizer.codebook_sizes)
    found = measurement(
        tokenizer.card,
        tally,
        codebook_sizes=tokenizer.codebook_sizes,
        n_errors=0,
        device="cpu",
        dtype="float32",
        throughput={},
        pairs=pairs,
    )
    assert found.raw_bytes == 3 * 30_000 * 2 * 2
    assert found.n_tokens == found.n_positions * len(tokenizer.codebook_sizes)
    assert found.distortion["snr_db"] is not None
    assert found.distortion["stft_distance"] > 0
    assert set(found.reconstruction["retained_share"]) == {"16", "12", "8"}
    if len(tokenizer.codebook_sizes) > 1:
        streams = found.entropy["streams"]
        assert [each["stream"] for each in streams] == list(range(len(tokenizer.codebook_sizes)))
        assert all(0 < each["utilisation"] <= 1 and each["order0_bits_per_token"] >= 0 for each in streams)
        assert all("order1_coarser_bits_per_token" in each for each in streams[1:])


@pytest.mark.parametrize("name", ["dac", "mimi"])
def test_fewer_codebooks_are_what_the_model_gives(
    name: str, networks: dict[str, Any], opened: Opened, recording: Recording, direct: Direct
) -> None:
    option = {"dac": "n_quantizers", "mimi": "num_quantizers"}[name]
    tokenizer = opened(name, "?n_codebooks=3")
    rate_hz = tokenizer.codec.sample_rate_hz
    signal = recording(rate_hz + 5, rate_hz)
    (tokens,) = tokenizer.encode([signal])
    expected, _ = direct(networks[name], signal.samples, **{option: 3})
    assert tokenizer.codebook_sizes == (N_CODES,) * 3
    np.testing.assert_array_equal(np.stack(tokens.streams), expected.numpy())
    (copy,) = tokenizer.decode([tokens], [signal.header])
    assert copy.samples.shape == signal.samples.shape


@pytest.mark.parametrize("name", ["encodec-24k", "encodec-48k", "xcodec", "higgs"])
def test_bandwidths_are_the_model_s_and_nested(
    name: str, networks: dict[str, Any], opened: Opened, recording: Recording, direct: Direct
) -> None:
    bandwidths = networks[name].config.target_bandwidths
    rate_hz, n_channels = opened(name).codec.sample_rate_hz, opened(name).codec.n_channels
    signal = recording(rate_hz // 2, rate_hz, n_channels)
    expected, _ = direct(networks[name], signal.samples, bandwidth=bandwidths[1])
    (tokens,) = opened(name, f"?bandwidth={bandwidths[1]}").encode([signal])
    np.testing.assert_array_equal(np.stack(tokens.streams), expected.numpy())
    fewer = opened(name, f"?n_codebooks={len(expected) - 1}")
    assert fewer.codebook_sizes == (N_CODES,) * (len(expected) - 1)
    np.testing.assert_array_equal(np.stack(fewer.encode([signal])[0].streams), expected.numpy()[:-1])


@pytest.mark.parametrize("name", ["encodec-24k", "mimi"])
def test_bfloat16_is_another_measurement(name: str, opened: Opened, recording: Recording) -> None:
    exact, rough = opened(name), opened(name, "?dtype=bf16")
    signals = [recording(20_000, 16_000, seed=seed) for seed in range(2)]
    assert (exact.dtype, rough.dtype) == ("float32", "bfloat16")
    mine, theirs = exact.encode(signals), rough.encode(signals)
    assert [each.counts for each in mine] == [each.counts for each in theirs]
    copies = rough.decode(theirs, [signal.header for signal in signals])
    assert all(copy.samples.dtype == torch.float32 for copy in copies)


def test_the_run_says_what_is_done_to_a_recording(opened: Opened) -> None:
    assert opened("mimi").input_policy["sample_rate"].startswith("24000 Hz, resampled by torchaudio")
    assert "mean" in opened("mimi").input_policy["channels"]
    assert opened("mimi").input_policy["chunks"].startswith("recordings longer than 30 s")
    assert opened("encodec-48k").input_policy["channels"].startswith("two as they are")
    assert opened("encodec-48k").input_policy["chunks"] == "the model's own: 1 s long, one every 0.99 s; the rest alone"


@pytest.mark.parametrize(("rate_hz", "n_channels"), [(8000, 1), (44_100, 2), (48_000, 6), (192_000, 1), (47_999, 1)])
@pytest.mark.parametrize("name", ["encodec-48k", "dac"])
def test_any_rate_and_channels_go_there_and_back(
    name: str, rate_hz: int, n_channels: int, opened: Opened, recording: Recording
) -> None:
    from torchaudio.functional import resample

    tokenizer = opened(name)
    signal = recording(rate_hz // 2 + 3, rate_hz, n_channels)
    (tokens,) = tokenizer.encode([signal])
    (copy,) = tokenizer.decode([tokens], [signal.header])
    assert copy.samples.shape == signal.samples.shape
    assert copy.header.sample_rate_hz == rate_hz
    if rate_hz != 47_999:
        own_hz, own_channels = tokenizer.codec.sample_rate_hz, tokenizer.codec.n_channels
        mixed = signal.samples
        if n_channels != own_channels:
            mixed = mixed.mean(dim=0, keepdim=True).expand(own_channels, -1)
        (again,) = tokenizer.encode(
            [_of(resample(mixed, rate_hz, own_hz), own_hz)],
        )
        np.testing.assert_array_equal(np.concatenate(tokens.streams), np.concatenate(again.streams))


def _of(samples: Tensor, rate_hz: int) -> Any:
    header = AudioHeader(sample_rate_hz=rate_hz, n_samples=samples.shape[1], n_channels=samples.shape[0])
    return AudioSignal(header=header, samples=samples)


def test_a_directory_is_found_by_hub_id_in_a_folder_of_artefacts(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, recording: Recording, tmp_path: Path
) -> None:
    (tmp_path / "kyutai").mkdir()
    (tmp_path / "kyutai" / "mimi").symlink_to(folders["mimi"])
    monkeypatch.setenv("TOKEFF_ARTEFACTS", str(tmp_path))
    tokenizer = Registry.load().open("rvq:kyutai/mimi")
    (tokens,) = tokenizer.encode([recording(24_000, 24_000)])
    assert tokens.counts.n_positions == 13
