"""The committed samples are the ones that the manifest lists, varied enough to show a profile on, and small."""

import hashlib
import tomllib
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from PIL import Image, ImageOps

ROOT = Path(__file__).parents[2] / "data_samples"
KINDS = ("text", "code", "image", "audio", "video")


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, Any]]:
    samples: list[dict[str, Any]] = tomllib.loads((ROOT / "MANIFEST.toml").read_text("utf-8"))["sample"]
    return samples


def test_manifest_lists_every_file_once(manifest: list[dict[str, Any]]) -> None:
    listed = Counter(sample["path"] for sample in manifest)
    there = {p.relative_to(ROOT).as_posix() for kind in KINDS for p in (ROOT / kind).iterdir() if p.is_file()}
    assert set(listed) == there
    assert set(listed.values()) == {1}


def test_sizes_and_hashes_are_those_of_the_files(manifest: list[dict[str, Any]]) -> None:
    for sample in manifest:
        content = (ROOT / sample["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (sample["bytes"], sample["sha256"]), sample[
            "path"
        ]
        assert sample["kind"] == sample["path"].split("/")[0]
        assert sample["licence"] == "CC0-1.0"
        assert sample["description"]


def test_every_modality_has_enough_items_for_an_interval_and_all_are_small(manifest: list[dict[str, Any]]) -> None:
    n_items = Counter(sample["kind"] for sample in manifest)
    assert min(n_items[kind] for kind in ("text", "image", "audio", "video")) >= 10
    assert sum(sample["bytes"] for sample in manifest) < 6_000_000


def test_texts_are_in_many_scripts_and_all_different() -> None:
    texts = [p.read_bytes().decode("utf-8") for p in sorted((ROOT / "text").iterdir())]
    scripts = Counter(_script(text) for text in texts)
    assert set(scripts) >= {"LATIN", "GREEK", "CYRILLIC", "ARABIC", "DEVANAGARI", "CJK", "HIRAGANA", "HANGUL", "THAI"}
    paragraphs = [part for text in texts for part in text.split("\n\n") if len(part) > 100]
    assert len(paragraphs) == len(set(paragraphs)) >= 4 * len(texts)
    assert all(unicodedata.is_normalized("NFC", text) and 2000 <= len(text.encode()) <= 6000 for text in texts)


def _script(text: str) -> str:
    """The first word of the name of the most frequent kind of letter."""
    return Counter(unicodedata.name(c).split()[0] for c in text if c.isalpha()).most_common(1)[0][0]


def test_pictures_cover_what_readers_must_cope_with() -> None:
    kinds, modes = set(), set()
    for path in sorted((ROOT / "image").iterdir()):
        with Image.open(path) as picture:
            kinds.add(picture.format)
            modes.add(picture.mode)
    assert kinds == {"PNG", "JPEG", "WEBP"}
    assert modes == {"RGB", "L", "RGBA"}


def test_the_turned_picture_is_upright_once_its_tag_is_obeyed() -> None:
    with Image.open(ROOT / "image" / "balls_turned.jpg") as turned:
        shown = ImageOps.exif_transpose(turned)
        assert (turned.size, shown.size) == ((640, 480), (480, 640))
    # The wall above is cool, the table below is warm: the turn is the right one.
    red_over_blue = np.asarray(shown, dtype=np.float64)[..., 0] / (np.asarray(shown, dtype=np.float64)[..., 2] + 1)
    assert red_over_blue[:80].mean() < 1 < red_over_blue[-80:].mean()


@pytest.mark.parametrize("name", ["leaves_autumn.png", "leaves_meadow.jpg", "stones.webp", "clouds_grey.png"])
def test_scenes_have_the_spectrum_of_photographs(name: str) -> None:
    """Amplitude falls about as 1/f, with exponents of 0.6 to 1.6 (Tolhurst, Tadmor & Chao, 1992)."""
    with Image.open(ROOT / "image" / name) as picture:
        grey = np.asarray(picture.convert("L"), dtype=np.float64)
    height, width = grey.shape
    window = np.hanning(height)[:, None] * np.hanning(width)[None, :]
    amplitude = np.abs(np.fft.rfft2((grey - grey.mean()) * window))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    edges = np.geomspace(0.015, 0.3, 12)
    inside = [(frequency >= low) & (frequency < high) for low, high in pairwise(edges)]
    points = np.log([(frequency[ring].mean(), amplitude[ring].mean()) for ring in inside])
    slope = np.polyfit(points[:, 0], points[:, 1], 1)[0]
    assert -1.7 < slope < -0.6


def test_recordings_differ_in_rate_channels_and_format_and_none_is_silent_or_clipped() -> None:
    infos = [soundfile.info(p) for p in sorted((ROOT / "audio").iterdir())]
    assert {info.samplerate for info in infos} == {16000, 22050, 24000, 44100, 48000}
    assert {info.channels for info in infos} == {1, 2}
    assert {info.subtype for info in infos} == {"PCM_16", "VORBIS", "OPUS"}
    assert all(1.0 <= info.duration <= 6.0 for info in infos)
    for path in sorted((ROOT / "audio").iterdir()):
        levels, _ = soundfile.read(path)
        assert 0.5 < np.abs(levels).max() < 0.99, path.name
        assert np.sqrt((levels**2).mean()) > 0.03, path.name


def test_voices_have_the_rhythm_of_syllables() -> None:
    """Speech is modulated most at 2 to 9 Hz (Greenberg et al., 2003); surf and a motor are not."""
    assert _syllabic_share("voice_low.flac") > 0.45
    assert _syllabic_share("surf.ogg") < 0.2
    assert _syllabic_share("motor.flac") < 0.2


def _syllabic_share(name: str) -> float:
    """The part of the loudness' modulation above 0.5 Hz that lies at 2 to 9 Hz."""
    levels, rate = soundfile.read(ROOT / "audio" / name, always_2d=True)
    frame = rate // 50
    loudness = np.sqrt((levels[: len(levels) // frame * frame, 0].reshape(-1, frame) ** 2).mean(axis=1))
    spectrum = np.abs(np.fft.rfft((loudness - loudness.mean()) * np.hanning(len(loudness)))) ** 2
    rhythm_hz = np.fft.rfftfreq(len(loudness), 1 / 50)
    return float(spectrum[(rhythm_hz > 2) & (rhythm_hz < 9)].sum() / spectrum[rhythm_hz > 0.5].sum())


def test_a_voice_has_a_pitch() -> None:
    levels, rate = soundfile.read(ROOT / "audio" / "voice_low.flac")
    echo = np.fft.irfft(np.abs(np.fft.rfft(levels, 2 * len(levels))) ** 2)
    lags = np.arange(rate // 250, rate // 60)
    assert 90 < rate / lags[echo[lags].argmax()] < 145


def test_clips_differ_in_codec_timing_and_key_frames() -> None:
    seen = {p.name: _clip(p) for p in sorted((ROOT / "video").iterdir())}
    assert {clip["codec"] for clip in seen.values()} == {"h264", "vp9"}
    assert all(2.0 <= clip["times"][-1] + 0.1 <= 6.2 for clip in seen.values())
    assert [name for name, clip in seen.items() if clip["n_audio"]] == ["two_scenes.mp4"]
    assert seen["two_scenes.mp4"]["n_keys"] >= 10 > seen["leaves_pan.mp4"]["n_keys"]
    uneven = [name for name, clip in seen.items() if np.ptp(np.diff(clip["times"])) > 0.01]
    assert uneven == ["typing.mkv"]


def _clip(path: Path) -> dict[str, Any]:
    with av.open(path) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        stream = container.streams.video[0]
        times = sorted(float(p.pts * p.time_base) for p in packets if p.pts is not None)
        n_keys = sum(p.is_keyframe for p in packets)
        n_audio = len(container.streams.audio)
        return {"codec": stream.codec_context.name, "times": times, "n_keys": n_keys, "n_audio": n_audio}


def test_the_cut_is_where_it_is_said_to_be() -> None:
    with av.open(ROOT / "video" / "two_scenes.mp4") as container:
        frames = np.stack([f.to_ndarray(format="gray")[::4, ::4] for f in container.decode(video=0)]).astype(np.float64)
    change = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    assert int(change.argmax()) + 1 == round(2.4 * 25)
    assert change.max() > 5 * np.sort(change)[-2]
