"""The shipped FSQ tokenizers: small enough, what their cards say, and as good on real photographs as is claimed."""

import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

import tokeff
from tokeff.media.image import decode
from tokeff.records.signals import ImageSignal
from tokeff.tokenizers.image.fsq.config import FsqConfig
from tokeff.tokenizers.image.fsq.model import FsqAutoencoder
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
NAMES = sorted(card.name for card in REGISTRY.cards.values() if card.name.startswith("fsq-"))
FOLDER = Path(str(resources.files("tokenizers_registry"))) / "image"
MOST_BYTES = 8_000_000
LEAST_PSNR_DB = {"fsq-s8-1200": 25.0, "fsq-s4-80": 27.0}


def test_two_operating_points_within_eight_megabytes() -> None:
    assert set(NAMES) == set(LEAST_PSNR_DB)
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_card_weights_and_record_agree(name: str) -> None:
    card, tokenizer = REGISTRY.cards[name], REGISTRY.open(name)
    model: Any = tokenizer
    config: FsqConfig = model.model.network.config
    assert card.vocab_size == config.n_codes == math.prod(tokenizer.levels)  # type: ignore[attr-defined]
    assert f"{config.bits_per_pixel:.3f}" in card.summary
    record = json.loads((FOLDER / f"{name}.training.json").read_text("utf-8"))
    assert record["schema"] == "tokeff.training/1"
    assert tuple(record["parts"][0]["plan"]["config"]["levels"]) == config.levels
    assert record["model"]["n_parameters"] == FsqAutoencoder(config).n_parameters  # before folding
    with safe_open(FOLDER / f"{name}.safetensors", "pt") as file:
        assert {str(file.get_slice(key).get_dtype()) for key in file.keys()} == {"F16"}  # noqa: SIM118


def load(folder: Path) -> list[ImageSignal]:
    found = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            found.append(decode(stream))
    return found


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_claims_on_real_photographs(name: str, shared: Path) -> None:
    """The mean PSNR over Kodak 1-12 that the documentation claims, and codes in use over Kodak and CID22."""
    tokenizer: Any = REGISTRY.open(name)
    kodak = load(shared / "corpora" / "image" / "kodak")
    tokens = tokenizer.encode(kodak)
    copies = tokenizer.decode(tokens, [each.header for each in kodak])
    errors = [
        np.square(each.pixels.numpy().astype(float) - copy.pixels.numpy()).mean()
        for each, copy in zip(kodak, copies, strict=True)
    ]
    assert np.mean(10 * np.log10(255**2 / np.array(errors))) >= LEAST_PSNR_DB[name]
    tokens += tokenizer.encode(load(shared / "corpora" / "image" / "cid22_validation"))
    used = np.unique(np.concatenate([each.streams[0] for each in tokens]))
    assert len(used) >= 0.95 * tokenizer.codebook_sizes[0]


def test_a_run_states_what_is_done_to_sizes(tmp_path: Path) -> None:
    Image.new("RGB", (37, 29)).save(tmp_path / "odd.png")
    tokeff.profile(tmp_path, tokenizers="fsq-s4-80", reconstruction="off", out=tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert "repeated to multiples of 8" in facts["inputs"]["fsq-s4-80"]["size"]
