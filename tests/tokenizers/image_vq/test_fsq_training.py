"""Training: it learns, resumes exactly, refuses what does not go together, and what it writes is a tokenizer."""

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from tokeff.errors import ArtefactInvalid, InsufficientData, RunError, SpecError, TokeffError
from tokeff.records.signals import ImageSignal
from tokeff.tokenizers.image.fsq.config import FsqConfig
from tokeff.tokenizers.image.fsq.model import FsqAutoencoder, fold
from tokeff.tokenizers.image.fsq.output import fit
from tokeff.tokenizers.image.fsq.pictures import Pictures, gather
from tokeff.tokenizers.image.fsq.plan import Plan, Report
from tokeff.tokenizers.registry import Registry
from tokeff.tokenizers.training.optimiser import orthogonal

REGISTRY = Registry.load()
SMALL = FsqConfig(levels=(4, 4, 4), stride=8, width=24, encoder_blocks=1, decoder_blocks=1)
PLAN = Plan(config=SMALL, steps=6, batch=4, crop=32, warmup_steps=2, report_steps=3)


@pytest.fixture(scope="module")
def pictures(picture: Any) -> list[ImageSignal]:
    return [picture(64, 48, channels, seed=seed) for seed in range(4) for channels in (1, 3)]


@pytest.fixture(scope="module")
def trained(pictures: list[ImageSignal], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fsq") / "run"
    fit(PLAN, pictures, out, provenance={"machine": "a test"})
    return out


def test_it_learns(pictures: list[ImageSignal], tmp_path: Path) -> None:
    news: list[Report] = []
    plan = replace(PLAN, steps=100, report_steps=20, average=0.9, learning_rate=1e-2)
    last = fit(plan, pictures, tmp_path / "run", report=news.append)
    assert [each.step for each in news] == [20, 40, 60, 80, 100]
    assert news[-1].loss < 0.8 * news[0].loss
    assert last.held_out_psnr_db > 2 + news[0].held_out_psnr_db
    assert last.progress == 1


def test_a_resumed_run_is_the_run_in_one_go(pictures: list[ImageSignal], trained: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(_: Report) -> None:
        raise Stop

    out = tmp_path / "run"
    with pytest.raises(Stop):
        fit(PLAN, pictures, out, report=stop)
    fit(PLAN, pictures, out, resume=True)
    mine, whole = (json.loads((each / "training.json").read_text()) for each in (out, trained))
    assert [part["from_step"] for part in mine["parts"]] == [0, 3]
    exact = ("step", "loss", "held_out_psnr_db", "held_out_utilisation")
    for one, other in zip(mine["history"], whole["history"], strict=True):
        assert [one[name] for name in exact] == pytest.approx([other[name] for name in exact], rel=1e-4)
    with safe_open(out / "model.safetensors", "pt") as one, safe_open(trained / "model.safetensors", "pt") as other:
        for name in other.keys():  # noqa: SIM118 - not a mapping
            torch.testing.assert_close(one.get_tensor(name), other.get_tensor(name), atol=2e-3, rtol=2e-3)


def test_minutes_end_a_run(pictures: list[ImageSignal], tmp_path: Path) -> None:
    last = fit(replace(PLAN, steps=None, minutes=0.005), pictures, tmp_path / "run")
    assert last.seconds >= 0.3
    assert last.progress == 1


def test_a_run_that_diverges_says_so(pictures: list[ImageSignal], tmp_path: Path) -> None:
    with pytest.raises(TokeffError, match=r"diverged.*smaller --learning-rate"):
        fit(replace(PLAN, learning_rate=1e12), pictures, tmp_path / "run")


def test_the_record_says_how_it_came_about(trained: Path) -> None:
    record = json.loads((trained / "training.json").read_text())
    assert record["schema"] == "tokeff.training/1"
    assert record["parts"][0]["plan"]["config"]["levels"] == [4, 4, 4]
    assert record["parts"][0]["machine"] == "a test"
    assert record["pictures"]["n_train"] + record["pictures"]["n_held_out"] == 8
    assert record["model"]["n_parameters"] == FsqAutoencoder(SMALL).n_parameters
    assert [each["step"] for each in record["history"]] == [3, 6]


def test_directory_file_and_card_open_the_same_tokenizer(trained: Path, picture: Any) -> None:
    card = tomllib.loads((trained / "card.toml").read_text())
    with_cards = Registry.load([trained])
    specs = (f"vq:{trained}", f"vq:{trained}/model.safetensors", card["name"])
    opened: list[Any] = [with_cards.open(spec) for spec in specs]
    signals = [picture(64, 48), picture(41, 50, 1), picture(64, 48, seed=3)]
    answers = [np.concatenate([t.streams[0] for t in each.encode(signals)]) for each in opened]
    assert all(np.array_equal(answers[0], answer) for answer in answers)
    assert opened[0].codebook_sizes == (64,)
    assert opened[0].levels == (4, 4, 4)
    rebuilt = opened[0].decode(opened[0].encode(signals), [signal.header for signal in signals])
    assert [each.pixels.shape for each in rebuilt] == [signal.pixels.shape for signal in signals]


def test_a_directory_that_was_moved_is_the_same_tokenizer(trained: Path, tmp_path: Path) -> None:
    name = tomllib.loads((trained / "card.toml").read_text())["name"]
    moved = tmp_path / "moved"
    shutil.copytree(trained, moved)
    before, after = (Registry.load([folder]).card(name) for folder in (trained, moved))
    assert after.sha256 == before.sha256
    assert after.artefact is not None
    assert after.artefact.file == str((moved / "model.safetensors").resolve())
    assert (moved / "model.safetensors").stat().st_mode & 0o444 == 0o444
    assert tuple(Registry.load([moved]).open(name).codebook_sizes) == (64,)


@pytest.mark.parametrize(("stride", "levels"), [(2, (2, 2)), (4, (5, 4)), (8, (8, 5, 5)), (16, (4,) * 5)])
def test_every_stride(stride: int, levels: tuple[int, ...]) -> None:
    config = FsqConfig(levels=levels, stride=stride, width=8, encoder_blocks=1, decoder_blocks=1)
    network = FsqAutoencoder(config)
    ids = network.ids(torch.rand(2, 3, 32, 64) * 2 - 1)
    assert ids.shape == (2, 32 // stride, 64 // stride)
    assert network.pixels(ids).shape == (2, 3, 32, 64)


def test_the_training_pass_is_encoding_and_decoding() -> None:
    network = FsqAutoencoder(SMALL)
    pixels = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(network(pixels), network.pixels(network.ids(pixels)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_folded_network_is_the_network(blocks: int) -> None:
    config = FsqConfig(levels=(5, 4, 3), stride=4, width=16, encoder_blocks=blocks, decoder_blocks=1)
    whole, folded = FsqAutoencoder(config).double(), FsqAutoencoder(config, folded=True).double()
    generator = torch.Generator().manual_seed(0)
    for weight in whole.parameters():
        weight.data.copy_(0.2 * torch.randn(weight.shape, generator=generator))
    folded.load_state_dict(fold(whole.state_dict(), config))
    pixels = torch.rand(2, 3, 32, 48, generator=generator).double() * 2 - 1
    torch.testing.assert_close(folded.encoder(pixels), whole.encoder(pixels), atol=1e-4, rtol=1e-4)
    assert folded.n_parameters < whole.n_parameters


def test_crops_lie_in_their_pictures(pictures: list[ImageSignal]) -> None:
    held = gather(pictures, least_side=32, seed=0)
    crops = held.crops(50, 32, torch.Generator().manual_seed(0))
    assert crops.shape == (50, 3, 32, 32)
    known = {each.tobytes() for each in windows(held)}
    for crop in crops[:6].numpy():
        versions = [turn(flip(crop)) for flip in (np.copy, lambda c: c[:, :, ::-1]) for turn in (np.copy, transposed)]
        versions += [transposed(crop)[:, :, ::-1]]
        assert any(np.ascontiguousarray(each).tobytes() in known for each in versions)


def transposed(crop: Any) -> Any:
    return crop.transpose(0, 2, 1)


def windows(held: Pictures) -> list[Any]:
    axis: Any = (1, 2)
    found: list[Any] = [np.lib.stride_tricks.sliding_window_view(p.numpy(), (32, 32), axis) for p in held.train]
    return [w[:, y, x] for w in found for y in range(w.shape[1]) for x in range(w.shape[2])]


def test_orthogonal_matrices_are_near_the_polar_factor() -> None:
    """Oracle: the singular value decomposition."""
    matrix = torch.randn(24, 60, generator=torch.Generator().manual_seed(0))
    near = orthogonal(matrix)
    assert near.dtype == torch.float32
    values = torch.linalg.svdvals(near)
    assert 0.5 < values.min() <= values.max() < 1.4
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    polar = left @ right
    assert torch.nn.functional.cosine_similarity(near.flatten(), polar.flatten(), dim=0) > 0.97
    assert torch.equal(orthogonal(matrix.T), near.T)


def test_too_few_pictures(picture: Any, tmp_path: Path) -> None:
    with pytest.raises(InsufficientData, match="1 usable, 2 with a side below 32"):
        fit(PLAN, [picture(64, 64), picture(31, 64), picture(64, 20)], tmp_path / "run")


def test_memory_is_bounded(picture: Any) -> None:
    held = gather([picture(64, 64, seed=s) for s in range(5)], least_side=32, seed=0, max_bytes=3 * 64 * 64 * 3)
    assert (len(held.train) + len(held.held_out), held.n_left_out) == (3, 2)


def test_nothing_is_overwritten(pictures: list[ImageSignal], trained: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds something already"):
        fit(PLAN, pictures, trained)
    with pytest.raises(RunError, match="no run that can be resumed"):
        fit(PLAN, pictures, tmp_path, resume=True)


def test_a_finished_run_is_not_resumed_without_more_steps(pictures: list[ImageSignal], trained: Path) -> None:
    with pytest.raises(RunError, match="finished"):
        fit(PLAN, pictures, trained, resume=True)


def test_another_plan_or_other_pictures_are_not_mixed_in(
    pictures: list[ImageSignal], trained: Path, picture: Any
) -> None:
    with pytest.raises(RunError, match="another config"):
        fit(replace(PLAN, config=replace(SMALL, width=32)), pictures, trained, resume=True)
    with pytest.raises(RunError, match="another fingerprint"):
        fit(replace(PLAN, steps=9), [picture(64, 48, seed=50 + s) for s in range(8)], trained, resume=True)


@pytest.mark.parametrize(
    "wrong", [{"steps": None}, {"steps": 0}, {"minutes": -1.0}, {"crop": 30}, {"batch": 0}, {"learning_rate": 0.0}]
)
def test_plans_that_cannot_be_done(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        replace(PLAN, **wrong)


def test_a_damaged_weights_file(trained: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from tokeff.tokenizers.image.fsq.artefact import KEY, load_model

    weights = load_file(trained / "model.safetensors")
    path = tmp_path / "model.safetensors"
    save_file(weights, path, metadata={KEY: replace(SMALL, width=32).to_json()})
    with pytest.raises(ArtefactInvalid, match="do not fit"):
        REGISTRY.open(f"vq:{path}")
    save_file(weights, path, metadata={KEY: "{}"})
    with pytest.raises(ArtefactInvalid, match="cannot be read"):
        REGISTRY.open(f"vq:{path}")
    save_file(weights, path)
    with pytest.raises(ArtefactInvalid, match="no FSQ configuration"):
        load_model(path)
    path.write_bytes(b"short")
    with pytest.raises(ArtefactInvalid, match="cannot be read as safetensors"):
        load_model(path)


def test_this_model_does_not_resize(trained: Path) -> None:
    with pytest.raises(SpecError, match="does not resize"):
        REGISTRY.open(f"vq:{trained}?size=64")
