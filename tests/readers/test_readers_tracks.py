"""The sound of clips as items: what PyAV says of the same file is the oracle."""

import pickle
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

import tokeff
from tokeff.errors import TokeffError
from tokeff.media.dispatch import decode
from tokeff.readers.options import ReadOptions
from tokeff.readers.parts import items, parts
from tokeff.records.items import Failure, Item
from tokeff.records.signals import AudioSignal, VideoSignal

PROGRAM = [sys.executable, "-c", "from tokeff.cli import main; main()"]
N_FRAMES, RATE, SAMPLE_RATE = 40, 20, 48_000


def write_clip(path: Path, *, sound: bool) -> None:
    """Two seconds of a drifting ramp, with a tone of its own length where `sound`."""
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        tone = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if sound else None
        for place in range(N_FRAMES):
            pixels = np.broadcast_to(((np.arange(64) + place) * 3 % 256).astype(np.uint8)[:, None], (48, 64, 3))
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        container.mux(video.encode(None))
        if tone is not None:
            wave = (0.3 * np.sin(np.arange(2 * SAMPLE_RATE) * 2 * np.pi * 440 / SAMPLE_RATE)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, 0
            for part in (frame, None):
                container.mux(tone.encode(part))


def found_in(folder: Path, *, audio_track: bool = True) -> dict[str, Item | Failure]:
    options = ReadOptions(audio_track=audio_track)
    return {one.key: one for part in parts([folder], options) for one in items(part, options)}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_clip(folder / "talkie.mp4", sound=True)
    write_clip(folder / "talkie.mkv", sound=True)
    write_clip(folder / "silent.mp4", sound=False)
    (folder / "note.txt").write_text("text is text")
    return folder


def test_a_clip_with_sound_is_two_items_that_share_its_bytes(corpus: Path) -> None:
    found = found_in(corpus)
    sounds = {"corpus/talkie.mkv#audio", "corpus/talkie.mp4#audio"}
    files = {"corpus/note.txt", "corpus/silent.mp4", "corpus/talkie.mkv", "corpus/talkie.mp4"}
    assert set(found) == files | sounds
    assert set(found_in(corpus, audio_track=False)) == files
    for name in ("talkie.mp4", "talkie.mkv"):
        clip, sound = found[f"corpus/{name}"], found[f"corpus/{name}#audio"]
        assert isinstance(clip, Item)
        assert isinstance(sound, Item)
        with av.open(corpus / name) as container:
            n_bytes = sum(packet.size for packet in container.demux(audio=0))
        assert sound.stored_bytes == n_bytes > 0
        assert clip.stored_bytes + sound.stored_bytes == (corpus / name).stat().st_size


def test_the_items_are_the_picture_and_the_sound(corpus: Path) -> None:
    found = found_in(corpus)
    clip, sound = (pickle.loads(pickle.dumps(found[f"corpus/talkie.mp4{more}"])) for more in ("", "#audio"))
    pictures, samples = decode(clip), decode(sound)
    assert isinstance(pictures, VideoSignal)
    assert isinstance(samples, AudioSignal)
    assert pictures.header.n_frames == N_FRAMES
    assert (samples.header.sample_rate_hz, samples.header.n_channels) == (SAMPLE_RATE, 1)
    assert abs(samples.header.n_samples - 2 * SAMPLE_RATE) <= 2048  # AAC pads to whole frames


def test_a_profile_measures_both(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["-t", "frames-1fps", "-t", "opus-24k", "--reconstruction", "off", "--no-report", "-o", str(out)]
    subprocess.run([*PROGRAM, "profile", str(corpus), "--audio-track", *options], check=True, capture_output=True)
    keys = pq.read_table(out / "items.parquet").column("key").to_pylist()
    assert sum(key.endswith("#audio") for key in keys) == 2
    profile = tokeff.profile(corpus, tokenizers=["frames-1fps", "opus-24k"], audio_track=True, reconstruction="off")
    by_name = {each.tokenizer: each for each in profile.measurements}
    assert by_name["frames-1fps"].n_items == 3
    assert by_name["opus-24k"].n_items == 2
    assert (profile.n_err, profile.n_in, profile.n_ignored) == (0, 5, 1)
    stored = sum(held.stored_bytes for held in profile.population.values())
    assert stored == sum(path.stat().st_size for path in corpus.iterdir())
    assert profile.run["arguments"]["audio_track"] is True


def test_a_clip_that_cannot_be_opened_stays_one_failure(corpus: Path) -> None:
    whole = (corpus / "talkie.mp4").read_bytes()
    (corpus / "talkie.mp4").write_bytes(whole[: len(whole) // 2])  # no moov: nothing says what the bytes are
    profile = tokeff.profile(corpus, tokenizers=["frames-1fps"], audio_track=True, reconstruction="off")
    assert profile.n_err == 1
    assert {failure.key for failure in profile.examples} == {"corpus/talkie.mp4"}


def test_sound_beside_one_modality_is_refused(corpus: Path) -> None:
    with pytest.raises(TokeffError, match="both clips and sound"):
        tokeff.profile(corpus, audio_track=True, modality="video")
