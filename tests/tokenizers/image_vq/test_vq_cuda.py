"""On a GPU: the ids of float32 are those of the CPU but for ties of rounding, batches do not change them, bf16 runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
pytestmark = pytest.mark.cuda


@pytest.mark.parametrize("name", ["chameleon", "janus", "emu3"])
def test_ids_on_cuda_are_those_of_the_cpu(name: str, cuda: str, saved: dict[str, Path], picture: Any) -> None:
    here: Any = REGISTRY.open(f"vq:{saved[name]}?fit=pad")
    there: Any = REGISTRY.open(f"vq:{saved[name]}?fit=pad", device=cuda)
    signals = [picture(64, 96, seed=seed) for seed in range(4)]
    mine, theirs = (np.concatenate([t.streams[0] for t in each.encode(signals)]) for each in (here, there))
    assert (mine == theirs).mean() > 0.995


def test_company_does_not_change_ids(cuda: str, saved: dict[str, Path], picture: Any) -> None:
    tokenizer: Any = REGISTRY.open(f"vq:{saved['emu3']}?fit=pad", device=cuda)
    signals = [picture(64, 64, seed=seed) for seed in range(5)]
    together = np.concatenate([tokens.streams[0] for tokens in tokenizer.encode(signals)])
    alone = np.concatenate([tokenizer.encode([signal])[0].streams[0] for signal in signals])
    assert (together == alone).mean() > 0.995


@pytest.mark.parametrize("query", ["dtype=bf16", "compile=true"])
def test_faster_ways_give_tokens(query: str, cuda: str, saved: dict[str, Path], picture: Any) -> None:
    tokenizer: Any = REGISTRY.open(f"vq:{saved['janus']}?fit=pad&{query}", device=cuda)
    signal = picture(64, 64)
    (tokens,) = tokenizer.encode([signal])
    assert len(np.unique(tokens.streams[0])) > 8
    (rebuilt,) = tokenizer.decode([tokens], [signal.header])
    assert rebuilt.pixels.shape == signal.pixels.shape


def test_training_on_cuda(cuda: str, tmp_path: Path, picture: Any) -> None:
    from tokeff.tokenizers.image.fsq.config import FsqConfig
    from tokeff.tokenizers.image.fsq.output import fit
    from tokeff.tokenizers.image.fsq.plan import Plan

    config = FsqConfig(levels=(4, 4), width=16, encoder_blocks=1, decoder_blocks=1)
    plan = Plan(config=config, steps=4, batch=2, crop=32, device=cuda, precision="bf16")
    assert fit(plan, [picture(48, 48, seed=seed) for seed in range(4)], tmp_path / "run").step == 4
    tokenizer: Any = REGISTRY.open(f"vq:{tmp_path / 'run'}", device=cuda)
    assert len(tokenizer.encode([picture(48, 48)])[0].streams[0]) == 36
