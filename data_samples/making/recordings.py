"""The list of sample recordings: what is heard, at which rate, in how many channels, and in which format it is stored.

Leaves out how a sound is built (`sounds`).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from data_samples.making import sounds
from data_samples.making.noise import Floats, generator

Sample = tuple[str, int, Floats, str]
"""File name, rate in Hz, levels [channels, samples] of -1..1, description."""
_FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS"), ".opus": ("OGG", "OPUS")}
# A minor pentatonic scale, in Hz.
SCALE = (110.0, 130.81, 146.83, 164.81, 196.0, 220.0, 261.63, 293.66, 329.63, 392.0, 440.0)


def write_recordings(folder: Path) -> Iterator[tuple[str, str]]:
    """Write every recording into `folder`; yields (file name, description)."""
    for name, rate, levels, description in (*_voices(), *_music(), *_surroundings()):
        container, subtype = _FORMATS[Path(name).suffix]
        soundfile.write(folder / name, to_pcm(levels).T, rate, format=container, subtype=subtype)
        yield name, description


def to_pcm(levels: Floats) -> NDArray[np.int16]:
    """Levels -1..1 as 16-bit samples, same shape."""
    return np.asarray(np.round(levels * 32767).astype(np.int16))


def _voices() -> Iterator[Sample]:
    name, rate = "voice_low.flac", 16000
    rng = generator(name)
    yield (
        name,
        rate,
        sounds.played(rng, sounds.voice(rng, 4.0, rate, 115), rate, room=0.2)[None],
        "a low voice, near by",
    )
    name, rate = "voice_high.ogg", 24000
    rng = generator(name)
    yield name, rate, sounds.played(rng, sounds.voice(rng, 5.0, rate, 205), rate)[None], "a high voice, Vorbis"
    name, rate = "voices_two.wav", 16000
    rng = generator(name)
    both = sounds.voice(rng, 3.0, rate, 125) + 0.8 * sounds.voice(rng, 3.0, rate, 190)
    yield name, rate, sounds.played(rng, both, rate, room=0.4)[None], "two voices at once"
    name, rate = "voice_hall.opus", 48000
    rng = generator(name)
    hall = sounds.played(rng, sounds.voice(rng, 4.0, rate, 140), rate, room=1.0, floor_db=-50)
    yield name, rate, hall[None], "a voice in a hall, Opus"


def _melody(rng: np.random.Generator, duration: float, rate: int, step: float) -> Floats:
    """Plucked notes [2, samples] of the scale, each somewhere between left and right."""
    total = np.zeros((2, round(duration * rate)))
    for k in range(int(duration / step)):
        start = round(k * step * rate)
        note = sounds.pluck(rng, duration - k * step, rate, SCALE[rng.integers(len(SCALE))])[: total.shape[1] - start]
        side = rng.uniform(0.2, 0.8)
        total[:, start : start + len(note)] += np.stack([(1 - side) * note, side * note])
    return total


def _stereo(rng: np.random.Generator, pair: Floats, rate: int, room: float) -> Floats:
    """Both channels played into the same room; the louder one sets the level."""
    loud = np.abs(pair).max(axis=1)
    return np.stack(
        [sounds.played(rng, side, rate, room=room) * peak / loud.max() for side, peak in zip(pair, loud, strict=True)]
    )


def _music() -> Iterator[Sample]:
    name, rate = "strings_plucked.flac", 44100
    rng = generator(name)
    yield name, rate, _stereo(rng, _melody(rng, 3.0, rate, 0.25), rate, 0.15), "a plucked melody, stereo"
    name, rate = "organ_chords.ogg", 48000
    rng = generator(name)
    bars = [[220.0, 261.63, 329.63], [174.61, 220.0, 261.63], [196.0, 246.94, 293.66], [164.81, 207.65, 246.94]]
    left, right = (np.concatenate([sounds.chord(rng, 1.5, rate, bar) for bar in bars]) for _ in range(2))
    yield name, rate, _stereo(rng, np.stack([left, right]), rate, 0.6), "four organ chords, stereo, Vorbis"
    name, rate = "drums.flac", 44100
    rng = generator(name)
    yield name, rate, sounds.played(rng, sounds.drums(rng, 2.2, rate), rate, room=0.05)[None], "a drum kit, one bar"
    name, rate = "bell_cracked.wav", 22050
    rng = generator(name)
    yield name, rate, sounds.played(rng, sounds.bell(rng, 2.5, rate, 392), rate, room=0.3)[None], "a cracked bell"
    name, rate = "song.flac", 24000
    rng = generator(name)
    song = 0.8 * sounds.voice(rng, 4.0, rate, 165) + 4.0 * _melody(rng, 4.0, rate, 0.4).sum(axis=0)
    yield name, rate, sounds.played(rng, song, rate, room=0.3)[None], "a voice over plucked strings"


def _surroundings() -> Iterator[Sample]:
    name, rate = "rain.flac", 22050
    rng = generator(name)
    yield name, rate, sounds.played(rng, sounds.rain(rng, 2.0, rate), rate)[None], "rain on a roof"
    name, rate = "surf.ogg", 44100
    rng = generator(name)
    pair = np.stack([sounds.surf(rng, 6.0, rate), sounds.surf(rng, 6.0, rate)])
    yield name, rate, _stereo(rng, pair, rate, 0.0), "surf and wind, stereo, Vorbis"
    name, rate = "crickets.wav", 24000
    rng = generator(name)
    yield name, rate, sounds.played(rng, sounds.crickets(rng, 2.0, rate), rate, floor_db=-55)[None], "crickets at night"
    name, rate = "motor.flac", 16000
    rng = generator(name)
    yield name, rate, sounds.played(rng, sounds.engine(rng, 3.0, rate), rate)[None], "a boat's motor speeding up"
