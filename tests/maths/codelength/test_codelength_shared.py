"""Bars on real pictures and sound: WebP lossless (Pillow) and FLAC (libsndfile) are the oracles."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from PIL import Image

from tokeff.maths.codelength import audio_code_length, image_code_length


@pytest.mark.shared
@pytest.mark.parametrize(("name", "bar"), [("kodak/kodim03.png", 1.0), ("screen/graph.png", 2.0)])
def test_a_picture_is_coded_like_webp_lossless(shared: Path, name: str, bar: float) -> None:
    picture = Image.open(shared / "corpora/image" / name).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "WEBP", lossless=True, quality=100, method=6)
    x = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None]
    assert float(image_code_length(x)) / 8 <= bar * len(out.getvalue())


@pytest.mark.shared
def test_speech_is_coded_like_flac(shared: Path) -> None:
    path = sorted((shared / "corpora/audio/eval/librispeech").iterdir())[0]
    samples, rate = sf.read(path, dtype="int16")
    out = io.BytesIO()
    sf.write(out, samples, rate, format="FLAC", subtype="PCM_16", compression_level=1.0)
    assert float(audio_code_length(torch.from_numpy(samples)[None, None])) / 8 <= 1.03 * len(out.getvalue())
