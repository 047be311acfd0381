"""The codec: ids do not depend on the batch, streams are nested, any length and loudness goes through."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tokeff.maths.distortion import si_sdr_db
from tokeff.maths.mel import log_mel_distance_db
from tokeff.tokenizers.audio.codec.artefact import OwnCodec
from tokeff.tokenizers.audio.codec.config import CodecConfig
from tokeff.tokenizers.audio.codec.fitting import kmeans
from tokeff.tokenizers.audio.codec.loss import log_mel_distance, noise_to_signal
from tokeff.tokenizers.audio.codec.model import RvqCodec
from tokeff.tokenizers.audio.codec.search import decode_residual, encode_residual
from tokeff.tokenizers.audio.codec.transform import analyse


def test_ids_are_the_same_in_a_batch_and_alone(codec: RvqCodec, noise: Any) -> None:
    samples = torch.cat([noise(11 * 320, seed) for seed in range(5)])
    together = codec.ids(samples, 20)
    assert together.shape == (5, 20, 11)
    assert len(set(together.flatten().tolist())) > 10
    for row, alone in enumerate(samples):
        assert torch.equal(codec.ids(alone[None], 20)[0], together[row])


def test_fewer_codebooks_are_a_prefix(codec: RvqCodec, noise: Any) -> None:
    samples = noise(9 * 320, 3)
    whole = codec.ids(samples, 20)
    for n_codebooks in range(1, 20):
        assert torch.equal(codec.ids(samples, n_codebooks), whole[:, :n_codebooks])
        assert codec.samples(whole[:, :n_codebooks]).shape == samples.shape


def test_blocks_of_a_long_recording_stand_for_themselves(codec: RvqCodec, noise: Any) -> None:
    """A frame sees half a frame on either side: behind the first block nothing that comes before it matters."""
    samples, block = noise(16 * 320, 4), 4 * 320
    other = samples.clone()
    other[:, : block - 80] = 0
    assert torch.equal(codec.ids(samples, 20)[:, :, 4:], codec.ids(other, 20)[:, :, 4:])


def test_more_codebooks_are_nearer(codec: RvqCodec, noise: Any) -> None:
    samples = noise(25 * 320, 50)
    ids = codec.ids(samples, 20)
    errors = []
    for n_codebooks in (5, 8, 12, 20):
        coefficients = codec.frames(ids[:, :n_codebooks])
        from tokeff.tokenizers.audio.codec.levels import scales_of

        copy = coefficients.coefficients * scales_of(coefficients.levels.float(), codec.config.widths)
        errors.append(float((copy - analyse(samples, codec.config.hop)).square().sum()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.5 * errors[0]


def test_training_sees_what_decoding_sees(codec: RvqCodec, noise: Any) -> None:
    samples = torch.cat([noise(8 * 320, seed) for seed in range(3)])
    numbers = torch.tensor([3, 9, 20])
    seen = codec.quantise(analyse(samples.double(), codec.config.hop), numbers)
    for row, n_codebooks in enumerate(numbers.tolist()):
        decoded = codec.frames(codec.ids(samples[row : row + 1], n_codebooks))
        assert torch.equal(seen.levels[row], decoded.levels[0])
        assert torch.equal(seen.n_stages[row], decoded.n_stages[0])
        torch.testing.assert_close(seen.coefficients[row], decoded.coefficients[0])


@pytest.mark.parametrize("n_samples", [1, 10, 319, 320, 321, 5000])
def test_every_length(codec: RvqCodec, noise: Any, n_samples: int) -> None:
    own = OwnCodec(codec, 12)
    codes = own.encode(noise(n_samples)[None])
    assert len(codes.streams) == 12 == len(own.codebook_sizes)
    assert all(stream.shape == (1, -(-n_samples // 320)) for stream in codes.streams)
    copy = own.decode(codes)
    assert copy.shape[2] >= n_samples
    assert copy.isfinite().all()


@pytest.mark.parametrize("loudness", [0.0, 1e-6, 1.0, 100.0])
def test_silence_and_noise_beyond_full_scale(codec: RvqCodec, loudness: float) -> None:
    samples = loudness * torch.randn(1, 10 * 320, generator=torch.Generator().manual_seed(0))
    copy = codec.samples(codec.ids(samples, 20))
    assert copy.isfinite().all()


def test_a_residual_code_is_the_nearest_to_what_is_left() -> None:
    """Oracle: all distances, stage after stage."""
    generator = torch.Generator().manual_seed(0)
    books = torch.randn(3, 7, 4, generator=generator) * torch.tensor([1.0, 0.5, 0.2])[:, None, None]
    values, n_stages = torch.randn(50, 4, generator=generator), torch.randint(0, 4, (50,), generator=generator)
    ids = encode_residual(values, books, n_stages)
    expected = torch.zeros_like(values)
    for row in range(50):
        left = values[row]
        for stage in range(int(n_stages[row])):
            best = (books[stage] - left).square().sum(1).argmin()
            assert ids[row, stage] == best
            left, expected[row] = left - books[stage, best], expected[row] + books[stage, best]
    torch.testing.assert_close(decode_residual(ids, books, n_stages), expected)


def test_kmeans_finds_clusters() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = 10 * torch.randn(8, 3, generator=generator)
    values = centres.repeat(100, 1) + 0.01 * torch.randn(800, 3, generator=generator)
    codes = kmeans(values, 24, generator)
    assert torch.cdist(centres, codes).min(1).values.max() < 0.1
    few = kmeans(values[:5], 24, generator)
    assert torch.cdist(values[:5], few).min(1).values.max() < 0.1


def test_the_loss_is_what_is_measured(noise: Any) -> None:
    """Oracles: tokeff's own log-mel distance, and the ratio of energies."""
    original, copy = noise(16000, 1), noise(16000, 1) + 0.2 * noise(16000, 2)
    distance = log_mel_distance(original, copy, 16000)
    measured = log_mel_distance_db(original, copy, 16000).value
    assert measured is not None
    assert float(distance) == pytest.approx(measured, abs=1e-3)
    scaled = si_sdr_db(original, original + 0.01 * noise(16000, 9))
    ratio = noise_to_signal(original, original + 0.01 * noise(16000, 9))
    assert scaled.value is not None
    assert float(ratio) == pytest.approx(-scaled.value, abs=0.2)


def test_the_loss_of_silence_has_a_gradient() -> None:
    copy = torch.zeros(2, 4000, requires_grad=True)
    loss: Tensor = noise_to_signal(torch.zeros(2, 4000), copy) + log_mel_distance(torch.zeros(2, 4000), copy, 8000)
    loss.backward()  # type: ignore[no-untyped-call]
    assert copy.grad is not None
    assert copy.grad.isfinite().all()


def test_half_precision_keeps_whole_numbers(codec: RvqCodec, small: CodecConfig) -> None:
    """Levels and gains say where codes lie: no change of type may touch them."""
    other = RvqCodec(small)
    other.load_state_dict(codec.state_dict())
    other.to(torch.bfloat16)
    assert torch.equal(other.level_codebooks, codec.level_codebooks)
    assert torch.equal(other.gains, codec.gains)
    ids = codec.ids(torch.zeros(1, 640), 20)
    assert other.samples(ids).dtype == torch.float32
