"""Two folders of originals and reconstructions: pairs by name, figures by kept codecs, refusals."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tokeff.engine.score import score
from tokeff.errors import NotFound, TokeffError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three smooth pictures and a text, and their copies: one exact, two as JPEG, the text exact."""
    originals, copies = tmp_path / "originals", tmp_path / "copies"
    draw = np.random.default_rng(0)
    for folder in (originals / "deep", copies / "deep"):
        folder.mkdir(parents=True)
    for number in range(3):
        coarse = Image.fromarray(draw.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        picture = coarse.resize((96, 64), Image.Resampling.BICUBIC)
        picture.save(originals / "deep" / f"{number}.png")
        if number:
            picture.save(copies / "deep" / f"{number}.jpg", quality=40)
        else:
            picture.save(copies / "deep" / f"{number}.png")
    (originals / "a.txt").write_text("the same")
    (copies / "a.txt").write_text("the same")
    return originals, copies


def test_pairs_are_scored_by_modality(folders: tuple[Path, Path]) -> None:
    sheet = score(*folders)
    text, image = sheet.scores
    assert (text.modality, text.n_items, text.reconstruction["entropy_bits_per_byte"]) == ("text", 1, 0.0)
    assert (image.n_items, image.n_errors, image.raw_bytes) == (3, 0, 3 * 96 * 64 * 3)
    assert 20 < image.distortion["psnr_db"] < 60
    figures = image.reconstruction
    assert 0 < figures["entropy_bits_per_byte"] < figures["source_bits_per_byte"]
    assert figures["reference_bits_per_byte"]["webp_lossless"] > 0
    assert "effective_bytes_per_token" not in figures
    assert sheet.failures == ()


def test_identical_folders_miss_nothing(folders: tuple[Path, Path]) -> None:
    for each in score(folders[0], folders[0]).scores:
        assert each.reconstruction["entropy_bits_per_byte"] == 0


def test_what_has_no_partner_or_another_shape_is_listed(folders: tuple[Path, Path]) -> None:
    originals, copies = folders
    (copies / "deep" / "0.png").unlink()
    out = io.BytesIO()
    Image.new("RGB", (5, 5)).save(out, "PNG")
    (copies / "deep" / "1.jpg").unlink()
    (copies / "deep" / "1.png").write_bytes(out.getvalue())
    sheet = score(originals, copies)
    assert {failure.reason for failure in sheet.failures} == {"no_reconstruction", "shape_mismatch"}
    assert [each.n_items + each.n_errors for each in sheet.scores] == [1, 3]
    (shape,) = [failure for failure in sheet.failures if failure.reason == "shape_mismatch"]
    assert "[3, 5, 5]" in shape.message
    assert "[3, 64, 96]" in shape.message


def test_nothing_to_score_is_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no folder here"):
        score(folders[0], tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.txt").write_text("x")
    with pytest.raises(NotFound, match="no original has a reconstruction"):
        score(folders[0], tmp_path / "other")
    (tmp_path / "bad" / "deep").mkdir(parents=True)
    (tmp_path / "bad" / "deep" / "0.txt").write_text("a text for a picture")
    with pytest.raises(TokeffError, match="not one pair could be scored"):
        score(folders[0], tmp_path / "bad")
