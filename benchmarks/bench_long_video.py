"""A long clip profiled: peak memory and seconds, at two lengths; memory must not grow with the clip.

Run: python benchmarks/bench_long_video.py [--hours 2] [--gop 250] [--spec frames-1fps]... [--reconstruction off]...

The clip is made here: ten seconds of 1920 x 1080 at 25 frames per second (a drifting texture, H.264), whose packets are
repeated without encoding them again. Each profile is a process of its own, whose peak resident memory is the system's
figure.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import torch

from tokeff.engine.environment import library_versions, machine

WIDTH, HEIGHT, RATE, SEGMENT_FRAMES = 1920, 1080, 25, 250
LIMIT_BYTES = 2 * 2**30
CHILD = """
import json, resource, sys, tokeff
path, spec, reconstruction = sys.argv[1:]
profile = tokeff.profile(path, tokenizers=[spec], reconstruction=reconstruction, workers=1, item_timeout=36000.0)
each = profile.measurements[0]
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * 1024
keep = {name: each.distortion.get(name) for name in ("psnr_db", "compared_share")}
print(json.dumps({"n_tokens": each.n_tokens, "raw_bytes": each.raw_bytes, **keep, "peak_bytes": peak}))
"""


def make_segment(path: Path, gop: int) -> None:
    """Ten seconds of a texture that drifts three pixels per frame, with a keyframe every `gop` frames."""
    field = texture()
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "crf": "32", "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for place in range(SEGMENT_FRAMES):
            pixels = field[:, 3 * place : 3 * place + WIDTH].contiguous().numpy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def texture() -> torch.Tensor:
    """uint8 [HEIGHT, a width to drift along, 3]."""
    coarse = torch.rand((1, 3, 34, 84), generator=torch.Generator().manual_seed(0))
    size = (HEIGHT, WIDTH + 3 * SEGMENT_FRAMES)
    fine = torch.nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)[0]
    return (fine * 255).to(torch.uint8).permute(1, 2, 0)


def repeat(segment: Path, path: Path, times: int) -> None:
    """The packets of a segment, again and again, each time later."""
    with av.open(str(path), "w") as out:
        target: Any = None
        for turn in range(times):
            with av.open(str(segment)) as source:
                video = source.streams.video[0]
                target = target or out.add_stream_from_template(video)
                assert video.time_base is not None
                later = int(Fraction(turn * SEGMENT_FRAMES, RATE) / video.time_base)
                for packet in source.demux(video):
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + later, packet.dts + later
                        packet.stream = target
                        out.mux(packet)


def profiled(path: Path, spec: str, reconstruction: str) -> dict[str, Any]:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), spec, reconstruction], check=True, capture_output=True, text=True
    )
    return {**json.loads(done.stdout), "seconds": round(time.perf_counter() - start, 1)}


def write(results: list[dict[str, Any]], out: Path) -> None:
    """After every profile: each may take long."""
    report = {"machine": machine(), "libraries": library_versions(), "limit_bytes": LIMIT_BYTES, "results": results}
    out.write_text(json.dumps(report, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--gop", type=int, default=250)
    parser.add_argument("--spec", action="append")
    parser.add_argument("--reconstruction", action="append", choices=("off", "sample"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "long_video.json")
    arguments = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        segment = Path(folder) / "segment.mp4"
        make_segment(segment, arguments.gop)
        for minutes in (round(arguments.hours * 60 / 16), round(arguments.hours * 60)):
            path = Path(folder) / f"{minutes}min.mp4"
            repeat(segment, path, minutes * 60 * RATE // SEGMENT_FRAMES)
            for spec in arguments.spec or ["frames-1fps"]:
                for reconstruction in arguments.reconstruction or ["off", "sample"]:
                    found = profiled(path, spec, reconstruction)
                    results.append(
                        {
                            "tokenizer": spec,
                            "minutes": minutes,
                            "gop": arguments.gop,
                            "reconstruction": reconstruction,
                            "stored_bytes": path.stat().st_size,
                            **found,
                            "within_limit": found["peak_bytes"] < LIMIT_BYTES,
                        }
                    )
                    print(results[-1], flush=True)
                    write(results, arguments.out)


if __name__ == "__main__":
    main()
