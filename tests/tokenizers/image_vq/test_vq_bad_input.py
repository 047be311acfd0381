"""What is no model, or not this one, is refused with what to do; too small pictures and too little memory, too."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tokeff.errors import ArtefactInvalid, ArtefactMissing, ItemError, SpecError
from tokeff.records.cards import Card
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.image.fsq.artefact import save_weights
from tokeff.tokenizers.image.fsq.config import FsqConfig
from tokeff.tokenizers.image.fsq.model import FsqAutoencoder
from tokeff.tokenizers.image.vq.fitting import Fit
from tokeff.tokenizers.image.vq.pixels import Scale
from tokeff.tokenizers.image.vq.tokenizer import VqTokenizer
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()


def copy(saved: dict[str, Path], name: str, to: Path) -> Path:
    return Path(shutil.copytree(saved[name], to / name))


def test_a_directory_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("sun")
    with pytest.raises(ArtefactMissing, match=r"no config\.json.*holiday\.txt"):
        REGISTRY.open(f"vq:{tmp_path}")


def test_another_kind_of_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ArtefactInvalid, match=r"'bert'.*chameleon_vqgan"):
        REGISTRY.open(f"vq:{tmp_path}")


def test_a_directory_whose_name_is_mistyped() -> None:
    with pytest.raises(ArtefactMissing, match=r"nothing at: \./my-tokenizr; "):
        REGISTRY.open("vq:my-tokenizr")


@pytest.mark.parametrize("text", ['{"weight_map": ["model-1.safetensors"]}', '{"weight_map": {"a": 1}}', "{}"])
def test_a_broken_list_of_shards(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "janus_vqgan"}')
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(ArtefactInvalid, match="which file holds which tensor"):
        REGISTRY.open(f"vq:{tmp_path}")


@pytest.mark.parametrize("text", ["{", "[1]", '{"model_type": "emu3_vqgan", "base_channels": "many"}'])
def test_a_broken_configuration(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ArtefactInvalid, match=r"config\.json"):
        REGISTRY.open(f"vq:{tmp_path}")


def test_weights_of_another_size(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(saved, "janus", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_embeddings": 128}))
    with pytest.raises(ArtefactInvalid, match="do not fit the configuration"):
        REGISTRY.open(f"vq:{folder}")


def test_weights_that_lack_tensors(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(saved, "emu3", tmp_path)
    state = load_file(folder / "model.safetensors")
    del state["quantize.embedding.weight"]
    save_file(state, folder / "model.safetensors")
    with pytest.raises(ArtefactInvalid, match=r"1 of \d+ tensors are missing: quantize\.embedding\.weight"):
        REGISTRY.open(f"vq:{folder}")


def test_weights_that_are_cut_off(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(saved, "janus", tmp_path)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ArtefactInvalid, match="cannot be read as safetensors"):
        REGISTRY.open(f"vq:{folder}")


def test_weights_of_another_size_are_told_in_a_few_words(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(saved, "janus", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"base_channels": 64}))
    message = r"conv_in\.weight of shape \(32, .*, not \(64, .* and \d+ more"
    with pytest.raises(ArtefactInvalid, match=message) as caught:
        REGISTRY.open(f"vq:{folder}")
    assert len(str(caught.value)) < 1000


def test_weights_that_are_no_numbers(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(saved, "janus", tmp_path)
    state = load_file(folder / "model.safetensors")
    state["quantize.embedding.weight"][3, 1] = torch.nan
    save_file(state, folder / "model.safetensors")
    with pytest.raises(ArtefactInvalid, match=r"no number; got quantize\.embedding\.weight"):
        REGISTRY.open(f"vq:{folder}")


def test_weights_of_ours_that_are_cut_off(tmp_path: Path) -> None:
    config = FsqConfig(levels=(4, 4), width=16, encoder_blocks=1, decoder_blocks=1)
    path = tmp_path / "model.safetensors"
    save_weights(path, config, FsqAutoencoder(config).state_dict())
    (tmp_path / "plain.txt").touch()
    assert path.stat().st_mode == (tmp_path / "plain.txt").stat().st_mode  # others may read it, too
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtefactInvalid, match="cannot be read as safetensors"):
        REGISTRY.open(f"vq:{tmp_path}")


def test_a_configuration_of_ours_that_is_another(tmp_path: Path) -> None:
    config = {"levels": [4, 4], "stride": 8, "width": 10**7, "encoder_blocks": 1, "decoder_blocks": 1}
    save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"tokeff.fsq/1": json.dumps(config)})
    with pytest.raises(ArtefactInvalid, match=r"do not fit.*no encoder\.1\.weight"):
        REGISTRY.open(f"vq:{tmp_path}")


def test_no_weights_at_all(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(saved, "janus", tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ArtefactMissing, match=r"no model\.safetensors"):
        REGISTRY.open(f"vq:{folder}")


def test_a_pickle_is_refused_unless_allowed(saved: dict[str, Path], tmp_path: Path, picture: Any) -> None:
    folder = copy(saved, "janus", tmp_path)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ArtefactInvalid, match=r"pickle.*allow_pickle=true"):
        REGISTRY.open(f"vq:{folder}?fit=pad")
    pickled: Any = REGISTRY.open(f"vq:{folder}?fit=pad&allow_pickle=true")
    plain: Any = REGISTRY.open(f"vq:{saved['janus']}?fit=pad")
    signal = picture(32, 32)
    np.testing.assert_array_equal(*(each.encode([signal])[0].streams[0] for each in (pickled, plain)))


def test_the_command_line_allows_pickles_by_a_word(saved: dict[str, Path], tmp_path: Path, picture: Any) -> None:
    from PIL import Image
    from typer.testing import CliRunner

    from tokeff.cli.app import app

    folder = copy(saved, "janus", tmp_path)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    Image.fromarray(picture(32, 32).pixels.permute(1, 2, 0).numpy()).save(tmp_path / "picture.png")
    asked = ["profile", str(tmp_path / "picture.png"), "-t", f"vq:{folder}?fit=pad"]
    refused = CliRunner().invoke(app, asked)
    assert isinstance(refused.exception, ArtefactInvalid)
    assert "--allow-pickle" in str(refused.exception)
    assert CliRunner().invoke(app, [*asked, "--allow-pickle"]).exit_code == 0


def test_allowing_pickles_where_nothing_reads_them_is_refused() -> None:
    with pytest.raises(SpecError, match="no tokenizer here reads weights"):
        REGISTRY.allow_pickle(["jpeg-q75"])
    assert REGISTRY.allow_pickle(["jpeg-q75", "fsq-s4-80"]) == ("jpeg-q75", "fsq-s4-80?allow_pickle=true")
    spec = "fsq-s4-80?dtype=bf16&allow_pickle=true"
    assert REGISTRY.allow_pickle([spec]) == (spec,)


def test_an_allowed_pickle_still_runs_no_code(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = copy(saved, "janus", tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cposix\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(ArtefactInvalid, match="cannot be read as weights") as caught:
        REGISTRY.open(f"vq:{folder}?allow_pickle=true")
    assert "weights_only" not in str(caught.value)  # torch's advice is to run the code


def test_a_single_file_that_is_not_ours(saved: dict[str, Path]) -> None:
    with pytest.raises(ArtefactInvalid, match=r"needs its config\.json"):
        REGISTRY.open(f"vq:{saved['janus']}/model.safetensors")


def test_a_hub_id_that_cannot_be_had() -> None:
    with pytest.raises(ArtefactMissing, match=r"config\.json of nobody/nothing"):
        REGISTRY.open("vq:nobody/nothing")


@pytest.mark.parametrize("query", ["size=64&fit=pad", "size=2", "size=64&size=64"])
def test_sizes_without_meaning(query: str, saved: dict[str, Path]) -> None:
    with pytest.raises(SpecError):
        REGISTRY.open(f"vq:{saved['chameleon']}?{query}")


def test_a_size_for_a_model_that_keeps_sizes(saved: dict[str, Path]) -> None:
    with pytest.raises(SpecError, match="Emu3 keeps"):
        REGISTRY.open(f"vq:{saved['emu3']}?size=64")


def test_a_picture_smaller_than_a_token(saved: dict[str, Path], picture: Any) -> None:
    tokenizer: Any = REGISTRY.open(f"vq:{saved['chameleon']}?fit=pad")
    with pytest.raises(ItemError, match="smaller than one token") as caught:
        tokenizer.encode([picture(3, 60)])
    assert caught.value.reason == "too_small"


@pytest.mark.parametrize("name", ["chameleon", "janus", "emu3"])
def test_a_picture_that_is_a_line(name: str, saved: dict[str, Path], picture: Any) -> None:
    tokenizer: Any = REGISTRY.open(f"vq:{saved[name]}")
    with pytest.raises(ItemError) as caught:
        tokenizer.encode([picture(2, 1000)])
    assert caught.value.reason == "aspect_ratio"


def test_ids_of_another_picture(saved: dict[str, Path], picture: Any) -> None:
    tokenizer: Any = REGISTRY.open(f"vq:{saved['janus']}?fit=pad")
    (tokens,) = tokenizer.encode([picture(32, 32)])
    with pytest.raises(ItemError, match="not the ids of a picture"):
        tokenizer.decode([tokens], [picture(64, 32).header])
    wrong = Tokens.discrete([np.full(64, 64)], grid=(8, 8))
    with pytest.raises(ItemError, match="ids below 64"):
        tokenizer.decode([wrong], [picture(32, 32).header])


class Hungry:
    """A model on a device that holds so many pictures: the mean grey is the id."""

    network: Any = None
    n_codes, levels = 256, ()

    def __init__(self, room: int) -> None:
        self.room, self.batches = room, list[int]()

    def ids(self, pixels: Tensor) -> Tensor:
        if len(pixels) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(len(pixels))
        return torch.nn.functional.avg_pool2d(pixels.mean(1), 8).long()


def hungry(room: int) -> VqTokenizer:
    scale = Scale(factor=1.0, mean=(0.0,) * 3, deviation=(1.0,) * 3)
    fit = Fit(way="pad", stride=8, block=8)
    card = Card(name="hungry", modality="image", family="vq")
    return VqTokenizer(card=card, model=Hungry(room), fit=fit, scale=scale, device="cpu", dtype="float32")


def test_a_batch_too_large_for_memory_is_halved_and_that_is_said(
    picture: Any, caplog: pytest.LogCaptureFixture
) -> None:
    signals = [picture(16, 24, seed=seed) for seed in range(11)]
    tight, wide = hungry(3), hungry(100)
    with caplog.at_level(logging.WARNING):
        tokens = tight.encode(signals)
    assert "11 pictures do not fit" in caplog.text
    model: Any = tight.model
    assert model.batches == [2, 2, 2, 2, 2, 1]  # 11 -> 5 -> 2, and it stays there
    for mine, other in zip(tokens, wide.encode(signals), strict=True):
        np.testing.assert_array_equal(mine.streams[0], other.streams[0])


def test_one_picture_too_large_for_memory_is_an_items_failure(picture: Any) -> None:
    with pytest.raises(ItemError, match="alone does not fit") as caught:
        hungry(0).encode([picture(16, 16)])
    assert caught.value.reason == "out_of_memory"
