"""What the harness of the family `rvq` costs, and how much memory a recording of hours takes.

Run: python benchmarks/bench_rvq_overhead.py [--hours 2] [--models NAME...] [--device cpu] [--out FILE.json]
What the file has of other models, or of a long recording where --hours is 0, stays.

Networks have random weights, since time does not depend on them: EnCodec at 24 kHz as published ("encodec") and a
narrow one ("encodec-narrow", 4 filters), a narrow Mimi, and the shipped codec. The same clips go three ways:

    tokeff          `encode` of the tokenizer: blocks, channels, buckets, tokens
    bare_batched    the codec's own call on stacked clips of one length, in batches of the same size
    bare_one_by_one the codec's own call on one clip after the other, as they come

Equal lengths are compared with the second, mixed lengths with the third. Ways alternate; times are of the process (on
CUDA: of the clock), medians of runs; ids are checked to be equal first.

The long recording is noise and tones in a 16-bit file. Peak memory is that of a fresh process above what it had after a
short recording. Its ids are compared with direct calls of the model, chunk by chunk, on samples from soundfile.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor

from tokeff.engine.environment import library_versions, machine
from tokeff.media.dispatch import decode
from tokeff.records.headers import AudioHeader
from tokeff.records.items import Item
from tokeff.records.signals import AudioSignal
from tokeff.tokenizers.registry import Registry

N_RUNS = 5
N_CLIPS = 64
EQUAL_SECONDS = 1.0
MIXED_SECONDS = (0.25, 0.4, 0.5, 0.75, 1.0, 1.5)
"""Lengths of clips such as words and utterances."""
CHUNK_SECONDS = 30


def build(name: str, folder: Path) -> str:
    """A specification of the family, its model saved in `folder` where it is not shipped."""
    from transformers import EncodecConfig, EncodecModel, MimiConfig, MimiModel

    if name == "rvq-6k":
        return name
    torch.manual_seed(0)
    narrow: dict[str, Any] = {"num_filters": 4, "hidden_size": 16}
    if name == "mimi-narrow":
        more = {
            "hidden_size": 64,
            "vector_quantization_hidden_dimension": 32,
            "codebook_dim": 32,
            "upsample_groups": 64,
        }
        heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 128, "num_quantizers": 8}
        network = MimiModel(MimiConfig(**{**narrow, **more, **heads}))
    else:
        network = EncodecModel(EncodecConfig(**(narrow if name == "encodec-narrow" else {})))
    for key, held in network.named_buffers():
        if key.endswith((".embed", ".embed_sum")):
            held.copy_(torch.randn(held.shape) * 0.1)
    network.save_pretrained(folder / name)
    return f"rvq:{folder / name}"


def clips(seconds: Sequence[float], rate_hz: int) -> list[AudioSignal]:
    """Noisy tones of these lengths, shuffled."""
    generator = torch.Generator().manual_seed(0)
    lengths = [round(seconds[n % len(seconds)] * rate_hz) for n in range(N_CLIPS)]
    order = torch.randperm(N_CLIPS, generator=generator).tolist()
    found = []
    for n in order:
        tone = torch.sin(torch.arange(lengths[n]) * (0.01 + 0.001 * n))
        samples = (0.3 * tone + 0.05 * torch.randn(1, lengths[n], generator=generator)).clamp(-1, 1)
        header = AudioHeader(sample_rate_hz=rate_hz, n_samples=lengths[n], n_channels=1)
        found.append(AudioSignal(header=header, samples=samples))
    return found


def overhead(spec: str, device: str) -> dict[str, Any]:
    """Ratios of times, in one run."""
    tokenizer: Any = Registry.load().open(spec, device=device)
    codec = tokenizer.codec
    rate_hz = codec.sample_rate_hz
    equal, mixed = clips([EQUAL_SECONDS], rate_hz), clips(MIXED_SECONDS, rate_hz)
    n = max(1, tokenizer.batches.max_samples // equal[0].header.n_samples)

    def bare(signals: Sequence[AudioSignal], step: int) -> list[Any]:
        parts: list[list[Tensor]] = []
        for first in range(0, len(signals), step):
            batch = torch.stack([signal.samples for signal in signals[first : first + step]]).to(device)
            streams = codec.encode(batch).streams
            parts.append([stream.cpu() for stream in streams])
        return [np.stack([stream[place] for stream in part]) for part in parts for place in range(len(part[0]))]

    def ours(signals: Sequence[AudioSignal]) -> list[Any]:
        return [np.stack(tokens.streams) for tokens in tokenizer.encode(signals)]

    against = {
        "bare_batched": compare(lambda: ours(equal), lambda: bare(equal, n), device),
        "bare_one_by_one": compare(lambda: ours(mixed), lambda: bare(mixed, 1), device),
    }
    return {"batch": n, "n_clips": N_CLIPS, "mixed_seconds": list(MIXED_SECONDS), **against}


def compare(ours: Callable[[], list[Any]], theirs: Callable[[], list[Any]], device: str) -> dict[str, Any]:
    clock = time.process_time if device == "cpu" else time.perf_counter
    same = all(map(np.array_equal, ours(), theirs()))  # warms up, too
    seconds: dict[str, list[float]] = {"tokeff": [], "bare": []}
    for _ in range(N_RUNS):
        for name, way in (("tokeff", ours), ("bare", theirs)):
            start = clock()
            way()
            seconds[name].append(clock() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return {
        "ids_equal": same,
        "seconds": {name: round(median, 3) for name, median in medians.items()},
        "tokeff_over_bare": round(medians["bare"] / medians["tokeff"], 3),
    }


def write_long(path: Path, hours: float, rate_hz: int) -> int:
    """A 16-bit recording; the number of its samples, not a multiple of anything."""
    rng = np.random.default_rng(0)
    n_samples = int(hours * 3600 * rate_hz) + 4321
    with soundfile.SoundFile(path, "w", samplerate=rate_hz, channels=1, format="WAV", subtype="PCM_16") as sound:
        for first in range(0, n_samples, rate_hz * 60):
            n = min(rate_hz * 60, n_samples - first)
            tone = 9000 * np.sin(np.arange(n) * (0.01 + first / n_samples / 10))
            sound.write((tone + rng.normal(0, 1500, n)).astype(np.int16))
    return n_samples


def item_of(path: Path) -> Item:
    return Item(modality="audio", key=path.name, stored_bytes=path.stat().st_size, open=lambda: path.open("rb"))


def tokenise(spec: str, path: Path, short: Path, ids: Path) -> None:
    """In a process of its own: tokenise, keep the ids, print the growth of its peak memory."""
    torch.set_num_threads(1)
    tokenizer: Any = Registry.load().open(spec)
    tokenizer.encode([decode(item_of(short))])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    (tokens,) = tokenizer.encode([decode(item_of(path))])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    np.save(ids, np.stack(tokens.streams))
    print(json.dumps({"grown_mebibytes": round(grown / 1024, 1), "cpu_seconds": round(time.process_time() - start, 1)}))


def long_recording(spec: str, folder: Path, hours: float) -> dict[str, Any]:
    """Memory of a long recording, and its ids against those of direct calls."""
    tokenizer: Any = Registry.load().open(spec)
    network, rate_hz = tokenizer.codec.network, tokenizer.codec.sample_rate_hz
    path, short, ids = folder / "long.wav", folder / "short.wav", folder / "ids.npy"
    n_samples = write_long(path, hours, rate_hz)
    write_long(short, 2 / 3600, rate_hz)
    command = [sys.executable, __file__, "--tokenise", spec, str(path), str(short), str(ids)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = np.load(ids)
    place, equal = 0, True
    with soundfile.SoundFile(path) as sound, torch.inference_mode():
        while len(block := sound.read(CHUNK_SECONDS * rate_hz, dtype="float32")):
            codes = network.encode(torch.from_numpy(block)[None, None]).audio_codes
            equal = equal and np.array_equal(codes[0, 0].numpy(), found[:, place : place + codes.shape[-1]])
            place += codes.shape[-1]
    return {
        "hours": hours,
        "n_samples": n_samples,
        "float32_mebibytes": round(n_samples * 4 / 2**20, 1),
        "n_tokens": int(found.size),
        "n_positions": int(found.shape[1]),
        "ids_equal_to_direct_calls": bool(equal and place == found.shape[1]),
        **json.loads(done.stdout.splitlines()[-1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--models", nargs="*", default=["encodec", "encodec-narrow", "mimi-narrow", "rvq-6k"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/rvq_overhead.json"))
    parser.add_argument("--tokenise", nargs=4, metavar=("SPEC", "LONG", "SHORT", "IDS"))
    given = parser.parse_args()
    if given.tokenise:
        spec, path, short, ids = given.tokenise
        tokenise(spec, Path(path), Path(short), Path(ids))
        return
    torch.set_num_threads(1)
    found: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {"overhead": {}}
    found |= {"machine": machine(), "libraries": library_versions(), "device": given.device, "threads": 1}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in given.models:
            found["overhead"][model] = overhead(build(model, folder), given.device)
            given.out.write_text(json.dumps(found, indent=1) + "\n")
            print(model, json.dumps(found["overhead"][model]))
        if given.hours:
            found["long_recording"] = long_recording(build("encodec-narrow", folder), folder, given.hours)
            print(json.dumps(found["long_recording"]))
        given.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
