"""Odd files and wrong directories: measured, or refused with a reason; never a wrong figure."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from tokeff.errors import ArtefactInvalid, ArtefactMissing, ItemError, SpecError, TokeffError
from tokeff.media.dispatch import decode
from tokeff.records.items import Item
from tokeff.records.signals import AudioSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.audio.rvq.tokenizer import Parts
from tokeff.tokenizers.registry import Registry

Recording = Callable[..., AudioSignal]
Opened = Callable[..., Any]


def item_of(data: bytes) -> Item:
    return Item(modality="audio", key="x.wav", stored_bytes=len(data), open=lambda: io.BytesIO(data))


def wav(samples: NDArray[Any], rate_hz: int = 16_000, subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="WAV", subtype=subtype)
    return buffer.getvalue()


def sound(n_samples: int, n_channels: int = 1) -> NDArray[np.float64]:
    tone = 0.3 * np.sin(np.arange(n_samples)[:, None] / 9) * np.ones((1, n_channels))
    return tone + 0.01 * np.random.default_rng(0).standard_normal((n_samples, n_channels))


GOOD = {
    "8 bit": wav(sound(8000), subtype="PCM_U8"),
    "24 bit": wav(sound(8000), subtype="PCM_24"),
    "float": wav(sound(8000), subtype="FLOAT"),
    "too loud": wav(9 * sound(8000), subtype="FLOAT"),
    "5.1": wav(sound(8000, 6)),
    "192 kHz": wav(sound(96_000), 192_000),
    "silence": wav(np.zeros((8000, 1))),
}
BAD = {
    "wrong header": (b"RIFF" + bytes(40) + wav(sound(8000))[44:], "corrupt"),
    "ends early": (wav(sound(8000))[:-500], "truncated"),
    "empty": (b"", "empty_file"),
    "header only": (wav(sound(0)), "too_short"),
    "NaN": (wav(np.full((800, 1), np.nan), subtype="FLOAT"), "corrupt"),
}


@pytest.mark.parametrize("kind", sorted(GOOD))
@pytest.mark.parametrize("name", ["encodec-24k", "encodec-48k", "dac", "mimi", "xcodec", "neucodec"])
def test_every_kind_of_wav_is_measured(name: str, kind: str, opened: Opened) -> None:
    signal = decode(item_of(GOOD[kind]))
    tokenizer = opened(name)
    (tokens,) = tokenizer.encode([signal])
    (copy,) = tokenizer.decode([tokens], [signal.header])
    assert isinstance(signal, AudioSignal)
    assert copy.samples.shape == signal.samples.shape
    assert bool(torch.isfinite(copy.samples).all())
    assert tokens.counts.n_positions > 0


@pytest.mark.parametrize("kind", sorted(BAD))
def test_damaged_files_are_refused_with_a_reason(kind: str) -> None:
    data, reason = BAD[kind]
    with pytest.raises(ItemError) as refusal:
        decode(item_of(data))
    assert refusal.value.reason == reason


def test_ten_samples_are_measured_or_too_short(name: str, opened: Opened, recording: Recording) -> None:
    tokenizer = opened(name)
    least = tokenizer.codec.least_samples
    rate_hz, n_channels = tokenizer.codec.sample_rate_hz, tokenizer.codec.n_channels
    assert (least == 1) == (name in ("encodec-24k", "encodec-48k", "mimi", "wavtokenizer"))
    if least == 1:
        (tokens,) = tokenizer.encode([recording(10, rate_hz, n_channels)])
        assert tokens.counts.n_positions == 1
        return
    with pytest.raises(ItemError, match=f"at least {least}") as refusal:
        tokenizer.encode([recording(10, rate_hz, n_channels)])
    assert refusal.value.reason == "too_short"
    (shortest,) = tokenizer.encode([recording(least, rate_hz, n_channels)])
    assert shortest.counts.n_tokens > 0
    (copy,) = tokenizer.decode([shortest], [recording(least, rate_hz, n_channels).header])
    assert copy.samples.shape == (n_channels, least)


@pytest.mark.parametrize("name", ["dac", "xcodec"])
def test_a_rest_that_is_too_short_belongs_to_the_chunk_before(name: str, opened: Opened, recording: Recording) -> None:
    tokenizer = opened(name, "?chunk_seconds=0.5")
    signal = recording(2 * tokenizer.chunks.length + 10, tokenizer.codec.sample_rate_hz)
    (tokens,) = tokenizer.encode([signal])
    assert isinstance(tokens.payload, Parts)
    assert len(tokens.payload.lengths) == 2


def test_ids_of_another_recording_are_refused(opened: Opened, recording: Recording) -> None:
    tokenizer = opened("dac")
    signal = recording(16_000)
    (tokens,) = tokenizer.encode([signal])
    high = [stream + 64 for stream in tokens.streams]
    for bad in (
        Tokens.discrete(high, payload=tokens.payload),
        Tokens.discrete(tokens.streams[:2], payload=tokens.payload),
        Tokens.discrete([stream[:-1] for stream in tokens.streams], payload=tokens.payload),
    ):
        with pytest.raises(ItemError) as refusal:
            tokenizer.decode([bad], [signal.header])
        assert refusal.value.reason == "corrupt"
    plain = Tokens.discrete(tokens.streams)
    assert torch.equal(*(tokenizer.decode([each], [signal.header])[0].samples for each in (plain, tokens)))


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [
        ("dac", "?n_codebooks=5", "1 to 4"),
        ("dac", "?n_codebooks=0", "at least 1"),
        ("encodec-24k", "?n_codebooks=999", "fewer codebooks"),
        ("encodec-24k", "?bandwidth=7", "one of"),
        ("dac", "?bandwidth=6", "no bandwidths"),
        ("encodec-24k", "?bandwidth=6&n_codebooks=2", "give one"),
        ("dac", "?chunk_seconds=0.001", "too short"),
        ("dac", "?chunk_seconds=nan", "is no length"),
        ("dac", "?chunk_seconds=inf", "is no length"),
        ("encodec-48k", "?chunk_seconds=5", "chunks of its own"),
    ],
)
def test_settings_that_a_model_does_not_have(name: str, query: str, expected: str, folders: dict[str, Path]) -> None:
    with pytest.raises(SpecError, match=expected):
        Registry.load().open(f"rvq:{folders[name]}{query}")


def copied(folders: dict[str, Path], name: str, to: Path) -> Path:
    shutil.copytree(folders[name], to)
    return to


def test_directories_that_are_no_codec(folders: dict[str, Path], tmp_path: Path) -> None:
    def refused(folder: Path, what: str, kind: type[TokeffError] = ArtefactInvalid) -> None:
        with pytest.raises(kind, match=what):
            Registry.load().open(f"rvq:{folder}")

    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no config.json", ArtefactMissing)
    other = copied(folders, "dac", tmp_path / "other")
    for table, what in (
        ({"model_type": "bert"}, "is not an audio codec"),
        ({"model_type": "no-such-model"}, "not an audio codec that transformers knows"),
        ({"model_type": "vibevoice_acoustic_tokenizer"}, "is not an audio codec"),
        ({"model_type": "dac", "n_codebooks": "many"}, "does not describe a model"),
        ({"model_type": "dac", "n_codebooks": 3, "codebook_size": 32}, "do not fit the configuration"),
    ):
        (other / "config.json").write_text(json.dumps(table))
        refused(other, what)
    (other / "config.json").write_text("[]")
    refused(other, "not a JSON object")
    weights = other / "model.safetensors"
    shutil.copy(folders["dac"] / "config.json", other / "config.json")
    weights.write_bytes(weights.read_bytes()[:1000])
    refused(other, "cannot be loaded")
    weights.unlink()
    refused(other, "no model.safetensors", ArtefactMissing)
    (other / "pytorch_model.bin").write_bytes(b"x")
    refused(other, "pickle")
    refused(folders["dac"] / "model.safetensors", "is a single file")


def test_pickled_weights_are_read_where_they_are_allowed(
    folders: dict[str, Path], networks: dict[str, Any], tmp_path: Path, recording: Recording, opened: Opened
) -> None:
    folder = copied(folders, "dac", tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    torch.save(networks["dac"].state_dict(), folder / "pytorch_model.bin")
    tokenizer = Registry.load().open(f"rvq:{folder}?allow_pickle=true")
    signal = recording(9000)
    np.testing.assert_array_equal(
        np.stack(tokenizer.encode([signal])[0].streams), np.stack(opened("dac").encode([signal])[0].streams)
    )


def test_a_hub_id_that_is_not_here_is_refused_without_waiting() -> None:
    with pytest.raises(ArtefactMissing, match="switched off by HF_HUB_OFFLINE"):
        Registry.load().open("rvq:nobody/no-such-codec")
