"""tokeff's shipped audio codec: rate and distortion beside Opus, on speech and on music, and its speed.

Run: python benchmarks/bench_audio_codec.py SHARED [--out benchmarks/results/audio_codec.json] [--device cpu]
     python benchmarks/bench_audio_codec.py FOLDER --codec rvq:DIR --out other.json
     python benchmarks/bench_audio_codec.py SHARED --anchors: only the table of anchors, beside what the file has

Anchors: tokeff's codec at four points, Opus at 6 to 64 kbit/s, FLAC, mu-law at 8 kHz and 16-bit samples resampled to
8 and 16 kHz, in all measures of sound, on the first ten utterances of speech (two of each speaker) and on 30 s of each
other recording. A figure that a recording does not have is left out of the mean; where none has it, it is null.

Rate: the codec's is its capacity (log2 of its ids) per second. Opus' is what its packets really have, without the byte
that says how long each is. At each operating point Opus has the lowest of its settings whose real rate is not below the
codec's, so that it never has fewer bits; below its lowest setting (6 kbit/s, RFC 6716) it has that one.

Figures are means over recordings: SI-SDR (more is better), log-mel distance (less is better), both against the file.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tokeff.engine.environment import library_versions, machine
from tokeff.maths.distortion import si_sdr_db
from tokeff.maths.mel import log_mel_distance_db
from tokeff.measures.sound import SOUND_FIGURES, compare_sound
from tokeff.media.audio import decode, decode_bytes, encode
from tokeff.records.signals import AudioSignal
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.registry import Registry

CODEC = "rvq-12k"
CODEBOOKS = (6, 8, 12, 18, 24, 30, 36, 42, 48)
OPUS_TARGETS = (6000, 6500, 7000, 7500, 8000, 8500, 9000, 9500, 10000, 10500, 11000, 11500, 12000, 12500, 13000, 14000)
ANCHORS = (
    *("rvq-2k", "rvq-3k", "rvq-6k", "rvq-12k"),
    *("opus-6k", "opus-12k", "opus-16k", "opus-24k", "opus-32k", "opus-48k", "opus-64k"),
    *("mulaw-8k", "pcm-16k?sample_rate=8000", "pcm-16k", "flac"),
)
ANCHOR_SECONDS = 30
SUFFIXES = {".flac", ".ogg", ".wav", ".mp3", ".opus"}


def load(folder: Path, *, deep: bool = True) -> list[AudioSignal]:
    """The recordings below a folder, or only those directly in it."""
    found = []
    for path in sorted(folder.rglob("*") if deep else folder.iterdir()):
        if path.suffix in SUFFIXES:
            with path.open("rb") as stream:
                found.append(decode(stream))
    return found


def seconds_of(signals: Sequence[AudioSignal]) -> float:
    return sum(each.header.n_samples / each.header.sample_rate_hz for each in signals)


def distortion(signals: Sequence[AudioSignal], copies: Sequence[AudioSignal]) -> dict[str, float]:
    """Means over recordings."""
    pairs = [
        (each.samples, copy.samples, each.header.sample_rate_hz) for each, copy in zip(signals, copies, strict=True)
    ]
    ratios = [si_sdr_db(original, copy).value for original, copy, _ in pairs]
    distances = [log_mel_distance_db(*pair).value for pair in pairs]
    return {
        "si_sdr_db": round(statistics.mean(value for value in ratios if value is not None), 3),
        "log_mel_distance_db": round(statistics.mean(value for value in distances if value is not None), 3),
    }


def of_codec(spec: str, signals: Sequence[AudioSignal], n_codebooks: int, device: str) -> dict[str, Any]:
    """Rate, distortion, and how many times faster than real time."""
    tokenizer: Any = Registry.load().open(f"{spec}?n_codebooks={n_codebooks}", device=device)
    start = time.perf_counter()
    tokens = [each for signal in signals for each in tokenizer.encode([signal])]
    middle = time.perf_counter()
    copies = [
        copy for each, signal in zip(tokens, signals, strict=True) for copy in tokenizer.decode([each], [signal.header])
    ]
    end = time.perf_counter()
    bits = sum(each.counts.n_tokens for each in tokens) * math.log2(tokenizer.codebook_sizes[0])
    seconds = seconds_of(signals)
    return {
        "n_codebooks": n_codebooks,
        "bits_per_second": round(bits / seconds),
        **distortion(signals, copies),
        "times_real_time": {
            "encode": round(seconds / (middle - start), 1),
            "decode": round(seconds / (end - middle), 1),
        },
    }


def of_opus(signals: Sequence[AudioSignal], target: int) -> dict[str, Any]:
    """Real rate and distortion at a target."""
    data = [encode(each, "opus", bitrate_bits_per_second=target) for each in signals]
    copies = [decode_bytes(each, "opus", signal.header) for each, signal in zip(data, signals, strict=True)]
    n_bytes = sum(map(packet_bytes, data))
    return {
        "target": target,
        "bits_per_second": round(8 * n_bytes / seconds_of(signals)),
        **distortion(signals, copies),
    }


def packet_bytes(data: bytes) -> int:
    """Bytes of packets in self-delimited framing (RFC 6716, appendix B), without those that say how long each is."""
    place = total = 0
    while place < len(data):
        n, n_said = data[place + 1], 1
        if n >= 252:
            n, n_said = n + 4 * data[place + 2], 2
        total += 1 + n
        place += 1 + n_said + n
    return total


def table(spec: str, signals: Sequence[AudioSignal], device: str) -> list[dict[str, Any]]:
    """Each operating point, and the Opus that has at least as many bits."""
    anchors = [of_opus(signals, target) for target in OPUS_TARGETS]
    rows = []
    for n_codebooks in CODEBOOKS:
        ours = of_codec(spec, signals, n_codebooks, device)
        enough = [each for each in anchors if each["bits_per_second"] >= ours["bits_per_second"]]
        rows.append({"codec": ours, "opus": min(enough, key=lambda each: each["bits_per_second"])})
        print(json.dumps(rows[-1]), flush=True)
    return rows


def subset(parts: Mapping[str, Sequence[AudioSignal]]) -> dict[str, list[AudioSignal]]:
    """Every fifth utterance of speech; the beginnings of the other recordings."""
    kept: dict[str, list[AudioSignal]] = {}
    for name, signals in parts.items():
        kept[name] = list(signals[::5]) if len(signals) > 20 else [beginning(each) for each in signals]
    return kept


def beginning(signal: AudioSignal) -> AudioSignal:
    n = min(signal.header.n_samples, ANCHOR_SECONDS * signal.header.sample_rate_hz)
    return AudioSignal(header=replace(signal.header, n_samples=n), samples=signal.samples[:, :n].contiguous())


def bits_of(spec: str, tokens: Tokens, n_codes: int) -> float:
    """Capacity of the ids; of Opus without the bytes that say how long packets are."""
    if spec.startswith("opus"):
        return 8 * packet_bytes(tokens.streams[0].astype(np.uint8).tobytes())
    return tokens.counts.n_tokens * math.log2(n_codes)


def anchor(spec: str, signals: Sequence[AudioSignal], device: str) -> dict[str, Any]:
    """Real rate, and the mean of each figure over the recordings that have it."""
    tokenizer: Any = Registry.load().open(spec, device=device)
    n_bits, found = 0.0, []
    for signal in signals:
        (tokens,) = tokenizer.encode([signal])
        (copy,) = tokenizer.decode([tokens], [signal.header])
        n_bits += bits_of(spec, tokens, tokenizer.codebook_sizes[0])
        found.append(compare_sound(signal, copy, lambda original, other: None)[1])
    row: dict[str, Any] = {"tokenizer": spec, "bits_per_second": round(n_bits / seconds_of(signals))}
    for name in SOUND_FIGURES:
        values = [value for each in found if (value := each[name].value) is not None]
        reasons = sorted({reason for each in found if (reason := each[name].reason) is not None})
        row[name] = round(statistics.mean(values), 3) if values else None
        row |= {f"{name}_absent": reasons} if reasons else {}
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder with corpora/audio/eval, or with recordings")
    parser.add_argument("--codec", default=CODEC, help="card or specification")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "audio_codec.json")
    parser.add_argument("--anchors", action="store_true", help="only the table of anchors")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    corpus = arguments.shared / "corpora" / "audio" / "eval"
    parts = {"recordings": load(arguments.shared)} if not corpus.is_dir() else {
        "speech": load(corpus / "librispeech"), "music and whale": load(corpus, deep=False)
    }  # fmt: skip
    made = {"machine": machine(), "libraries": library_versions(), "device": arguments.device}
    results: dict[str, Any] = json.loads(arguments.out.read_text("utf-8")) if arguments.anchors else dict(made)
    for name, signals in {} if arguments.anchors else parts.items():
        print(f"{name}: {len(signals)} recordings, {seconds_of(signals):.0f} s", flush=True)
        results[name] = table(arguments.codec, signals, arguments.device)
    tables = {
        name: {
            "n_recordings": len(signals),
            "seconds": round(seconds_of(signals), 1),
            "rows": [anchor(spec, signals, arguments.device) for spec in ANCHORS],
        }
        for name, signals in subset(parts).items()
    }
    results["anchors"] = {**made, **tables}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
