"""diffusers' VQModel, AutoencoderTiny and AutoencoderKL, small and with random weights, from local directories."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tokeff.errors import ArtefactInvalid, ExtraMissing, ItemError, SpecError
from tokeff.records.signals import ImageSignal
from tokeff.tokenizers.protocols import HasCodebook, Reconstructs
from tokeff.tokenizers.registry import Registry

diffusers: Any = pytest.importorskip("diffusers", reason="needs the extra diffusers")
REGISTRY = Registry.load()
N_CODES = 32
SHAPES = ((64, 64), (32, 48), (37, 29))
BLOCKS = {
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "block_out_channels": (16, 16, 16),
    "norm_num_groups": 8,
}
Picture = Callable[..., ImageSignal]


@pytest.fixture(scope="module")
def networks() -> dict[str, Any]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vq = diffusers.VQModel(latent_channels=4, num_vq_embeddings=N_CODES, **BLOCKS)
        tiny = diffusers.AutoencoderTiny(
            encoder_block_out_channels=(8,) * 4,
            decoder_block_out_channels=(8,) * 4,
            num_encoder_blocks=(1,) * 4,
            num_decoder_blocks=(1,) * 4,
        )
        kl = diffusers.AutoencoderKL(latent_channels=4, **BLOCKS)
    with torch.no_grad():  # codes that are latents of a noisy picture
        rows = vq.encode(torch.rand(1, 3, 64, 64) * 2 - 1).latents.permute(0, 2, 3, 1).flatten(0, 2)
        vq.quantize.embedding.weight.copy_(rows[torch.randperm(len(rows))[:N_CODES]])
    return {"vq": vq.eval(), "tiny": tiny.eval(), "kl": kl.eval()}


@pytest.fixture(scope="module")
def saved(networks: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("diffusers")
    for name, network in networks.items():
        network.save_pretrained(root / name)
    return {name: root / name for name in networks}


def padded(signal: ImageSignal, stride: int) -> Any:
    height, width = signal.pixels.shape[1:]
    return torch.nn.functional.pad(
        signal.pixels.float()[None] / 127.5 - 1, (0, -width % stride, 0, -height % stride), mode="replicate"
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_ids_equal_a_direct_call(shape: tuple[int, int], networks: Any, saved: Any, picture: Picture) -> None:
    tokenizer: Any = REGISTRY.open(f"vq:{saved['vq']}")
    signals = [picture(*shape, seed=seed) for seed in range(3)]
    for signal, tokens in zip(signals, tokenizer.encode(signals), strict=True):
        with torch.no_grad():
            latents = networks["vq"].encode(padded(signal, 4)).latents
            expected = networks["vq"].quantize(latents)[2][2]
        np.testing.assert_array_equal(tokens.streams[0], expected.numpy().ravel())
        assert tokens.counts == tokenizer.count(signal.header)
    assert tokenizer.codebook_sizes == (N_CODES,)
    assert isinstance(tokenizer, HasCodebook)
    assert len(np.unique(tokens.streams[0])) > 4


def test_pixels_equal_a_direct_call(networks: Any, saved: Any, picture: Picture) -> None:
    tokenizer: Any = REGISTRY.open(f"vq:{saved['vq']}")
    signal = picture(32, 48)
    (rebuilt,) = tokenizer.decode(tokenizer.encode([signal]), [signal.header])
    with torch.no_grad():
        out = networks["vq"].decode(networks["vq"].encode(padded(signal, 4)).latents).sample
    expected = ((out[0] + 1) * 127.5).round().clamp(0, 255)
    assert (rebuilt.pixels.int() - expected.int()).abs().max() <= 1


def test_a_model_that_looks_ids_up_itself_decodes_too(saved: Any, picture: Picture, tmp_path: Path) -> None:
    """amused's VQModel has `lookup_from_codebook`."""
    shutil.copytree(saved["vq"], tmp_path / "amused")
    config = json.loads((saved["vq"] / "config.json").read_text()) | {"lookup_from_codebook": True}
    (tmp_path / "amused" / "config.json").write_text(json.dumps(config))
    signal = picture(32, 48)
    pixels = []
    for folder in (saved["vq"], tmp_path / "amused"):
        tokenizer: Any = REGISTRY.open(f"vq:{folder}")
        pixels.append(tokenizer.decode(tokenizer.encode([signal]), [signal.header])[0].pixels)
    assert torch.equal(*pixels)


OLD = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


def test_weights_under_the_names_of_older_releases(saved: Any, picture: Picture, tmp_path: Path) -> None:
    file = Path(shutil.copytree(saved["kl"], tmp_path / "old")) / "diffusion_pytorch_model.safetensors"
    old = load_file(file)
    for new, before in OLD.items():
        old = {name.replace(new, before): tensor for name, tensor in old.items()}
    assert any("proj_attn" in name for name in old)
    save_file(old, file)
    tokenizers: list[Any] = [REGISTRY.open(f"latent:{folder}") for folder in (saved["kl"], tmp_path / "old")]
    assert torch.equal(*(each.encode([picture(32, 48)])[0].payload for each in tokenizers))


def test_opening_says_nothing(saved: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    for family, name in (("vq", "vq"), ("latent", "tiny"), ("latent", "kl")):
        REGISTRY.open(f"{family}:{saved[name]}")
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


@pytest.mark.parametrize(
    ("further", "message"),
    [
        ({"in_channels": 1}, "colour pictures.*in_channels 1"),
        ({"out_channels": 4}, "colour pictures.*out_channels 4"),
        ({"num_decoder_blocks": [1] * 3, "decoder_block_out_channels": [8] * 3}, "8 times.*4 times"),
    ],
)
def test_an_autoencoder_of_other_pictures(further: dict[str, Any], message: str, saved: Any, tmp_path: Path) -> None:
    config = json.loads((saved["tiny"] / "config.json").read_text()) | further
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtefactInvalid, match=message):
        REGISTRY.open(f"latent:{tmp_path}")


@pytest.mark.parametrize(("name", "stride"), [("tiny", 8), ("kl", 4)])
def test_vectors_equal_a_direct_call(name: str, stride: int, networks: Any, saved: Any, picture: Picture) -> None:
    tokenizer: Any = REGISTRY.open(f"latent:{saved[name]}")
    signal = picture(37, 29)
    (tokens,) = tokenizer.encode([signal])
    with torch.no_grad():
        encoded = networks[name].encode(padded(signal, stride))
        expected = encoded.latents if name == "tiny" else encoded.latent_dist.mode()
    torch.testing.assert_close(tokens.payload, expected[0])
    rows, columns = -(-37 // stride), -(-29 // stride)
    assert tokens.grid == (rows, columns)
    assert tokens.counts == tokenizer.count(signal.header)
    assert tokens.counts.n_tokens == rows * columns
    assert tokens.streams == ()
    assert not isinstance(tokenizer, HasCodebook)
    assert isinstance(tokenizer, Reconstructs)
    rebuilt: Any = tokenizer.decode([tokens], [signal.header])[0]
    assert rebuilt.pixels.shape == signal.pixels.shape


def test_a_profile_has_distortion_and_no_bits_of_ids(saved: Any) -> None:
    from tokeff.engine.options import Options
    from tokeff.engine.profile import profile

    pictures = Path(__file__).parents[3] / "data_samples"
    spec = f"latent:{saved['tiny']}"
    (found,) = profile(Options(paths=(str(pictures),), tokenizers=(spec,), modality="image")).measurements
    assert found.n_tokens
    assert found.codebook_sizes == ()
    assert found.rate_bits_per_byte is None
    assert found.distortion


def test_what_is_not_an_autoencoder_of_the_family(saved: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtefactInvalid, match="AutoencoderTiny, AutoencoderKL"):
        REGISTRY.open(f"latent:{saved['vq']}")
    with pytest.raises(ArtefactInvalid, match="VQModel"):
        REGISTRY.open(f"vq:{saved['tiny']}")
    with pytest.raises(SpecError, match="does not resize"):
        REGISTRY.open(f"vq:{saved['vq']}?size=64")
    config = json.loads((saved["tiny"] / "config.json").read_text()) | {"latent_channels": 7}
    shutil.copytree(saved["tiny"], tmp_path / "wrong")
    (tmp_path / "wrong" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtefactInvalid, match="do not fit the configuration"):
        REGISTRY.open(f"latent:{tmp_path / 'wrong'}")


def test_without_the_library_the_error_says_what_to_install(saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'tokeff\[diffusers\]'"):
        REGISTRY.open(f"vq:{saved['vq']}")


def test_a_picture_smaller_than_a_token(saved: Any, picture: Picture) -> None:
    tokenizer: Any = REGISTRY.open(f"latent:{saved['tiny']}")
    with pytest.raises(ItemError, match="smaller than one token"):
        tokenizer.encode([picture(4, 40)])
