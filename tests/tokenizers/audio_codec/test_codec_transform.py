"""The transform: exact both ways at every length, orthonormal, and in its middle the transform of the textbook."""

import math

import pytest
import torch

from tokeff.tokenizers.audio.codec.transform import analyse, synthesise


@pytest.mark.parametrize("hop", [2, 10, 160, 320])
@pytest.mark.parametrize("n_frames", [1, 2, 7])
def test_it_is_an_orthonormal_basis(hop: int, n_frames: int) -> None:
    samples = torch.eye(hop * n_frames, dtype=torch.float64) if hop < 100 else random(5, hop * n_frames)
    coefficients = analyse(samples, hop)
    assert coefficients.shape == (len(samples), n_frames, hop)
    torch.testing.assert_close(synthesise(coefficients), samples, atol=1e-9, rtol=0)
    energies = coefficients.square().sum((1, 2))
    torch.testing.assert_close(energies, samples.square().sum(1), atol=1e-9, rtol=1e-9)


def test_frames_inside_are_the_definition() -> None:
    """Oracle: sqrt(2/N) sum w[t] x[t] cos(pi/N (t + 1/2 + N/2)(k + 1/2)), written out for one coefficient."""
    hop, frame, place = 8, 2, 5
    samples = random(1, 5 * hop)
    first = frame * hop - hop // 2
    expected = sum(
        math.sqrt(2 / hop)
        * math.sin(math.pi / (2 * hop) * (t + 0.5))
        * samples[0, first + t].item()
        * math.cos(math.pi / hop * (t + 0.5 + hop / 2) * (place + 0.5))
        for t in range(2 * hop)
    )
    assert analyse(samples, hop)[0, frame, place].item() == pytest.approx(expected, abs=1e-12)


def test_a_frame_depends_on_its_neighbourhood_only() -> None:
    samples = random(1, 10 * 16)
    other = samples.clone()
    other[:, 7 * 16 :] = 0
    same = (analyse(samples, 16) == analyse(other, 16)).all(dim=2)[0]
    assert same.tolist() == [True] * 6 + [False] * 4


def random(n: int, length: int) -> torch.Tensor:
    return torch.randn(n, length, generator=torch.Generator().manual_seed(length), dtype=torch.float64)
