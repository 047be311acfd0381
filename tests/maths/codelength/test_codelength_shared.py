"""Bars on real pictures, sound and clips: WebP lossless (Pillow), FLAC (libsndfile), FFV1 (FFmpeg) are the oracles."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
import torch
from PIL import Image

from tokeff.maths.codelength import audio_code_length, image_code_length, video_code_length


@pytest.mark.shared
@pytest.mark.parametrize(("name", "bar"), [("kodak/kodim03.png", 1.0), ("screen/graph.png", 2.0)])
def test_part_of_a_picture_is_coded_like_webp_lossless(shared: Path, name: str, bar: float) -> None:
    picture = Image.open(shared / "corpora/image" / name).convert("RGB").crop((200, 100, 584, 356))
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


@pytest.mark.shared
@pytest.mark.parametrize("name", ["intel_car-detection.mp4", "nasa_13013.mp4"])
def test_a_clip_is_coded_like_ffv1(shared: Path, name: str) -> None:
    with av.open(str(shared / "corpora/video" / name)) as container:
        pictures = zip(container.decode(video=0), range(6), strict=False)
        frames = [picture.to_ndarray(format="rgb24") for picture, _ in pictures]
    x = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)
    assert video_code_length(torch.split(x, 3)) / 8 <= _ffv1_bytes(frames)


def _ffv1_bytes(frames: list[np.ndarray]) -> int:
    with av.open(io.BytesIO(), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        stream.codec_context.options = {"level": "3", "coder": "1", "context": "1", "slicecrc": "0"}
        packets = [stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")) for frame in frames]
        return sum(p.size for each in [*packets, stream.encode()] for p in each)
