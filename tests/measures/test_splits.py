"""What of a clip's loss is the sampler's and what the image tokenizer's: closed cases, sums, and figures of a run."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor

import tokeff
from tokeff.measures.batch import tally_batch
from tokeff.measures.fidelities import FIDELITIES, IN_TIME
from tokeff.measures.measurement import measurement
from tokeff.measures.windows import COMPARED_BYTES, compared_frames
from tokeff.media import video
from tokeff.records.headers import VideoHeader
from tokeff.records.items import Item
from tokeff.records.measurements import Measurement
from tokeff.records.signals import VideoSignal
from tokeff.tokenizers.registry import Registry

REGISTRY = Registry.load()
ITEM = Item(modality="video", key="clip", stored_bytes=1, open=io.BytesIO)


@dataclass(frozen=True)
class Held:
    """Frames in memory."""

    pixels: Tensor

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        yield from torch.split(self.pixels if indices is None else self.pixels[list(indices)], 7)


@cache
def drifting(n_frames: int = 12, height: int = 24, width: int = 32) -> VideoSignal:
    """A textured field that moves a pixel per frame; 12 frames per second."""
    field = torch.rand((3, height + 4, width + n_frames + 4), generator=torch.Generator().manual_seed(0))
    field = torch.nn.functional.avg_pool2d(field, 5, stride=1) * 255
    frames = torch.stack([field[:, :, i : i + width] for i in range(n_frames)]).round().to(torch.uint8)
    header = VideoHeader.regular(width=width, height=height, n_frames=n_frames, frame_rate_hz=12)
    return VideoSignal(header=header, source=Held(frames))


@cache
def measured(spec: str) -> Measurement:
    signal = drifting()
    tokenizer: Any = REGISTRY.open(spec)
    tokens = tokenizer.encode([signal])
    copies = tokenizer.decode(tokens, [signal.header])
    tally = tally_batch(tokenizer, [ITEM], [signal], tokens, copies, coded={"clip"})
    return measurement(
        tokenizer.card,
        tally,
        codebook_sizes=tokenizer.codebook_sizes,
        n_errors=0,
        device="cpu",
        dtype="float32",
        throughput={},
    )


def test_a_lossless_image_tokenizer_loses_in_time_alone() -> None:
    each = measured("frames:fps=1/png")
    split, bits = each.distortion["split"], each.reconstruction["split"]
    assert split["time_mse"] == split["total_mse"] > 0
    assert split["space_mse"] == 0
    assert split["time_psnr_db"] == each.distortion["psnr_db"]
    assert split["space_psnr_db"] is None
    assert each.absent["distortion.split.space_psnr_db"] == "lossless"
    assert bits["space_bits_per_byte"] == 0
    assert bits["time_bits_per_byte"] == each.reconstruction["entropy_bits_per_byte"] > 0


def test_keeping_every_frame_loses_in_space_alone() -> None:
    each = measured("frames:all/fsq-s8-1200")
    split, bits = each.distortion["split"], each.reconstruction["split"]
    assert split["time_mse"] == 0
    assert split["space_mse"] == split["total_mse"] > 0
    assert bits["time_bits_per_byte"] == 0
    assert bits["space_bits_per_byte"] == each.reconstruction["entropy_bits_per_byte"]


@pytest.mark.parametrize("way", ["hold", "linear"])
def test_errors_by_their_definition_and_shares_that_add_up_to_one(way: str) -> None:
    signal = drifting()
    x, spec = torch.cat(list(signal.source.frames())).double(), f"frames:fps=3/fsq-s8-1200?between={way}"
    each = measured(spec)
    tokenizer: Any = REGISTRY.open(spec)
    (copy,) = tokenizer.decode(tokenizer.encode([signal]), [signal.header])
    r = torch.cat(list(copy.source.frames())).double()
    t = torch.cat(list(copy.source.over(signal.source).frames())).double()
    split = each.distortion["split"]
    for name, (a, b) in {"total": (x, r), "time": (x, t), "space": (t, r)}.items():
        assert split[f"{name}_mse"] == pytest.approx(float((a - b).square().mean()), rel=1e-12)
    for scale in ("1", "4"):
        shares = each.reconstruction["split"][scale]
        assert sum(shares.values()) == pytest.approx(1, abs=1e-9)
        assert shares["retained"] == pytest.approx(each.reconstruction["retained_share"]["8"][scale], abs=1e-9)
    whole = each.reconstruction["entropy_bits_per_byte"]
    bits = each.reconstruction["split"]
    assert bits["time_bits_per_byte"] + bits["space_bits_per_byte"] == pytest.approx(whole, rel=1e-9)


def test_more_frames_lose_less_in_time() -> None:
    lost = [measured(f"frames:{which}/png") for which in ("fps=1", "fps=3", "all")]
    assert [e.distortion["split"]["time_mse"] for e in lost] == sorted(
        (e.distortion["split"]["time_mse"] for e in lost), reverse=True
    )
    bits = [e.reconstruction["split"]["time_bits_per_byte"] for e in lost]
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] == 0


def test_a_lower_frame_rate_is_a_scale_of_its_own() -> None:
    each = measured("frames:all/fsq-s8-1200")
    shares = each.reconstruction["retained_share_in_time"]
    assert list(shares) == ["2", "4"]
    assert all(0 <= share <= 1 for share in shares.values())
    exact = measured("frames:all/png").reconstruction["retained_share_in_time"]
    assert exact == {"2": 1.0, "4": 1.0}


def test_a_codec_has_no_split_and_says_so() -> None:
    each = measured("h264-crf35")
    assert "split" not in each.distortion
    assert "split" not in each.reconstruction
    assert each.absent["distortion.split"] == each.absent["reconstruction.split"] == "no_sampled_frames"
    assert list(each.reconstruction["retained_share_in_time"]) == ["2", "4"]


@pytest.mark.parametrize(("n_frames", "whole", "n"), [(336, False, None), (10_000, True, None), (180_000, False, 336)])
def test_long_clips_are_compared_in_stretches(n_frames: int, whole: bool, n: int | None) -> None:
    header = VideoHeader.regular(width=1920, height=1080, n_frames=n_frames, frame_rate_hz=25)
    places = compared_frames(header, whole)
    assert (None if places is None else len(places)) == n
    if places is not None:
        steps = np.diff(places)
        assert (places[0], places[-1]) == (0, n_frames - 1)
        assert np.all(steps > 0)
        assert sorted(steps)[-12] == 1 < sorted(steps)[-11]  # twelve runs, eleven gaps
        assert 3 * header.height * header.width * len(places) <= COMPARED_BYTES


def test_what_is_compared_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    signal, spec = drifting(), "frames:fps=1/png"
    assert measured(spec).distortion["compared_share"] == 1
    few = list(range(3, 9))
    monkeypatch.setattr("tokeff.measures.comparison.compared_frames", lambda header, whole: None if whole else few)
    each = measured.__wrapped__(spec)
    assert each.distortion["compared_share"] == 0.5
    x = torch.cat(list(signal.source.frames()))
    assert each.distortion["split"]["time_mse"] == float((x[few].double() - x[0].double()).square().mean())


def test_every_column_is_saved(tmp_path: Path) -> None:
    signal = drifting()
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.mp4").write_bytes(video.encode(signal.source.frames(), signal.header, crf=1))
    tokeff.profile(tmp_path / "corpus", tokenizers=["frames:fps=2/fsq-s8-1200"], out=tmp_path / "run")
    (row,) = pq.read_table(tmp_path / "run" / "items.parquet").to_pylist()
    assert row["squared_error_time"] > 0
    assert row["squared_error_space"] > 0
    for each in IN_TIME:
        assert row[each.column("time")] > 0
    for each in FIDELITIES["video"]:
        assert row[each.column("source")] >= row[each.column("missing")]
