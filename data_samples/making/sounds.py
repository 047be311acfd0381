"""Sounds built from their physics: voices, plucked strings, drums, bells, rain, surf, insects, an engine.

Voices are source and filter: the harmonics of a gliding pitch, weighted by the resonances of a vowel that moves, and
bands of noise for consonants. Strings are Karplus & Strong (1983). Every sound is float [samples]; `played` makes a
recording of it. Leaves out formats (`recordings`).
"""

import numpy as np

from data_samples.making.noise import Floats, power_line

# Formants in Hz of five vowels (Peterson & Barney, 1952, men, rounded), with two more that keep speech bright.
VOWELS = {
    "i": (270, 2290, 3010, 3600, 4500),
    "e": (530, 1840, 2480, 3500, 4500),
    "a": (730, 1090, 2440, 3400, 4500),
    "o": (570, 840, 2410, 3400, 4500),
    "u": (300, 870, 2240, 3300, 4500),
}
_WIDTHS = (70, 90, 120, 180, 250)


def seconds(duration: float, rate: int) -> Floats:
    """Times of the samples in seconds."""
    return np.arange(round(duration * rate)) / rate


def band_noise(rng: np.random.Generator, n: int, rate: int, low: float, high: float) -> Floats:
    """Noise [n] between two frequencies in Hz with soft edges; variance 1."""
    frequency = np.fft.rfftfreq(n, 1 / rate)
    gain = 1 / (1 + (low / np.maximum(frequency, 1)) ** 6) / (1 + (frequency / high) ** 6)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * gain, n)
    return np.asarray(noise / noise.std())


def voice(rng: np.random.Generator, duration: float, rate: int, pitch_hz: float) -> Floats:
    """Speech-like sound of no language: syllables of consonant and vowel, in phrases with a falling pitch."""
    t = seconds(duration, rate)
    starts, lengths, rests = _syllables(rng, duration)
    names = list(VOWELS)
    vowels = np.asarray([VOWELS[names[k]] for k in rng.integers(0, len(names), len(starts))], dtype=np.float64)
    # A vowel is held for most of its syllable and glides into the next.
    knots = np.stack([starts + 0.25 * lengths, starts + 0.75 * lengths], axis=1).ravel()
    formants = np.stack([np.interp(t, knots, vowels[:, k].repeat(2)) for k in range(5)])
    declination = 1.12 - 0.25 * ((t % 2.2) / 2.2)
    accents = np.interp(t, starts + 0.4 * lengths, rng.uniform(0.88, 1.22, len(starts)))
    pitch = pitch_hz * declination * accents * (1 + 0.006 * power_line(rng, len(t), 1.0))

    sounding = np.zeros_like(t)
    noise = np.zeros_like(t)
    for start, length, rest in zip(starts, lengths, rests, strict=True):
        x = (t - start) / length
        sounding += np.clip(x / 0.2, 0, 1) * np.clip((1.0 - x) / 0.25, 0, 1) * (1 - rest) * rng.uniform(0.7, 1.0)
        noise += _consonant(rng, t, start, length, rate) * (1 - rest)
    return _voiced(rng, pitch, formants, rate) * sounding + 0.3 * noise


def _syllables(rng: np.random.Generator, duration: float) -> tuple[Floats, Floats, Floats]:
    """Starts and lengths in seconds (about five a second), and 1 where there is a pause."""
    lengths = rng.gamma(16, 0.2 / 16, int(duration / 0.2) + 8)
    starts = np.concatenate([[0.08], 0.08 + lengths.cumsum()[:-1]])
    keep = starts + lengths < duration
    rests = (np.arange(len(starts)) % 9 == 8).astype(np.float64)
    return starts[keep], lengths[keep], rests[keep]


def _consonant(rng: np.random.Generator, t: Floats, start: float, length: float, rate: int) -> Floats:
    kind = rng.integers(0, 4)
    top = rate * 0.46
    low, high = [(min(3800, top * 0.5), top), (1800, min(5200, top)), (400, min(3000, top)), (0, 0)][kind]
    if high == 0:
        return np.zeros_like(t)
    x = (t - start) / (length * (0.35 if kind < 2 else 0.1))
    shape = np.clip(x / 0.3, 0, 1) * np.clip((1 - x) / 0.4, 0, 1)
    return band_noise(rng, len(t), rate, low, high) * shape * (1.0 if kind < 2 else 1.8)


def _voiced(rng: np.random.Generator, pitch: Floats, formants: Floats, rate: int) -> Floats:
    """Harmonics of `pitch` [samples] under the resonances `formants` [5, samples], with a breath of noise."""
    # The mouth moves slowly: resonances are worked out for every 32nd sample and drawn through.
    knots = np.arange(0, len(pitch) + 32, 32).clip(max=len(pitch) - 1)
    slow_pitch, slow_formants = pitch[knots], formants[:, knots]
    turn = np.exp(2j * np.pi * pitch.cumsum() / rate)
    wave, total = np.ones_like(turn), np.zeros_like(pitch)
    for harmonic in range(1, int(rate * 0.45 / pitch.min()) + 1):
        frequency = harmonic * slow_pitch
        gain = np.where(frequency < rate * 0.46, 1 / harmonic, 0.0)
        for centre, width in zip(slow_formants, _WIDTHS, strict=True):
            gain *= centre**2 / np.hypot(centre**2 - frequency**2, width * frequency)
        # The glottis falls by 12 dB and the lips rise by 6 dB an octave: 1 / harmonic.
        wave *= turn
        total += np.interp(np.arange(len(pitch)), knots, gain) * wave.imag
    return np.asarray(total / total.std() + 0.02 * band_noise(rng, len(pitch), rate, 300, rate * 0.4))


def pluck(rng: np.random.Generator, duration: float, rate: int, pitch_hz: float, damping: float = 0.996) -> Floats:
    """A plucked string: a period of noise that goes round and is smoothed each time."""
    period = round(rate / pitch_hz - 0.5)
    rounds = int(duration * rate / period) + 2
    ring = np.empty((rounds, period))
    ring[0] = band_noise(rng, period, rate, 20, rate * 0.2)
    for k in range(1, rounds):
        before = np.concatenate([ring[k - 2, -1:] if k > 1 else ring[0, -1:], ring[k - 1, :-1]])
        ring[k] = damping * (ring[k - 1] + before) / 2
    return ring.ravel()[: round(duration * rate)]


def chord(rng: np.random.Generator, duration: float, rate: int, pitches_hz: list[float]) -> Floats:
    """A soft organ chord: eight harmonics to a note, slightly out of tune, swelling slowly."""
    t = seconds(duration, rate)
    total = np.zeros_like(t)
    for pitch in pitches_hz:
        for harmonic in range(1, 9):
            detune = 1 + rng.normal(0, 0.0008)
            total += np.sin(2 * np.pi * pitch * harmonic * detune * t + rng.uniform(0, 6.28)) / harmonic**1.5
    return total * np.clip(t / 0.15, 0, 1) * np.clip((duration - t) / 0.3, 0, 1)


def bell(rng: np.random.Generator, duration: float, rate: int, pitch_hz: float) -> Floats:
    """A cracked bell: inharmonic partials in close pairs that beat, the high ones dying first."""
    t = seconds(duration, rate)
    total = np.zeros_like(t)
    for ratio, weight in [(0.5, 0.6), (1.0, 1.0), (1.19, 0.7), (1.5, 0.5), (2.0, 0.8), (2.74, 0.4), (3.76, 0.3)]:
        for crack in (1.0, 1 + rng.uniform(0.002, 0.008)):
            total += weight * np.exp(-t * (0.8 + ratio)) * np.sin(2 * np.pi * pitch_hz * ratio * crack * t)
    return total


def drums(rng: np.random.Generator, duration: float, rate: int, tempo: float = 112.0) -> Floats:
    """Kick on one and three, snare on two and four, hat on every half beat."""
    t = seconds(duration, rate)
    total = np.zeros_like(t)
    half = 30.0 / tempo
    for step in range(int(duration / half)):
        x = np.maximum(t - step * half, 0)
        on = t >= step * half
        total += on * np.exp(-x * 70) * band_noise(rng, len(t), rate, 6000, rate * 0.45) * 0.25
        if step % 4 == 0:
            total += on * np.exp(-x * 9) * np.sin(2 * np.pi * (48 * x + 6 * (1 - np.exp(-x * 30)))) * 1.4
        if step % 4 == 2:
            hit = 0.6 * band_noise(rng, len(t), rate, 900, 8000) + 0.6 * np.sin(2 * np.pi * 185 * x)
            total += on * np.exp(-x * 18) * hit
    return total


def rain(rng: np.random.Generator, duration: float, rate: int) -> Floats:
    """A hiss of far drops and the ticks of near ones."""
    n = round(duration * rate)
    ticks = (rng.random(n) < 60 / rate) * rng.gamma(0.7, 1.0, n)
    drop = np.exp(-seconds(0.01, rate) * 700) * np.sin(2 * np.pi * 2600 * seconds(0.01, rate))
    return band_noise(rng, n, rate, 500, rate * 0.4) + 2.5 * np.convolve(ticks, drop)[:n]


def surf(rng: np.random.Generator, duration: float, rate: int) -> Floats:
    """Waves that break every three seconds over a low wind."""
    t = seconds(duration, rate)
    swell = np.clip(np.sin(2 * np.pi * t / 3.1), 0, 1) ** 2
    wind = band_noise(rng, len(t), rate, 40, 300) * (0.5 + 0.2 * power_line(rng, len(t), 1.5))
    spray = band_noise(rng, len(t), rate, 1500, 9000) * swell**2
    return np.asarray(band_noise(rng, len(t), rate, 150, 1500) * swell + 0.5 * spray + wind)


def crickets(rng: np.random.Generator, duration: float, rate: int) -> Floats:
    """Four insects, each with its own tone and rhythm, over a quiet night."""
    t = seconds(duration, rate)
    total = 0.03 * power_line(rng, len(t), 1.0)
    for _ in range(4):
        tone, rhythm, start = rng.uniform(3600, 5600), rng.uniform(1.6, 2.8), rng.random()
        chirp = ((t * rhythm + start) % 1 < 0.35) * np.clip(np.sin(2 * np.pi * 32 * t), 0, 1)
        total += rng.uniform(0.2, 0.6) * chirp * np.sin(2 * np.pi * tone * t)
    return total


def engine(rng: np.random.Generator, duration: float, rate: int) -> Floats:
    """A boat's motor that speeds up: thirty harmonics of the firing rate, uneven from stroke to stroke."""
    t = seconds(duration, rate)
    firing = 22 + 14 * t / duration + 0.6 * power_line(rng, len(t), 1.2)
    phase = 2 * np.pi * firing.cumsum() / rate
    weights = rng.uniform(0.3, 1.0, 30) / np.arange(1, 31) ** 0.6
    total = sum((w * np.sin(k * phase + rng.uniform(0, 6.28)) for k, w in enumerate(weights, 1)), np.zeros_like(t))
    return np.asarray(total + 0.4 * band_noise(rng, len(t), rate, 200, 2500))


def played(rng: np.random.Generator, sound: Floats, rate: int, *, room: float = 0.0, floor_db: float = -62.0) -> Floats:
    """A recording [samples] of a sound: the echo of a room (0 none, 1 a church), noise of the device, peak at -3 dB."""
    if room > 0:
        tail = np.exp(-seconds(0.6, rate) * 8 / room) * band_noise(rng, round(0.6 * rate), rate, 150, 5000)
        n = len(sound) + len(tail)
        echo = np.fft.irfft(np.fft.rfft(sound, n) * np.fft.rfft(tail, n), n)[: len(sound)]
        sound = sound + 0.5 * room * echo * sound.std() / echo.std()
    sound = sound / np.abs(sound).max() * 10 ** (-3 / 20)
    return np.asarray(np.clip(sound + 10 ** (floor_db / 20) * rng.standard_normal(len(sound)), -1, 1))
