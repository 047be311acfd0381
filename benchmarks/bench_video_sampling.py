"""Eight even frames of a 20 s clip: tokeff against a seek for each, sequential decoding and torchcodec, in one run.

Run: python benchmarks/bench_video_sampling.py CLIP [--out benchmarks/results/video_sampling.json]

The first 600 frames of CLIP become 640x360 H.264 at 30 frames per second, once with a keyframe every 250 frames and
once every 30. Everything counts from opening the file to pixels. Before it is timed, each way's output is checked:
PyAV's ways give equal pixels, torchcodec frames of the same times. Rounds alternate, so that a busy machine slows all;
the ratio of the fastest rounds and the median of the ratios within rounds are the figures to keep. PyAV and torchcodec
use one thread by default; each is also timed with as many as there are processors, as tokeff uses them. Seconds of
processors, over all threads, are kept beside those of the clock: a busy machine changes them less.
"""

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import torch

from tokeff.engine.environment import library_versions, machine
from tokeff.media import video
from tokeff.media.video_frames import UNBIASED
from tokeff.tokenizers.video.samplers import parse_sampler

N_ROUNDS = 25
N_FRAMES, RATE, WIDTH, HEIGHT = 600, 30, 640, 360
SAMPLER = "uniform(8)"


def write_clip(source: Path, gop: int, target: Path) -> None:
    options = {"x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0"}
    with av.open(source) as frames, av.open(target, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for place, decoded in zip(range(N_FRAMES), frames.decode(video=0), strict=False):
            frame = decoded.reformat(WIDTH, HEIGHT)
            frame.pts, frame.time_base, frame.pict_type = place, Fraction(1, RATE), 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def by_tokeff(path: Path) -> Any:
    signal = video.decode(partial(io.FileIO, str(path)))
    return torch.cat(list(signal.source.frames(parse_sampler(SAMPLER).places(signal).tolist()))).numpy()


def pixels(frame: av.VideoFrame) -> Any:
    return frame.to_ndarray(format="gbrp", interpolation=UNBIASED, threads=1).transpose(2, 0, 1)


def by_seeking_each(path: Path, places: list[int], n_threads: int) -> Any:
    found = []
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.thread_count = "AUTO", n_threads
        for place in places:
            pts = round(place / RATE / cast(Fraction, stream.time_base))
            container.seek(pts, stream=stream)
            frame = next(frame for frame in container.decode(stream) if cast(int, frame.pts) >= pts)
            found.append(pixels(frame))
    return np.stack(found)


def in_sequence(path: Path, places: list[int]) -> Any:
    wanted = set(places)
    with av.open(path) as container:
        container.streams.video[0].thread_type = "AUTO"
        frames = enumerate(container.decode(video=0))
        return np.stack([pixels(frame) for place, frame in frames if place in wanted])


def by_torchcodec(path: Path, places: list[int], n_threads: int) -> Any:
    from torchcodec.decoders import VideoDecoder

    return VideoDecoder(str(path), num_ffmpeg_threads=n_threads).get_frames_at(places)


def check(ways: dict[str, Callable[[], Any]], places: list[int]) -> float:
    """Exits unless all ways give the same frames; how far torchcodec's colours are from PyAV's, in levels of 255."""
    expected = ways["sequential"]()
    for name in ("tokeff", "seek each", "seek each, one thread"):
        if not np.array_equal(ways[name](), expected):
            raise SystemExit(f"{name} gives other pixels")
    batch = ways["torchcodec"]()
    if not np.allclose(batch.pts_seconds.numpy(), np.array(places) / RATE, rtol=0, atol=1e-6):
        raise SystemExit("torchcodec gives frames of other times")
    return float(np.abs(batch.data.numpy().astype(int) - expected).mean())


def timed(ways: dict[str, Callable[[], Any]], n_rounds: int) -> dict[str, list[tuple[float, float]]]:
    """(seconds, processor seconds) of each round."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(n_rounds):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            way()
            seconds[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return seconds


def over(times: list[float], ours: list[float]) -> dict[str, float]:
    """How many times as long as tokeff."""
    within = [other / mine for other, mine in zip(times, ours, strict=True)]
    return {"of_fastest": round(min(times) / min(ours), 3), "median": round(statistics.median(within), 3)}


def compare(source: Path, gop: int, n_rounds: int, folder: Path) -> dict[str, Any]:
    path = folder / f"gop_{gop}.mp4"
    write_clip(source, gop, path)
    places = parse_sampler(SAMPLER).places(video.decode(partial(io.FileIO, str(path)))).tolist()
    ways: dict[str, Callable[[], Any]] = {
        "tokeff": partial(by_tokeff, path),
        "seek each": partial(by_seeking_each, path, places, 0),
        "seek each, one thread": partial(by_seeking_each, path, places, 1),
        "sequential": partial(in_sequence, path, places),
        "torchcodec": partial(by_torchcodec, path, places, 0),
        "torchcodec, one thread": partial(by_torchcodec, path, places, 1),
    }
    difference = check(ways, places)
    rounds = timed(ways, n_rounds)
    found = {}
    for name, pairs in rounds.items():
        clock, processor = ([pair[kind] for pair in pairs] for kind in (0, 1))
        ours, our_processor = ([pair[kind] for pair in rounds["tokeff"]] for kind in (0, 1))
        found[name] = {
            "seconds": {"fastest": min(clock), "median": statistics.median(clock)},
            "processor_seconds": {"fastest": min(processor), "median": statistics.median(processor)},
            "over_tokeff": over(clock, ours),
            "processor_over_tokeff": over(processor, our_processor),
        }
        ratios = over(clock, ours)["of_fastest"], over(processor, our_processor)["median"]
        print(
            f"gop {gop:3d} {name:24s}{1000 * min(clock):7.1f} ms: {ratios[0]:5.2f} x tokeff, {ratios[1]:5.2f} x its CPU"
        )
    return {
        "gop": gop,
        "bytes": path.stat().st_size,
        "mean_difference_of_torchcodecs_colours": round(difference, 3),
        "ways": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "video_sampling.json")
    parser.add_argument("--rounds", type=int, default=N_ROUNDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [compare(arguments.clip, gop, arguments.rounds, Path(folder)) for gop in (250, 30)]
    import torchcodec

    libraries = {**library_versions(), "torchcodec": torchcodec.__version__}
    report = {
        "machine": machine(),
        "libraries": libraries,
        "clip": arguments.clip.name,
        "frames": N_FRAMES,
        "size": [WIDTH, HEIGHT],
        "sampler": SAMPLER,
        "rounds": arguments.rounds,
        "results": results,
    }
    arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
