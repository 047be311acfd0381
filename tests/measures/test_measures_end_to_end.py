"""Real tokenizers, real signals, from tokens to a measurement that survives JSON."""

import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer as HFTokenizer
from tokenizers import models, normalizers, pre_tokenizers, trainers

from tokeff.measures.batch import tally_batch
from tokeff.measures.gates import alerts
from tokeff.measures.headers import tally_headers
from tokeff.measures.measurement import measurement
from tokeff.measures.saved import from_json, to_json
from tokeff.records.cards import Card
from tokeff.records.headers import AudioHeader, Header, ImageHeader
from tokeff.records.items import Item, Modality
from tokeff.records.measurements import Measurement
from tokeff.records.signals import AudioSignal, ImageSignal, Signal, TextSignal
from tokeff.records.tallies import Tally
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import CountsFromHeader, Reconstructs, Tokenizer
from tokeff.tokenizers.registry import Registry


def items_of(signals: Sequence[Signal], modality: Modality, *, first: int = 0) -> list[Item]:
    return [
        Item(modality=modality, key=str(place), stored_bytes=signal.header.raw_bytes, open=io.BytesIO)
        for place, signal in enumerate(signals, start=first)
    ]


def tally_of(tokenizer: Tokenizer[Any], signals: Sequence[Signal], *, first: int = 0) -> Tally:
    items = items_of(signals, tokenizer.card.modality, first=first)
    tokens = tokenizer.encode(signals)
    back = tokenizer.decode(tokens, [s.header for s in signals]) if isinstance(tokenizer, Reconstructs) else None
    return tally_batch(tokenizer, items, signals, tokens, back)


def measured(tokenizer: Tokenizer[Any], tally: Tally) -> Measurement:
    each = measurement(
        tokenizer.card,
        tally,
        codebook_sizes=tokenizer.codebook_sizes,
        n_errors=0,
        device="cpu",
        dtype="float32",
        throughput={},
    )
    assert from_json(json.loads(json.dumps(to_json(each)))) == each
    return each


def pictures(n: int) -> list[Signal]:
    """Smooth pictures of different sizes, with some grain."""
    generator = torch.Generator().manual_seed(0)
    made: list[Signal] = []
    for number in range(n):
        height, width = 40 + 8 * number, 64 + 4 * number
        row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        plane = 128 + 60 * torch.sin(row / 9 + number) + 50 * torch.cos(column / 13)
        noisy = plane + 4 * torch.randn(3, height, width, generator=generator)
        header = ImageHeader(width=width, height=height, channels=3)
        made.append(ImageSignal(header=header, pixels=noisy.round().clamp(0, 255).to(torch.uint8)))
    return made


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt2", (338_025, 3.299738, 9.112250)),
        ("cl100k", (301_829, 3.695450, 9.854723)),
        ("o200k", (297_606, 3.747888, 9.897195)),
    ],
)
def test_tiny_shakespeare_from_file_to_figures(
    shared: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: tuple[int, float, float]
) -> None:
    """The oracle of MEASURES, as a whole file."""
    monkeypatch.setenv("TOKEFF_ARTEFACTS", str(shared / "vocab"))
    tokenizer = Registry.load().open(name)
    text = (shared / "corpora/text/books/en_tinyshakespeare.txt").read_bytes()
    each = measured(tokenizer, tally_of(tokenizer, [TextSignal(data=text)]))
    assert each.raw_bytes == 1_115_394
    found = (each.n_tokens, each.bytes_per_token.value, each.entropy["order0_bits_per_token"])
    assert found == pytest.approx(expected, abs=5e-7)
    assert each.text["token_text_bytes"] == each.raw_bytes
    assert each.reconstruction["entropy_bits_per_byte"] == 0
    assert [alert.code for alert in alerts(each)] == ["too_few_items"]


def test_bytes_are_the_identity() -> None:
    tokenizer = Registry.load().open("bytes")
    signals: list[Signal] = [TextSignal(data=f"Text number {n}: 日本, naïve.\n".encode() * n) for n in range(1, 15)]
    each = measured(tokenizer, Tally.total(tally_of(tokenizer, [s], first=n) for n, s in enumerate(signals)))
    assert each.n_items == 14
    assert (each.bytes_per_token.low, each.bytes_per_token.value, each.bytes_per_token.high) == (1, 1, 1)
    assert each.tokens_per_byte == 1
    assert each.rate_bits_per_byte == pytest.approx(each.entropy["order0_miller_madow_bits_per_token"])
    assert each.reconstruction["entropy_bits_per_byte"] == 0
    assert not list(alerts(each))


def test_a_vocabulary_that_cannot_spell_looks_efficient_and_is_found_out(tmp_path: Path) -> None:
    """A published comparison gave Thai 15.7 characters per token so: whole words became one unknown token."""
    trained = HFTokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer(lowercase=True)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    english = ["the cat sat on the mat and the dog sat on the cat"] * 5
    trained.train_from_iterator(
        english, trainers.WordPieceTrainer(vocab_size=80, special_tokens=["[UNK]"], show_progress=False)
    )
    trained.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Registry.load().open(f"bpe:{tmp_path / 'tokenizer.json'}")
    thai: list[Signal] = [TextSignal(data=f"{'ภาษาไทย' * n} the cat".encode()) for n in range(1, 13)]
    found = {alert.code: alert.sentence for alert in alerts(measured(tokenizer, tally_of(tokenizer, thai)))}
    assert {"unknown_tokens", "roundtrip_failures"} <= set(found)
    assert "12 of 12 texts" in found["roundtrip_failures"]


def test_pictures_as_jpeg_and_png() -> None:
    registry = Registry.load()
    signals = pictures(12)
    low, high, png = (
        measured(tokenizer, tally_of(tokenizer, signals))
        for tokenizer in (registry.open(name) for name in ("jpeg-q30", "jpeg-q95", "png"))
    )
    assert low.distortion["psnr_db"] < high.distortion["psnr_db"]
    assert low.distortion["ssim"] < high.distortion["ssim"] < 1
    assert low.bytes_per_token.value > high.bytes_per_token.value > png.bytes_per_token.value
    assert png.reconstruction == {"n_items": 12, "entropy_bits_per_byte": 0.0}
    assert png.absent["distortion.psnr_db"] == "lossless"
    assert png.distortion["ssim"] == pytest.approx(1)
    assert low.absent["reconstruction"] == "not_measured"


def test_patches_counted_from_headers_are_those_encoded() -> None:
    tokenizer = Registry.load().open("qwen2-vl")
    assert isinstance(tokenizer, CountsFromHeader)
    signals = pictures(12)
    encoded = tally_of(tokenizer, signals)
    census = tally_headers(tokenizer, items_of(signals, "image"), [s.header for s in signals])
    assert census.counts.items() <= encoded.counts.items()
    each = measured(tokenizer, encoded)
    assert each.absent["entropy"] == "continuous_tokens"
    assert each.rate_bits_per_byte is None


@dataclass(frozen=True, slots=True)
class MuLaw:
    """One token of eight bits per sample, by the continuous law with mu = 255."""

    card: Card = field(default_factory=lambda: Card(name="mu-law", modality="audio", family="codec-bytes"))
    codebook_sizes: tuple[int, ...] = (256,)

    def encode(self, signals: Sequence[AudioSignal]) -> list[Tokens]:
        return [Tokens.discrete([self._ids(signal.samples[0]).numpy()]) for signal in signals]

    def decode(self, tokens: Sequence[Tokens], headers: Sequence[Header]) -> list[AudioSignal]:
        back = []
        for each, header in zip(tokens, headers, strict=True):
            assert isinstance(header, AudioHeader)
            level = (torch.from_numpy(each.streams[0]) + 0.5) / 128 - 1
            samples = torch.sign(level) * (256 ** level.abs() - 1) / 255
            back.append(AudioSignal(header=header, samples=samples[None].float()))
        return back

    @staticmethod
    def _ids(samples: torch.Tensor) -> torch.Tensor:
        level = torch.sign(samples) * torch.log1p(255 * samples.abs()) / math.log(256)
        return ((level + 1) * 128).floor().clamp(0, 255).long()


def test_sound_as_mu_law() -> None:
    """Eight bits per sample: 2 bytes per token, and about 38 dB on loud sounds (ITU-T G.711)."""
    tokenizer = MuLaw()
    generator = torch.Generator().manual_seed(1)
    signals: list[Signal] = []
    for number in range(12):
        n_samples = 4000 + 500 * number
        samples = 0.25 * torch.randn(1, n_samples, generator=generator).clamp(-3, 3)
        samples = (samples * 32768).round().clamp(-32768, 32767) / 32768
        header = AudioHeader(sample_rate_hz=8000, n_samples=n_samples, n_channels=1)
        signals.append(AudioSignal(header=header, samples=samples))
    each = measured(tokenizer, tally_of(tokenizer, signals))
    assert each.bytes_per_token.low == each.bytes_per_token.value == 2
    assert each.density["token_rate_hz"] == pytest.approx(8000)
    assert 36 < each.distortion["snr_db"] < 40
    assert each.distortion["si_sdr_db"] == pytest.approx(each.distortion["snr_db"], abs=0.3)
    assert each.entropy["capacity_bits_per_token"] == math.log2(256)
    assert each.density["bits_per_second"] <= 64_000
