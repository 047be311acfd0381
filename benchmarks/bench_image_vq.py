"""tokeff's shipped image tokenizers: rate and distortion beside JPEG and WebP, and what the harness costs.

Run: python benchmarks/bench_image_vq.py SHARED [--out benchmarks/results/image_vq.json] [--device cpu]

Rate: a tokenizer's is its capacity (log2 of its codes) per pixel, so that nothing is gained by an entropy coder. JPEG
and WebP get the same bytes per picture, their whole file counted, and for each picture the best of several
downscalings (Lanczos down, bicubic up) with the highest quality that fits. PSNR is the mean over pictures and pooled.

Overhead: pictures per second of `encode`, of a bare loop around the same model in equal batches, and of a loop with
one picture at a time. Runs alternate, so that a busy machine slows all of them; the ratios are the figures to keep.
"""

import argparse
import io
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from tokeff.engine.environment import library_versions, machine
from tokeff.media.image import decode
from tokeff.records.signals import ImageSignal
from tokeff.tokenizers.registry import Registry

CARDS = ("fsq-s8-1200", "fsq-s4-80")
SCALES = (1.0, 0.75, 0.625, 0.5, 0.375, 0.3, 0.25)
N_RUNS = 5
Codec = Literal["JPEG", "WEBP"]
Pixels = NDArray[np.uint8]


def load(folder: Path) -> list[ImageSignal]:
    """The pictures of a folder, by name."""
    found = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            found.append(decode(stream))
    return found


def squared_error(one: Pixels, other: Pixels) -> float:
    return float(np.square(one.astype(np.float64) - other).mean())


def psnr_db(error: float) -> float:
    return 10 * math.log10(255**2 / error)


def summary(errors: Sequence[float], n_pixels: Sequence[int], bits: Sequence[float]) -> dict[str, float]:
    """Mean and pooled PSNR, and bits per pixel, over pictures."""
    pooled = float(np.average(errors, weights=n_pixels))
    return {
        "bits_per_pixel": round(sum(bits) / sum(n_pixels), 4),
        "psnr_db_item_mean": round(statistics.mean(map(psnr_db, errors)), 3),
        "psnr_db": round(psnr_db(pooled), 3),
    }


def of_tokenizer(spec: str, pictures: Sequence[ImageSignal], more: Sequence[ImageSignal], device: str) -> Any:
    """Distortion on `pictures`, use of the codebook on `pictures` and `more`."""
    tokenizer: Any = Registry.load().open(spec, device=device)
    tokens = tokenizer.encode(pictures)
    copies = tokenizer.decode(tokens, [picture.header for picture in pictures])
    pairs = zip(pictures, copies, strict=True)
    errors = [squared_error(each.pixels.numpy(), copy.pixels.numpy()) for each, copy in pairs]
    capacity = math.log2(tokenizer.codebook_sizes[0])
    sizes = [picture.header.width * picture.header.height for picture in pictures]
    others = tokenizer.encode(more)
    used = np.unique(np.concatenate([each.streams[0] for each in (*tokens, *others)]))
    figures = summary(errors, sizes, [each.counts.n_tokens * capacity for each in tokens])
    return {**figures, "n_codes": tokenizer.codebook_sizes[0], "utilisation": len(used) / tokenizer.codebook_sizes[0]}


def of_codec(codec: Codec, pictures: Sequence[ImageSignal], bits_per_pixel: float) -> Any:
    """The best that the codec makes of each picture with so many bits."""
    best = [best_file(codec, picture.pixels.permute(1, 2, 0).numpy(), bits_per_pixel) for picture in pictures]
    sizes = [picture.header.width * picture.header.height for picture in pictures]
    figures = summary([each["error"] for each in best], sizes, [8 * each["n_bytes"] for each in best])
    return {**figures, "scales": [each["scale"] for each in best]}


def best_file(codec: Codec, original: Pixels, bits_per_pixel: float) -> dict[str, float]:
    """Over all scales, the highest quality that fits, and of these the least error."""
    height, width = original.shape[:2]
    allowed = int(bits_per_pixel * height * width / 8)
    found = []
    for scale in SCALES:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = Image.fromarray(original).resize(size, Image.Resampling.LANCZOS)
        data = largest_that_fits(codec, small, allowed)
        if data is not None:
            back = Image.open(io.BytesIO(data)).convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
            found.append({"error": squared_error(original, np.asarray(back)), "n_bytes": len(data), "scale": scale})
    return min(found, key=lambda each: each["error"])


def largest_that_fits(codec: Codec, picture: Image.Image, allowed: int) -> bytes | None:
    low, high, best = 1, 95, None
    while low <= high:
        quality = (low + high) // 2
        buffer = io.BytesIO()
        more: dict[str, Any] = {"optimize": True} if codec == "JPEG" else {"method": 6}
        picture.save(buffer, codec, quality=quality, **more)
        if buffer.tell() <= allowed:
            best, low = buffer.getvalue(), quality + 1
        else:
            high = quality - 1
    return best


def overhead(spec: str, pictures: Sequence[ImageSignal], device: str) -> Any:
    """Pictures per second of three ways to the same ids."""
    tokenizer: Any = Registry.load().open(spec, device=device)
    stacked = torch.stack([picture.pixels for picture in pictures])
    n = max(1, tokenizer.max_pixels // stacked[0, 0].numel())

    def bare(step: int) -> list[NDArray[Any]]:
        scaled = (tokenizer.scale.apply(part.to(device)) for part in torch.split(stacked, step))
        parts = [tokenizer.model.ids(part).cpu().numpy() for part in scaled]
        return [each.ravel() for part in parts for each in part]

    ways: dict[str, Callable[[], list[NDArray[Any]]]] = {
        "tokeff": lambda: [tokens.streams[0] for tokens in tokenizer.encode(pictures)],
        "bare_batched": lambda: bare(n),
        "bare_one_by_one": lambda: bare(1),
    }
    answers = {name: run() for name, run in ways.items()}  # warms up, too
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(N_RUNS):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return {
        "n_pictures": len(pictures),
        "batch": n,
        "ids_equal": all(map(np.array_equal, answers["tokeff"], answers["bare_batched"])),
        "pictures_per_second": {name: round(len(pictures) / median, 2) for name, median in medians.items()},
        "tokeff_over_bare_batched": round(medians["bare_batched"] / medians["tokeff"], 3),
        "tokeff_over_one_by_one": round(medians["bare_one_by_one"] / medians["tokeff"], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder with corpora/image")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "image_vq.json")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    images = arguments.shared / "corpora" / "image"
    kodak, cid22 = load(images / "kodak"), load(images / "cid22_validation")
    results: dict[str, Any] = {"machine": machine(), "libraries": library_versions(), "device": arguments.device}
    for card in CARDS:
        ours = of_tokenizer(card, kodak, cid22, arguments.device)
        found = {card: ours} | {c: of_codec(c, kodak, ours["bits_per_pixel"]) for c in ("JPEG", "WEBP")}
        found["overhead"] = overhead(card, [each for each in kodak if each.header.width > 512], arguments.device)
        results[card] = found
        print(json.dumps(found, indent=1), flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
