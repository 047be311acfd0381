"""Good and odd files through `tokeff.profile`: everything is counted or quarantined, and the run says how."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import tokeff
from tokeff.records.signals import AudioSignal

Recording = Callable[..., AudioSignal]


def test_a_corpus_is_measured(folders: dict[str, Path], recording: Recording, tmp_path: Path) -> None:
    corpus, run = tmp_path / "corpus", tmp_path / "run"
    corpus.mkdir()
    for seed, (n, rate_hz, n_channels) in enumerate([(8000, 16_000, 1), (30_000, 44_100, 2), (12_000, 24_000, 1)]):
        signal = recording(n, rate_hz, n_channels, seed)
        soundfile.write(corpus / f"{seed}.wav", signal.samples.numpy().T, rate_hz)
    soundfile.write(corpus / "silence.wav", np.zeros(9000), 16_000, subtype="PCM_24")
    soundfile.write(corpus / "ten.wav", np.full(10, 0.5), 16_000, subtype="PCM_U8")
    whole = (corpus / "0.wav").read_bytes()
    (corpus / "cut.wav").write_bytes(whole[:-999])
    (corpus / "header.wav").write_bytes(b"RIFF" + bytes(40) + whole[44:])
    spec = f"rvq:{folders['dac']}?n_codebooks=2"
    profile = tokeff.profile(corpus, tokenizers=[spec, "opus-6k", "pcm-16k"], out=run, report=False, device="cpu")

    assert (profile.n_in, profile.n_ok, profile.n_err) == (7, 4, 3)
    measured: dict[str, Any] = {each.tokenizer: each for each in profile.measurements}
    assert measured[spec].n_items == 4
    assert measured[spec].n_tokens == 2 * measured[spec].n_positions
    assert measured[spec].raw_bytes == 2 * (8000 + 2 * 30_000 + 12_000 + 9000)
    assert measured[spec].distortion["n_si_sdr_silent"] == 1
    assert measured[spec].distortion["stft_distance"] > measured["pcm-16k"].distortion["stft_distance"]
    assert len(measured[spec].entropy["streams"]) == 2
    failed = [json.loads(line) for line in (run / "errors.jsonl").read_text().splitlines()]
    reasons = {(Path(each["key"]).name, each["reason"]) for each in failed}
    assert {("cut.wav", "truncated"), ("header.wav", "corrupt"), ("ten.wav", "too_short")} <= reasons
    facts = json.loads((run / "run.json").read_text())
    assert facts["inputs"][spec]["sample_rate"].startswith("16000 Hz, resampled by torchaudio")
    assert set(facts["inputs"]) == {spec}
