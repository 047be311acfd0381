"""On a GPU the codecs give the codes of the CPU, but for near ties; batches that are too large are halved."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.audio.rvq.autoencoder import RvqAutoencoderTokenizer
from tokeff.tokenizers.registry import Registry

Recording = Callable[..., AudioSignal]


@pytest.mark.cuda
@pytest.mark.parametrize("query", ["", "?dtype=bf16", "?compile=true"])
def test_codes_are_those_of_the_cpu(
    name: str, query: str, folders: dict[str, Path], recording: Recording, cuda: str
) -> None:
    cpu, gpu = (Registry.load().open(f"rvq:{folders[name]}{query}", device=device) for device in ("cpu", cuda))
    signals = [recording(20_000, 16_000, seed=seed) for seed in range(3)]
    pairs = list(zip(cpu.encode(signals), gpu.encode(signals), strict=True))
    for mine, theirs in pairs:
        assert mine.counts == theirs.counts
    if not query:
        same = [
            np.mean(a == b) for mine, theirs in pairs for a, b in zip(mine.streams[:1], theirs.streams[:1], strict=True)
        ]
        assert np.mean(same) > 0.98
    assert isinstance(gpu, RvqAutoencoderTokenizer)
    copies = gpu.decode([theirs for _, theirs in pairs], [signal.header for signal in signals])
    assert all(copy.samples.device.type == "cpu" and bool(torch.isfinite(copy.samples).all()) for copy in copies)


def test_batches_that_do_not_fit_are_halved(
    folders: dict[str, Path], recording: Recording, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = Registry.load().open(f"rvq:{folders['dac']}")
    signals = [recording(6000, seed=seed) for seed in range(5)]
    expected = tokenizer.encode(signals)
    plain = type(tokenizer.codec).encode  # type: ignore[attr-defined]

    def tight(codec: object, samples: torch.Tensor) -> object:
        if len(samples) > 1:
            raise torch.OutOfMemoryError("no memory")
        return plain(codec, samples)

    monkeypatch.setattr(type(tokenizer.codec), "encode", tight)  # type: ignore[attr-defined]
    for mine, theirs in zip(tokenizer.encode(signals), expected, strict=True):
        np.testing.assert_array_equal(np.stack(mine.streams), np.stack(theirs.streams))
    assert "going on with 1 chunks at once" in caplog.text
