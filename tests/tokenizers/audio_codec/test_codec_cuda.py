"""The codec on a GPU: the ids of the CPU, and training that runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.audio.codec.config import CodecConfig
from tokeff.tokenizers.audio.codec.model import RvqCodec
from tokeff.tokenizers.audio.codec.output import fit
from tokeff.tokenizers.audio.codec.plan import Plan

pytestmark = pytest.mark.cuda


def test_ids_are_those_of_the_cpu(cuda: str, codec: RvqCodec, small: CodecConfig, noise: Any) -> None:
    """Search in float64 and whole numbers: the same on both."""
    samples = torch.cat([noise(50 * 320, seed) for seed in range(4)])
    other = RvqCodec(small)
    other.load_state_dict(codec.state_dict())
    other.to(cuda).eval()
    ids = codec.ids(samples, 20)
    assert torch.equal(other.ids(samples.to(cuda), 20).cpu(), ids)
    torch.testing.assert_close(other.samples(ids.to(cuda)).cpu(), codec.samples(ids), atol=1e-3, rtol=0)


def test_training_runs(cuda: str, recordings: list[AudioSignal], small: CodecConfig, tmp_path: Path) -> None:
    plan = Plan(config=replace(small, n_codebooks=12), steps=3, batch=2, crop=8, fit_crops=8, device=cuda)
    last = fit(plan, recordings, tmp_path / "run")
    assert last.step == 3
    fit(replace(plan, steps=5), recordings, tmp_path / "run", resume=True)
