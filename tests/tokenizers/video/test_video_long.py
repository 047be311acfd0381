"""A long file: its packets repeated without encoding them again. Memory is that of a batch, whatever its length."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from torch import Tensor

from tokeff.measures import windows
from tokeff.measures.batch import tally_batch
from tokeff.media import video
from tokeff.records.items import Item
from tokeff.records.signals import FrameSource, VideoSignal
from tokeff.tokenizers.registry import Registry

WIDTH, HEIGHT, RATE, GOP = 320, 180, 25, 250
MAX_GROWTH_BYTES = 300e6


@dataclass(frozen=True)
class Watched:
    """A source that notes the memory in use whenever a chunk leaves it."""

    source: FrameSource
    resident: list[int] = field(default_factory=list)

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        for chunk in self.source.frames(indices):
            yield chunk
            self.resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)


def segment() -> bytes:
    """Ten seconds with one keyframe: a ramp that drifts."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        options = {"preset": "ultrafast", "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for place in range(GOP):
            row = ((np.arange(WIDTH) + place) // 3 % 256).astype(np.uint8)
            pixels = np.ascontiguousarray(np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def repeated(data: bytes, path: Path, times: int) -> None:
    """The packets again and again, each time later."""
    with av.open(str(path), "w") as out:
        target: Any = None
        for turn in range(times):
            with av.open(io.BytesIO(data), mode="r") as source:
                stream = source.streams.video[0]
                target = target or out.add_stream_from_template(stream)
                assert stream.time_base is not None
                later = int(Fraction(turn * GOP, RATE) / stream.time_base)
                for packet in source.demux(stream):
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + later, packet.dts + later
                        packet.stream = target
                        out.mux(packet)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory in use from /proc")
def test_a_long_file_needs_the_memory_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four minutes hold 1 GB of pixels; sampled, encoded, decoded and compared in stretches, a part of that is held."""
    monkeypatch.setattr(windows, "COMPARED_BYTES", 2**25)
    path = tmp_path / "long.mp4"
    repeated(segment(), path, 24)
    signal = video.decode(lambda: path.open("rb"))
    assert signal.header.n_frames == 24 * GOP
    assert signal.header.raw_bytes > 1e9
    tokenizer: Any = Registry.load().open("frames:fps=0.1/qwen2-vl")
    watched = Watched(signal.source)
    long = replace(signal, source=watched)
    (tokens,) = tokenizer.encode([long])
    assert tokens.counts == tokenizer.count(signal.header)
    assert tokens.grid is not None
    assert tokens.grid[0] == 24
    (copy,) = tokenizer.decode([tokens], [signal.header])
    item = Item(modality="video", key="long", stored_bytes=path.stat().st_size, open=lambda: path.open("rb"))
    tally = tally_batch(tokenizer, [item], [long], [tokens], [copy])
    assert isinstance(copy, VideoSignal)
    assert 0 < tally.count("n_compared") <= 2**25
    assert max(watched.resident) - watched.resident[0] < MAX_GROWTH_BYTES
