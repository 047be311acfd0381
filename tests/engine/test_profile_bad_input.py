"""Bad input of every kind ends in a quarantined item or a typed refusal: never a traceback, never a wrong figure."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

import tokeff
from tokeff.errors import DeviceUnavailable, NotFound, RunError, TokeffError


def picture(container: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, container)
    return out.getvalue()


def flac(n_samples: int = 16_000) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(-9000, 9000, n_samples, dtype=np.int16)
    soundfile.write(out, noise, 16_000, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def mp4() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        noise = np.random.default_rng(0)
        for _ in range(30):
            frame = av.VideoFrame.from_ndarray(noise.integers(0, 256, (48, 64, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def mp4_without_video() -> bytes:
    """A film whose only track is struck out of its table of contents."""
    return mp4().replace(b"trak", b"skip")


def png_bomb(side: int = 20_000) -> bytes:
    """A PNG of side x side black pixels: 1.2 GB of RGB in about a megabyte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeeze = zlib.compressobj(9)
    row = bytes(1 + 3 * side)
    data = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


CASES: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "empty.txt": (lambda: b"", {"empty_file"}),
    "half.jpg": (lambda: half(picture("JPEG")), {"truncated", "corrupt"}),
    "half.png": (lambda: half(picture("PNG")), {"truncated", "corrupt"}),
    "half.flac": (lambda: half(flac()), {"truncated", "corrupt"}),
    "half.mp4": (lambda: half(mp4()), {"truncated", "corrupt"}),
    "latin1.txt": (lambda: "Größe und Maß, à la carte\n".encode("latin-1") * 40, {"not_utf8"}),
    "bomb.png": (png_bomb, {"too_large"}),
    "trackless.mp4": (mp4_without_video, {"no_video_stream"}),
    "noise.bin": (lambda: bytes(range(256)) * 8, {"unknown_type"}),
}


@pytest.mark.parametrize("name", CASES)
def test_one_bad_file_among_good_ones_is_quarantined(tmp_path: Path, name: str) -> None:
    make, reasons = CASES[name]
    (tmp_path / name).write_bytes(make())
    (tmp_path / "good.txt").write_text("Good text counts.\n" * 50)
    (tmp_path / "good.png").write_bytes(picture("PNG"))
    profile = tokeff.profile(tmp_path)
    assert (profile.n_in, profile.n_ok, profile.n_err) == (3, 2, 1)
    assert set(profile.failures) <= reasons
    assert profile.examples[0].key.endswith(name)
    assert {each.modality: each.n_items for each in profile.measurements} == {"text": 1, "image": 1}


def test_ten_samples_of_sound_are_measured_or_quarantined(tmp_path: Path) -> None:
    (tmp_path / "click.flac").write_bytes(flac(10))
    (tmp_path / "good.flac").write_bytes(flac())
    profile = tokeff.profile(tmp_path, tokenizers=["opus-24k", "flac", "mulaw", "whisper"])
    assert profile.n_in == 2
    for each in profile.measurements:
        assert each.n_items + each.n_errors == 2
        assert each.n_items >= 1


def test_nothing_but_bad_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)))
    with pytest.raises(NotFound, match="holds nothing that can be measured"):
        tokeff.profile(tmp_path)


def test_a_typed_refusal_for_what_was_asked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(NotFound, match="Did you mean gpt2"):
        tokeff.profile(tmp_path, tokenizers="gtp2")
    with pytest.raises(TokeffError, match="the corpus holds no image"):
        tokeff.profile(tmp_path, tokenizers="png")
    with pytest.raises(TokeffError, match=r"--unit: not a choice; got 'word'; expected one of file, line, paragraph"):
        tokeff.profile(tmp_path, unit="word")
    with pytest.raises(NotFound, match="nowhere"):
        tokeff.profile(tmp_path / "nowhere")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(RunError, match="holds another run"):
        tokeff.profile(tmp_path / "a.txt", out=tmp_path / "run")


def test_cuda_is_refused_where_there_is_none(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(DeviceUnavailable, match="no CUDA device is there"):
        tokeff.profile(tmp_path, device="cuda")
