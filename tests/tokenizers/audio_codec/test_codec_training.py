"""Training the codec: it learns, resumes exactly, refuses what does not go together; what it writes is a tokenizer."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tokeff.errors import ArtefactInvalid, InsufficientData, RunError, SpecError
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.audio.codec.artefact import KEY, load_codec
from tokeff.tokenizers.audio.codec.config import CodecConfig
from tokeff.tokenizers.audio.codec.output import fit
from tokeff.tokenizers.audio.codec.plan import Plan, Report
from tokeff.tokenizers.audio.codec.recordings import gather
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
SMALL = CodecConfig(sample_rate_hz=8000, n_codes=16, n_codebooks=12, block_positions=4, width=16, blocks=1)
PLAN = Plan(config=SMALL, steps=6, batch=4, crop=8, fit_crops=20, warmup_steps=2, report_steps=3)


@pytest.fixture(scope="module")
def trained(recordings: list[AudioSignal], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("codec") / "run"
    fit(PLAN, recordings, out, provenance={"machine": "a test"})
    return out


def test_it_learns(recordings: list[AudioSignal], tmp_path: Path) -> None:
    news: list[Report] = []
    fit(replace(PLAN, steps=40, report_steps=10, average=0.9), recordings, tmp_path / "run", report=news.append)
    assert [each.step for each in news] == [10, 20, 30, 40]
    assert news[0].held_out_codebooks == (6, 12)
    first, last = (each.held_out_log_mel_db for each in (news[0], news[-1]))
    assert all(b is not None and a is not None and b < a for a, b in zip(first, last, strict=True))
    few, many = news[-1].held_out_si_sdr_db
    assert few is not None
    assert many is not None
    assert many > few + 1


def test_it_goes_on_exactly_where_it_was(recordings: list[AudioSignal], tmp_path: Path) -> None:
    fit(PLAN, recordings, tmp_path / "whole")

    class Stopped(Exception):
        """Stands for a person who stops the run."""

    def stop(news: Report) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        fit(PLAN, recordings, tmp_path / "parts", report=stop)
    fit(PLAN, recordings, tmp_path / "parts", resume=True)
    whole, parts = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole if name != "seconds")
    codecs = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert codecs[0] == codecs[1]
    record = json.loads((tmp_path / "parts" / "training.json").read_text())
    assert [part["from_step"] for part in record["parts"]] == [0, 3]
    assert [each["step"] for each in record["history"]] == [3, 6]


def test_the_record_says_how_it_came_about(trained: Path) -> None:
    record = json.loads((trained / "training.json").read_text())
    assert record["schema"] == "tokeff.training/1"
    assert record["parts"][0]["machine"] == "a test"
    assert record["parts"][0]["plan"]["config"]["n_codebooks"] == 12
    assert record["recordings"]["n_train"] + record["recordings"]["n_held_out"] == 8
    assert record["recordings"]["seconds"] == 8.0
    assert len(record["history"][-1]["held_out_si_sdr_db"]) == 2


def test_what_it_writes_is_a_tokenizer(trained: Path, recordings: list[AudioSignal]) -> None:
    card = tomllib.loads((trained / "card.toml").read_text())
    with_cards = Registry.load([trained])
    specs = (f"rvq:{trained}", f"rvq:{trained}/model.safetensors", card["name"])
    opened: list[Any] = [with_cards.open(spec) for spec in specs]
    answers = [each.encode(recordings) for each in opened]
    for other in answers[1:]:
        assert all(
            np.array_equal(a, b)
            for left, right in zip(answers[0], other, strict=True)
            for a, b in zip(left.streams, right.streams, strict=True)
        )
    assert opened[0].codebook_sizes == (16,) * 12
    copies = opened[0].decode(answers[0], [signal.header for signal in recordings])
    assert [each.samples.shape for each in copies] == [signal.samples.shape for signal in recordings]
    few: Any = with_cards.open(f"rvq:{trained}?n_codebooks=5")
    prefix = few.encode(recordings[:1])[0].streams
    assert all(np.array_equal(a, b) for a, b in zip(prefix, answers[0][0].streams[:5], strict=True))


def test_settings_of_other_codecs_are_refused(trained: Path) -> None:
    for wrong in ("n_codebooks=13", "n_codebooks=0", "bandwidth=6.0"):
        with pytest.raises(SpecError):
            REGISTRY.open(f"rvq:{trained}?{wrong}")


def test_half_precision_floats_and_whole_numbers(trained: Path) -> None:
    with safe_open(trained / "model.safetensors", "pt") as file:
        kinds = {name: str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
    assert {kinds.pop("level_codebooks"), kinds.pop("gains")} == {"I16", "I32"}
    assert set(kinds.values()) == {"F16"}


def test_too_few_recordings(recordings: list[AudioSignal], tmp_path: Path) -> None:
    header = AudioHeader(sample_rate_hz=8000, n_samples=100, n_channels=1)
    short = AudioSignal(header=header, samples=torch.zeros(1, 100))
    with pytest.raises(InsufficientData, match="1 usable, 2 shorter than 0"):
        fit(PLAN, [recordings[1], short, short], tmp_path / "run")


def test_memory_is_bounded(recordings: list[AudioSignal]) -> None:
    held = gather(recordings, sample_rate_hz=8000, least_samples=100, seed=0, max_bytes=3 * 4 * 8000)
    assert len(held.train) + len(held.held_out) + held.n_left_out == 8
    assert held.n_left_out >= 4


def test_crops_lie_in_their_recordings(recordings: list[AudioSignal]) -> None:
    held = gather(recordings, sample_rate_hz=8000, least_samples=2560, seed=0)
    crops = held.crops(20, 50, torch.Generator().manual_seed(0))
    assert crops.shape == (20, 50)
    windows = torch.cat([each.unfold(0, 50, 1) for each in held.train])
    directions = windows / windows.norm(dim=1, keepdim=True).clamp(min=1e-9)
    found = (crops / crops.norm(dim=1, keepdim=True)) @ directions.T
    assert (found.max(1).values > 0.9999).all()


def test_nothing_is_overwritten(recordings: list[AudioSignal], trained: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds something already"):
        fit(PLAN, recordings, trained)
    with pytest.raises(RunError, match="no run that can be resumed"):
        fit(PLAN, recordings, tmp_path, resume=True)
    with pytest.raises(RunError, match="finished"):
        fit(PLAN, recordings, trained, resume=True)


def test_another_plan_or_other_recordings_are_not_mixed_in(recordings: list[AudioSignal], trained: Path) -> None:
    with pytest.raises(RunError, match="another config"):
        fit(replace(PLAN, config=replace(SMALL, width=32)), recordings, trained, resume=True)
    with pytest.raises(RunError, match="another mel_weight"):
        fit(replace(PLAN, mel_weight=0.5), recordings, trained, resume=True)
    with pytest.raises(RunError, match="recordings: was begun with another"):
        fit(replace(PLAN, steps=9), recordings[:6], trained, resume=True)


@pytest.mark.parametrize(
    "wrong", [{"steps": None}, {"steps": 0}, {"minutes": -1.0}, {"mel_weight": -1.0}, {"fit_crops": 0}, {"batch": 0}]
)
def test_plans_that_cannot_be_done(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        replace(PLAN, **wrong)


def test_a_damaged_weights_file(trained: Path, tmp_path: Path) -> None:
    weights = load_file(trained / "model.safetensors")
    path = tmp_path / "model.safetensors"
    save_file(weights, path, metadata={KEY: replace(SMALL, width=32).to_json()})
    with pytest.raises(ArtefactInvalid, match="do not fit"):
        load_codec(path)
    save_file(weights, path, metadata={KEY: "{}"})
    with pytest.raises(ArtefactInvalid, match="cannot be read"):
        load_codec(path)
    save_file(weights, path)
    with pytest.raises(ArtefactInvalid, match="no codec configuration"):
        load_codec(path)
    path.write_bytes(b"short")
    with pytest.raises(ArtefactInvalid, match="cannot be read as safetensors"):
        load_codec(path)


def test_silence_is_trained_on_without_figures(tmp_path: Path) -> None:
    """What silence does not have is None; what it has is finite."""
    header = AudioHeader(sample_rate_hz=8000, n_samples=4000, n_channels=1)
    silent = [AudioSignal(header=header, samples=torch.zeros(1, 4000)) for _ in range(3)]
    last = fit(PLAN, silent, tmp_path / "run")
    assert last.held_out_si_sdr_db == (None, None)
    assert all(value is not None and value < 1 for value in last.held_out_log_mel_db)
    record = json.loads((tmp_path / "run" / "training.json").read_text())
    assert record["history"][-1]["held_out_si_sdr_db"] == [None, None]
    codec = load_codec(tmp_path / "run" / "model.safetensors")
    assert codec.samples(codec.ids(torch.zeros(1, 3200), 12)).abs().max() < 1e-3


@pytest.mark.parametrize("rate", [24000, 48000])
def test_other_rates(rate: int, recordings: list[AudioSignal], tmp_path: Path) -> None:
    plan = replace(PLAN, config=replace(SMALL, sample_rate_hz=rate), steps=1)
    fit(plan, recordings, tmp_path / "run")
    tokenizer: Any = REGISTRY.open(f"rvq:{tmp_path / 'run'}")
    tokens = tokenizer.encode(recordings)
    assert {each.counts.n_positions for each in tokens} == {25}
    copies = tokenizer.decode(tokens, [signal.header for signal in recordings])
    assert [each.samples.shape for each in copies] == [signal.samples.shape for signal in recordings]
