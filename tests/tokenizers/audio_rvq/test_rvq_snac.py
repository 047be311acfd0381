"""SNAC by its package: streams of different lengths, equal to a direct call but for the codes of padding."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tokeff.errors import ArtefactInvalid, ExtraMissing, SpecError
from tokeff.measures.pairs import count_pairs
from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.audio.rvq.autoencoder import RvqAutoencoderTokenizer
from tokeff.tokenizers.registry import Registry

Recording = Callable[..., AudioSignal]
CONFIG: dict[str, Any] = {
    "sampling_rate": 24_000,
    "encoder_dim": 8,
    "encoder_rates": [2, 4, 8],
    "decoder_dim": 64,
    "decoder_rates": [8, 4, 2],
    "attn_window_size": 8,
    "latent_dim": 64,
    "codebook_size": 32,
    "codebook_dim": 8,
    "vq_strides": [4, 2, 1],
    "noise": True,
    "depthwise": True,
}


@pytest.fixture(scope="module")
def snac() -> Any:
    return pytest.importorskip("snac", reason="snac is not installed (extra snac)")


@pytest.fixture(scope="module")
def network(snac: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return snac.SNAC(**CONFIG).eval()


@pytest.fixture(scope="module")
def folder(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("snac")
    (root / "config.json").write_text(json.dumps(CONFIG))
    save_file(network.state_dict(), root / "model.safetensors")
    return root


@pytest.mark.parametrize("n_samples", [1, 10, 24_000, 30_011])
def test_streams_of_different_lengths(n_samples: int, network: Any, folder: Path, recording: Recording) -> None:
    tokenizer = Registry.load().open(f"rvq:{folder}")
    assert isinstance(tokenizer, RvqAutoencoderTokenizer)
    signal = recording(n_samples, 24_000)
    (tokens,) = tokenizer.encode([signal])
    with torch.no_grad():
        expected = network.encode(signal.samples[None])
    for ids, codes, stride in zip(tokens.streams, expected, (4, 2, 1), strict=True):
        assert len(ids) == -(-n_samples // (64 * stride))
        np.testing.assert_array_equal(ids, codes[0, : len(ids)].numpy())
    assert tokens.counts.n_positions == len(tokens.streams[2])
    assert tokens.counts.n_tokens == sum(map(len, tokens.streams))
    (copy,) = tokenizer.decode([tokens], [signal.header])
    (again,) = tokenizer.decode([tokens], [signal.header])
    assert copy.samples.shape == signal.samples.shape
    assert torch.equal(copy.samples, again.samples)
    tables = count_pairs(["a"], [tokens], tokenizer.codebook_sizes)
    assert set(tables) == {"previous.0", "previous.1", "previous.2", "coarser.1", "coarser.2"}
    assert int(tables["coarser.2"].counts.sum()) == len(tokens.streams[2])
    contexts = tables["coarser.2"].of_groups(range(8))[0] // 32
    assert set(contexts.tolist()) == set(tokens.streams[1].tolist())


def test_long_recordings_are_cut_at_whole_windows(network: Any, folder: Path, recording: Recording) -> None:
    tokenizer = Registry.load().open(f"rvq:{folder}?chunk_seconds=0.5")
    assert isinstance(tokenizer, RvqAutoencoderTokenizer)
    length = tokenizer.chunks.length
    assert length == 12_000 // 512 * 512
    signal = recording(2 * length + 77, 24_000)
    (tokens,) = tokenizer.encode([signal])
    with torch.no_grad():
        parts = [network.encode(part[None]) for part in torch.split(signal.samples, length, dim=1)]
    for stream, ids in enumerate(tokens.streams):
        expected = np.concatenate([part[stream][0].numpy() for part in parts])
        np.testing.assert_array_equal(ids, expected[: len(ids)])
    (copy,) = tokenizer.decode([tokens], [signal.header])
    assert copy.samples.shape == signal.samples.shape


def test_fewer_codebooks(folder: Path, recording: Recording) -> None:
    both, all_three = (Registry.load().open(f"rvq:{folder}{query}") for query in ("?n_codebooks=2", ""))
    signal = recording(5000, 24_000)
    (fewer,), (more,) = both.encode([signal]), all_three.encode([signal])
    assert both.codebook_sizes == (32, 32)
    for mine, theirs in zip(fewer.streams, more.streams, strict=False):
        np.testing.assert_array_equal(mine, theirs)
    assert isinstance(both, RvqAutoencoderTokenizer)
    assert both.decode([fewer], [signal.header])[0].samples.shape == signal.samples.shape


def test_what_is_refused(folder: Path, tmp_path: Path, network: Any) -> None:
    for query, what in (("n_codebooks=4", "1 to 3"), ("bandwidth=2", "no bandwidths")):
        with pytest.raises(SpecError, match=what):
            Registry.load().open(f"rvq:{folder}?{query}")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ArtefactInvalid, match="pickle"):
        Registry.load().open(f"rvq:{tmp_path}")
    assert Registry.load().open(f"rvq:{tmp_path}?allow_pickle=true").codebook_sizes == (32,) * 3
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "codebook_size": 16}))
    with pytest.raises(ArtefactInvalid, match="do not fit"):
        Registry.load().open(f"rvq:{tmp_path}?allow_pickle=true")


def test_without_the_package_the_refusal_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    monkeypatch.setitem(sys.modules, "snac", None)
    with pytest.raises(ExtraMissing, match=r"tokeff\[snac\]"):
        Registry.load().open(f"rvq:{tmp_path}")
