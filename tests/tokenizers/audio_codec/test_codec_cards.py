"""The shipped audio codec: small enough, what its cards say, and better than Opus where the documentation says so."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tokeff.maths.distortion import si_sdr_db
from tokeff.maths.mel import log_mel_distance_db
from tokeff.media.audio import decode, decode_bytes, encode
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
FOLDER = Path(str(resources.files("tokenizers_registry"))) / "audio"
CARDS = {"rvq-2k": 8, "rvq-3k": 12, "rvq-6k": 24, "rvq-12k": 48}
BITS_PER_SECOND = 250
MOST_BYTES = 8_000_000
# Codebooks, and an Opus target whose packets have at least as many bits on speech.
OPUS_BESIDE = ((8, 6000), (12, 6000), (24, 7000), (36, 10000), (48, 13000))
LOG_MEL_UP_TO = 24


def test_one_file_of_eight_megabytes_serves_all() -> None:
    assert {name for name in REGISTRY.cards if name.startswith("rvq-")} == set(CARDS)
    (path,) = FOLDER.glob("*.safetensors")
    assert path.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize("name", CARDS)
def test_card_weights_and_record_agree(name: str) -> None:
    card, tokenizer = REGISTRY.cards[name], REGISTRY.open(name)
    config: Any = tokenizer.codec.network.config  # type: ignore[attr-defined]
    assert tokenizer.codebook_sizes == (card.vocab_size,) * CARDS[name]
    assert config.bits_per_second == BITS_PER_SECOND
    assert f"{CARDS[name] * BITS_PER_SECOND / 1000:g} kbit/s" in card.summary
    record = json.loads((FOLDER / "rvq-16khz.training.json").read_text("utf-8"))
    assert record["schema"] == "tokeff.training/1"
    assert record["parts"][-1]["plan"]["config"]["n_codebooks"] == config.n_codebooks
    assert record["model"]["n_parameters"] == tokenizer.codec.network.n_parameters  # type: ignore[attr-defined]
    assert f"{record['history'][-1]['step']} steps" in str(card.notes)


def test_every_code_can_occur() -> None:
    """No codebook holds the same code twice, or one that is no number."""
    tokenizer: Any = REGISTRY.open("rvq-12k")
    network = tokenizer.codec.network
    for band in range(len(network.config.widths)):
        for stage in network.codebook(band):
            assert stage.isfinite().all()
            assert len(np.unique(stage.numpy(), axis=0)) > 0.99 * len(stage)


@pytest.mark.parametrize("n_samples", [1, 10, 16000])
def test_short_and_silent(n_samples: int) -> None:
    tokenizer: Any = REGISTRY.open("rvq-6k")
    header = AudioHeader(sample_rate_hz=16000, n_samples=n_samples, n_channels=1)
    (tokens,) = tokenizer.encode([AudioSignal(header=header, samples=torch.zeros(1, n_samples))])
    assert tokens.counts.n_positions == -(-n_samples // 640)
    (copy,) = tokenizer.decode([tokens], [header])
    assert copy.samples.abs().max() < 1e-3


def load(folder: Path) -> list[AudioSignal]:
    found = []
    for path in sorted(folder.glob("*.flac"))[::5]:
        with path.open("rb") as stream:
            found.append(decode(stream))
    return found


@pytest.mark.shared
@pytest.mark.parametrize(("n_codebooks", "target"), OPUS_BESIDE)
def test_it_beats_opus_on_speech(n_codebooks: int, target: int, shared: Path) -> None:
    """At a rate of Opus that is not below the codec's: SI-SDR to 12 kbit/s, log-mel distance to 6 kbit/s."""
    speech = load(shared / "corpora" / "audio" / "eval" / "librispeech")
    tokenizer: Any = REGISTRY.open(f"rvq-12k?n_codebooks={n_codebooks}")
    copies = tokenizer.decode(tokenizer.encode(speech), [each.header for each in speech])
    data = [encode(each, "opus", bitrate_bits_per_second=target) for each in speech]
    others = [decode_bytes(each, "opus", signal.header) for each, signal in zip(data, speech, strict=True)]
    seconds = sum(each.header.n_samples / each.header.sample_rate_hz for each in speech)
    n_packets = sum(each.header.n_samples // 320 + 1 for each in speech)
    assert 8 * (sum(map(len, data)) - n_packets) / seconds >= min(n_codebooks * BITS_PER_SECOND, 5400)
    ours, theirs = figures(speech, copies), figures(speech, others)
    assert ours[0] > theirs[0]
    if n_codebooks <= LOG_MEL_UP_TO:
        assert ours[1] < theirs[1]


def figures(originals: list[AudioSignal], copies: list[AudioSignal]) -> tuple[float, float]:
    pairs = [(a.samples, b.samples) for a, b in zip(originals, copies, strict=True)]
    ratios = [si_sdr_db(*pair).value for pair in pairs]
    distances = [log_mel_distance_db(*pair, 16000).value for pair in pairs]
    return float(np.mean([value for value in ratios if value])), float(np.mean([d for d in distances if d]))
