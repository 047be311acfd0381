"""PSNR, SSIM, SI-SDR and SNR against a second implementation, closed forms and each other's limits."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from torch import Tensor

from tokeff.maths.distortion import Figure, energies, psnr_db, si_sdr_db, snr_db, squared_error, structural_similarity


def ssim(original: Tensor, copy: Tensor) -> Figure:
    return structural_similarity(original, copy)[0]


def ms_ssim(original: Tensor, copy: Tensor) -> Figure:
    return structural_similarity(original, copy)[1]


def pictures(height: int = 48, width: int = 64) -> tuple[Tensor, Tensor]:
    """A patterned picture [3, height, width] and itself with ten grey levels, from formulas."""
    row, column = np.mgrid[0:height, 0:width]
    planes = [(row * a + column * b + row * column * c // 16) % 256 for a, b, c in ((3, 5, 1), (2, 7, 3), (11, 1, 2))]
    original = torch.from_numpy(np.stack(planes).astype(np.uint8))
    copy = (original.int() // 24 * 24 + 11).clamp(0, 255).to(torch.uint8)
    return original, copy


def test_psnr_and_ssim_as_scikit_image_gives_them() -> None:
    """scikit-image 0.26: gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255."""
    original, copy = pictures()
    error = squared_error(original, copy)
    assert psnr_db(error, original.numel()).value == pytest.approx(31.37499308621226, abs=1e-12)
    assert ssim(original, copy).value == pytest.approx(0.9481396962657301, abs=1e-6)
    assert ssim(original[:, :11, :11], copy[:, :11, :11]).value == pytest.approx(0.888418629883426, abs=1e-6)


def test_ms_ssim_as_pytorch_msssim_gives_it() -> None:
    """pytorch-msssim 1.0.0 in double precision, on the pattern above and on smooth waves of eight levels."""
    assert ms_ssim(*pictures(176, 192)).value == pytest.approx(0.997860195048602, abs=1e-6)
    row, column = np.mgrid[0:192, 0:256]
    waves = [128 + 70 * np.sin(row / (7 + plane)) + 50 * np.cos(column / (11 - plane)) for plane in range(3)]
    smooth = torch.from_numpy(np.stack(waves).round().astype(np.uint8))
    assert ms_ssim(smooth, smooth // 32 * 32 + 16).value == pytest.approx(0.9733741802018616, abs=1e-6)
    assert ms_ssim(smooth, smooth).value == pytest.approx(1, abs=1e-6)


def test_ms_ssim_needs_its_smallest_scale() -> None:
    for height, width in ((175, 400), (400, 175)):
        original, copy = pictures(height, width)
        assert ms_ssim(original, copy).reason == "smaller_than_window"
        assert ssim(original, copy).value is not None
    assert ms_ssim(*pictures(11, 11)).reason == "smaller_than_window"


def test_opposite_pictures_have_no_negative_similarity() -> None:
    """Structure is -1 where one picture is the other's negative; a power of it would not be a number."""
    original, _ = pictures(176, 176)
    assert ms_ssim(original, 255 - original).value == 0


def test_ssim_against_its_formula_in_double_precision() -> None:
    """Bright and nearly flat, where single precision has least to spare."""
    generator = np.random.default_rng(0)
    x = generator.integers(248, 256, (40, 33)).astype(np.uint8)
    y = np.clip(x.astype(int) + generator.integers(-2, 3, x.shape), 0, 255).astype(np.uint8)
    weights = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    weights /= weights.sum()

    def blur(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred: NDArray[np.float64] = correlate1d(correlate1d(plane, weights, axis=0), weights, axis=1)
        return blurred[5:-5, 5:-5]

    a, b = x.astype(np.float64), y.astype(np.float64)
    c1, c2 = 2.55**2, 7.65**2
    mean_a, mean_b = blur(a), blur(b)
    variance = blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    index = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1) * (2 * covariance + c2) / (variance + c2)
    assert ssim(torch.from_numpy(x[None]), torch.from_numpy(y[None])).value == pytest.approx(index.mean(), abs=2e-5)


def test_identical_pictures() -> None:
    original, _ = pictures()
    assert squared_error(original, original) == 0
    assert psnr_db(0, original.numel()) == psnr_db(0, 1)
    assert (psnr_db(0, 9).value, psnr_db(0, 9).reason) == (None, "lossless")
    assert ssim(original, original).value == pytest.approx(1, abs=1e-6)


def test_black_against_white() -> None:
    black, white = torch.zeros(3, 16, 16, dtype=torch.uint8), torch.full((3, 16, 16), 255, dtype=torch.uint8)
    assert squared_error(black, white) == 255**2 * 768
    assert psnr_db(squared_error(black, white), 768).value == 0
    assert ssim(black, white).value == pytest.approx(0.0001, rel=1e-3)  # C1 / (255**2 + C1)


@pytest.mark.parametrize(("height", "width"), [(10, 64), (64, 10), (1, 1)])
def test_pictures_smaller_than_the_window(height: int, width: int) -> None:
    picture = torch.zeros(3, height, width, dtype=torch.uint8)
    assert (ssim(picture, picture).value, ssim(picture, picture).reason) == (None, "smaller_than_window")


def test_squared_error_of_many_pixels_stays_exact() -> None:
    """Above 2**31, where 32-bit sums would turn round, and 2**24, where single precision would round."""
    ones = torch.full((1, 300, 300), 255, dtype=torch.uint8)
    zeros = torch.zeros_like(ones)
    zeros[0, 0, 0] = 254
    assert squared_error(ones, zeros) == 255**2 * (90_000 - 1) + 1


def tones(n: int = 4000) -> tuple[Tensor, Tensor]:
    """A signal and noise that is orthogonal to it; both zero-mean and of energy n/2."""
    time = torch.arange(n, dtype=torch.float64) / n * 2 * torch.pi
    return torch.sin(7 * time)[None], torch.cos(31 * time)[None]


@pytest.mark.parametrize("gain", [1.0, 0.25, -3.0])
@pytest.mark.parametrize("noise", [0.1, 0.5, 2.0])
def test_si_sdr_of_orthogonal_noise_is_the_ratio_of_energies(gain: float, noise: float) -> None:
    """The closed form of Le Roux et al. 2019: 20 log10(1 / noise), whatever the gain and the offset."""
    signal, other = tones()
    expected = -20 * np.log10(noise)
    assert si_sdr_db(signal, gain * (signal + noise * other) + 0.3).value == pytest.approx(expected, abs=1e-6)


def test_si_sdr_is_higher_for_better_copies_and_means_channels() -> None:
    signal, other = tones()
    both = torch.cat([signal, signal])
    copy = torch.cat([signal + 0.1 * other, signal + 0.01 * other])
    assert si_sdr_db(both, copy).value == pytest.approx((20 + 40) / 2, abs=1e-6)


def test_signals_without_si_sdr() -> None:
    signal, other = tones()
    silence = torch.zeros_like(signal)
    assert si_sdr_db(signal, signal).reason == "lossless"
    assert si_sdr_db(silence, signal).reason == "silent"
    assert si_sdr_db(silence + 0.5, signal).reason == "silent"
    assert si_sdr_db(signal, silence).reason == "nothing_kept"
    assert si_sdr_db(torch.cat([signal, silence]), torch.cat([other, other])).reason == "silent"


def test_snr() -> None:
    signal, other = tones()
    assert snr_db(*energies(signal, signal + 0.1 * other)).value == pytest.approx(20, abs=1e-9)
    assert snr_db(*energies(signal, 0.5 * signal)).value == pytest.approx(20 * np.log10(2))
    assert snr_db(*energies(signal, signal)).reason == "lossless"
    assert snr_db(0.0, 1.0).reason == "silent"
