"""Peak memory of code lengths beside a reconstruction, above the signals: 100 megapixels, ten minutes of stereo.

Each signal has a process of its own; noise of six bits on a ramp, whose reconstruction dropped three of its bits.

    python benchmarks/bench_code_length_memory.py [--megapixels 100] [--minutes 10]

Writes benchmarks/results/code_length_memory.json: megabytes above the signals, and CPU seconds.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from tokeff.maths.codelength import audio_code_length, image_code_length
from tokeff.maths.codelength.fidelity import reduce_pictures, reduce_sound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=100.0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", choices=["picture", "recording"], help="measure this one here and print it")
    arguments = parser.parse_args()
    if arguments.only:
        size = arguments.megapixels if arguments.only == "picture" else arguments.minutes
        print(json.dumps(measured(arguments.only, size)))
        return
    sizes = ["--megapixels", str(arguments.megapixels), "--minutes", str(arguments.minutes)]
    found: dict[str, Any] = {"torch": torch.__version__}
    for kind in ("picture", "recording"):
        command = [sys.executable, __file__, "--only", kind, *sizes]
        found[kind] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(kind, json.dumps(found[kind]), flush=True)
    out = Path(__file__).parent / "results" / "code_length_memory.json"
    out.write_text(json.dumps(found, indent=1) + "\n")


def measured(kind: str, size: float) -> dict[str, float]:
    """Megabytes above the signal and its reconstruction, at the peak of the code length and of its reduction."""
    torch.set_num_threads(1)
    x = picture(size) if kind == "picture" else recording(size)
    side = x.clone().bitwise_right_shift_(3).bitwise_left_shift_(3)  # in place: no peak before the code
    forget_peak()
    before, start = peak(), time.process_time()
    bits = float((image_code_length if kind == "picture" else audio_code_length)(x, side))
    (reduce_pictures if kind == "picture" else reduce_sound)(x, 4)
    return {
        "raw_bytes": x.numel() * x.element_size(),
        "megabytes_above_signals": peak() - before,
        "bits": bits,
        "cpu_seconds": time.process_time() - start,
    }


def picture(megapixels: float) -> torch.Tensor:
    side = round((megapixels * 1e6) ** 0.5)
    x = torch.empty(1, 3, side, side, dtype=torch.uint8)
    x.random_(0, 64, generator=torch.Generator().manual_seed(0))
    return x.add_(torch.arange(side, dtype=torch.int64).mul_(190).div_(side, rounding_mode="floor").to(torch.uint8))


def recording(minutes: float) -> torch.Tensor:
    x = torch.empty(1, 2, round(minutes * 60 * 44_100), dtype=torch.int16)
    return x.random_(-800, 800, generator=torch.Generator().manual_seed(0))


def forget_peak() -> None:
    """The peak begins anew: that of a process is otherwise its parent's, or that of loading libraries."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """Most memory since then, in megabytes."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
