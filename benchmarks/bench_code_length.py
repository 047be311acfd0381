"""Code lengths against WebP lossless, PNG, FLAC and FFV1 on the shared corpora, with the CPU time of each.

Each peer runs right after the coder on the same item.

    python benchmarks/bench_code_length.py --shared ../shared --what kodak document screen librispeech music video

Writes benchmarks/results/code_length.json after each set: bytes and CPU seconds per item, machine, its load, versions.
"""

import argparse
import io
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import PIL
import soundfile as sf
import torch
from PIL import Image

from tokeff.maths.codelength import Pool, audio_code_length, image_code_length, video_code_length

CLIPS = ("big_buck_bunny_480p_30s.mp4", "intel_car-detection.mp4", "nasa_13013.mp4")


def timed(measure: Callable[[], float | torch.Tensor]) -> tuple[float, float, float]:
    """(value, CPU seconds, wall seconds)."""
    cpu, wall = time.process_time(), time.perf_counter()
    value = float(measure())
    return value, time.process_time() - cpu, time.perf_counter() - wall


def saved_bytes(picture: Image.Image, **options: Any) -> int:
    out = io.BytesIO()
    picture.save(out, **options)
    return len(out.getvalue())


def pictures(paths: list[Path], pool: Pool) -> Iterator[dict[str, Any]]:
    for path in paths:
        picture = Image.open(path).convert("RGB")
        x = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None]
        bits = timed(partial(image_code_length, x, pool=pool))
        peer = timed(partial(saved_bytes, picture, format="WEBP", lossless=True, quality=100, method=6))
        png = saved_bytes(picture, format="PNG", optimize=True)
        yield row(path.name, x.numel(), bits, peer) | {"png_bytes": png}


def recordings(paths: list[Path], pool: Pool) -> Iterator[dict[str, Any]]:
    for path in paths:
        samples, rate = sf.read(path, dtype="int16", always_2d=True)
        x = torch.from_numpy(samples.T.copy())[None]
        yield row(
            path.name,
            samples.nbytes,
            timed(partial(audio_code_length, x, pool=pool)),
            timed(partial(flac_bytes, samples, rate)),
        )


def flac_bytes(samples: np.ndarray, rate: int) -> int:
    out = io.BytesIO()
    sf.write(out, samples, rate, format="FLAC", subtype="PCM_16", compression_level=1.0)
    return len(out.getvalue())


def clips(paths: list[Path], n_frames: int) -> Iterator[dict[str, Any]]:
    for path in paths:
        with av.open(str(path)) as container:
            frames = [
                f.to_ndarray(format="rgb24") for f, _ in zip(container.decode(video=0), range(n_frames), strict=False)
            ]
        x = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).contiguous()
        yield row(
            path.name,
            x.numel(),
            timed(partial(video_code_length, torch.split(x, 16))),
            timed(partial(ffv1_bytes, frames)),
        )


def ffv1_bytes(frames: list[np.ndarray]) -> int:
    total = 0
    with av.open(io.BytesIO(), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        stream.codec_context.options = {"level": "3", "coder": "1", "context": "1", "slicecrc": "0"}
        for frame in frames:
            total += sum(p.size for p in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        total += sum(p.size for p in stream.encode())
    return total


def row(name: str, raw: int, own: tuple[float, float, float], peer: tuple[float, float, float]) -> dict[str, Any]:
    return {
        "item": name, "raw_bytes": raw, "code_bytes": own[0] / 8, "cpu_seconds": own[1], "wall_seconds": own[2],
        "peer_bytes": peer[0], "peer_cpu_seconds": peer[1], "peer_wall_seconds": peer[2],
    }  # fmt: skip


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    total = {k: sum(r[k] for r in rows) for k in rows[0] if k != "item"}
    out = {
        "code_to_peer": total["code_bytes"] / total["peer_bytes"],
        "worst_code_to_peer": max(r["code_bytes"] / r["peer_bytes"] for r in rows),
        "raw_megabytes_per_cpu_second": total["raw_bytes"] / 1e6 / total["cpu_seconds"],
        "raw_megabytes_per_wall_second": total["raw_bytes"] / 1e6 / total["wall_seconds"],
        "peer_raw_megabytes_per_cpu_second": total["raw_bytes"] / 1e6 / total["peer_cpu_seconds"],
    }
    return out | ({"code_to_png": total["code_bytes"] / total["png_bytes"]} if "png_bytes" in total else {})


def shared(what: str, rows: list[dict[str, Any]], pool: Pool) -> dict[str, float]:
    """The same where the items share histograms; clips of this length do not."""
    if what == "video":
        return {}
    bits = (
        pool.code_length_bits("sound", 16) if what in ("librispeech", "music") else pool.code_length_bits("planes", 8)
    )
    return {"shared_code_to_peer": bits / 8 / sum(row["peer_bytes"] for row in rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--what", nargs="+", default=["kodak", "document", "screen", "librispeech", "music", "video"])
    parser.add_argument("--items", type=int, help="at most so many of each set")
    parser.add_argument("--frames", type=int, default=100, help="at most so many of each clip")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    corpora, out = arguments.shared / "corpora", Path(__file__).parent / "results" / "code_length.json"
    found = json.loads(out.read_text()) if out.exists() else {}
    found["machine"] = {
        "processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
        "python": platform.python_version(), "torch": torch.__version__, "av": av.__version__,
        "pillow": PIL.__version__, "soundfile": sf.__version__,
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
    }  # fmt: skip
    out.parent.mkdir(exist_ok=True)
    for what in arguments.what:
        load, paths = os.getloadavg()[0], sorted(files(corpora, what))
        # The first call starts threads and fills caches of kernels: it is left out.
        list(measured(what, paths[:1], 2, Pool()))
        pool = Pool()
        items = list(measured(what, paths[: arguments.items], arguments.frames, pool))
        of_set = {
            "items_of_set": len(paths),
            "frames_at_most": arguments.frames,
            "threads": arguments.threads,
            "load_before_after": [load, os.getloadavg()[0]],
        }
        found[what] = {"summary": summary(items) | shared(what, items, pool), **of_set, "items": items}
        print(what, len(items), "of", len(paths), json.dumps(found[what]["summary"]), flush=True)
        out.write_text(json.dumps(found, indent=1) + "\n")


def files(corpora: Path, what: str) -> Iterable[Path]:
    if what == "video":
        return [corpora / "video" / name for name in CLIPS]
    if what == "music":
        return (corpora / "audio/eval").glob("*.ogg")
    return (corpora / ("audio/eval" if what == "librispeech" else "image") / what).iterdir()


def measured(what: str, paths: list[Path], n_frames: int, pool: Pool) -> Iterator[dict[str, Any]]:
    if what == "video":
        return clips(paths, n_frames)
    return recordings(paths, pool) if what in ("librispeech", "music") else pictures(paths, pool)


if __name__ == "__main__":
    main()
