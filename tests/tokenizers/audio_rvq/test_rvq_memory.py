"""A long recording is tokenised and rebuilt in bounded memory: peak of a fresh process, above that of a minute.

The samples alone would be 176 MiB, and as much again for the copy; 64 MiB of a recording are held until it is known
to be long. Two hours stand in benchmarks/bench_rvq_overhead.py.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

MINUTES, RATE_HZ = 8, 48_000
BOUND_BYTES = 240 * 2**20
PROGRAM = """
import json, resource, sys
import torch
torch.set_num_threads(1)
from tokeff.media.dispatch import decode
from tokeff.records.items import Item
from tokeff.records.signals import LongAudioSignal
from tokeff.tokenizers.registry import Registry

def through(path):
    signal = decode(Item(modality="audio", key=path, stored_bytes=1, open=lambda: open(path, "rb")))
    (tokens,) = tokenizer.encode([signal])
    (copy,) = tokenizer.decode([tokens], [signal.header])
    return signal, tokens, sum(block.shape[1] for block in copy.blocks())

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

folder, short, long = sys.argv[1:]
tokenizer = Registry.load().open(f"rvq:{folder}?n_codebooks=2&chunk_seconds=2")
through(short)
before = peak()
signal, tokens, n_copied = through(long)
facts = {"grown": peak() - before, "positions": tokens.counts.n_positions, "copied": n_copied}
print(json.dumps({**facts, "read_later": isinstance(signal, LongAudioSignal)}))
"""


def write(path: Path, minutes: int) -> None:
    second = (8000 * np.sin(np.arange(RATE_HZ) / 7)).astype(np.int16)[:, None].repeat(2, axis=1)
    with soundfile.SoundFile(path, "w", samplerate=RATE_HZ, channels=2, subtype="PCM_16") as sound:
        for place in range(60 * minutes):
            sound.write(second // (1 + place % 5))


def test_minutes_cost_the_memory_of_one(folders: dict[str, Path], tmp_path: Path) -> None:
    short, long = tmp_path / "short.wav", tmp_path / "long.wav"
    write(short, 1)
    write(long, MINUTES)
    command = [sys.executable, "-c", PROGRAM, str(folders["dac"]), str(short), str(long)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    n_samples = MINUTES * 60 * RATE_HZ
    assert found["read_later"]
    assert found["copied"] == n_samples
    assert found["positions"] == MINUTES * 60 * 16_000 // 512  # chunks are cut at whole frames
    assert 2 * n_samples * 2 * 4 > BOUND_BYTES  # the original and its copy
    assert found["grown"] < BOUND_BYTES
