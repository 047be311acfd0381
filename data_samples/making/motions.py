"""Moving scenes: each gives the times of its frames in seconds, rising, and pictures uint8 [height, width, 3].

Leaves out codecs and containers (`clips`).
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from data_samples.making import pages, scenes
from data_samples.making.noise import Bytes, Floats, generator, power_field, to_bytes

WIDTH, HEIGHT = 320, 180
Frames = Iterator[tuple[float, Bytes]]


def _window(picture: Floats, x: float, y: float) -> Floats:
    """The part of a picture behind the camera, placed between pixels by linear interpolation."""
    (left, dx), (top, dy) = divmod(x, 1), divmod(y, 1)
    part = picture[int(top) : int(top) + HEIGHT + 1, int(left) : int(left) + WIDTH + 1]
    part = part[:-1] * (1 - dy) + part[1:] * dy
    return np.asarray(part[:, :-1] * (1 - dx) + part[:, 1:] * dx)


def leaves_pan(name: str, duration: float, fps: int) -> Frames:
    """The camera glides over leaves; nearer leaves glide twice as fast."""
    rng = generator(name)
    far = scenes.leaves(rng, HEIGHT + 60, WIDTH * 2, scenes.MEADOW, largest=60)
    near = scenes.leaves(rng, HEIGHT + 60, WIDTH * 3, scenes.AUTUMN, largest=80, n=900)
    cover = np.clip((power_field(rng, HEIGHT + 60, WIDTH * 3, 1.8) - 0.9) * 8, 0, 1)[..., None]
    for k in range(round(duration * fps)):
        x, y = 60 * k / fps, 20 + 18 * np.sin(1.1 * k / fps)
        front, mask = _window(near, 2 * x, y), _window(cover, 2 * x, y)
        yield k / fps, to_bytes(_window(far, x, y) * (1 - mask) + front * mask, rng, 0.006)


def pebbles_pan(name: str, duration: float, fps: int) -> Frames:
    """Pebbles under a camera that trembles in the hand."""
    rng = generator(name)
    ground = scenes.leaves(rng, HEIGHT + 60, WIDTH * 2, scenes.STONES, largest=70)
    for k in range(round(duration * fps)):
        x, y = 20 + 35 * k / fps + rng.uniform(-1.5, 1.5), 30 + rng.uniform(-1.5, 1.5)
        yield k / fps, to_bytes(_window(ground, x, y), rng, 0.008)


def lake_then_balls(name: str, duration: float, fps: int) -> Frames:
    """A slow pan over a lake, and after 2.4 s another place without warning."""
    rng = generator(name)
    lake = scenes.ridges(rng, HEIGHT + 40, WIDTH + 120)
    for k in range(round(duration * fps)):
        t = k / fps
        picture = _window(lake, 30 * t, 8 * t) if t < 2.4 else _table(name, 0.25 * (t - 2.4))
        yield t, to_bytes(picture, rng, 0.006)


def _table(name: str, angle: float) -> Floats:
    """The same balls each time, since their generator starts again."""
    return scenes.balls(generator(name), HEIGHT, WIDTH, angle=angle)


def balls_orbit(name: str, duration: float, fps: int) -> Frames:
    """A third of the way round a table, without grain."""
    for k in range(round(duration * fps)):
        yield k / fps, to_bytes(_table(name, 2.1 * k / fps / duration))


def dusk_zoom(name: str, duration: float, fps: int) -> Frames:
    """The lens closes in on the hills at dusk."""
    rng = generator(name)
    wide = Image.fromarray(to_bytes(scenes.ridges(rng, HEIGHT * 3, WIDTH * 3, dusk=True)))
    for k in range(round(duration * fps)):
        part = 0.95 * 0.8 ** (k / fps)
        left, top = (1 - part) * 0.5 * wide.width, (1 - part) * 0.35 * wide.height
        box = (left, top, left + part * wide.width, top + part * wide.height)
        yield k / fps, np.asarray(wide.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=box))


def clouds_drift(name: str, duration: float, fps: int) -> Frames:
    """Two decks of cloud that drift past each other: soft, and never still."""
    rng = generator(name)
    low, high = (power_field(rng, HEIGHT + 60, WIDTH * 2, slope) for slope in (1.6, 1.9))
    blue, white = np.asarray([0.30, 0.50, 0.78]), np.asarray([0.94, 0.95, 0.97])
    for k in range(round(duration * fps)):
        decks = _window(low, 40 * k / fps, 10) + _window(high, 90 - 15 * k / fps, 30)
        cover = np.clip(0.4 * decks + 0.35, 0, 1)[..., None]
        yield k / fps, to_bytes(blue * (1 - cover) + white * cover, rng, 0.004)


def lamps_pan(name: str, duration: float, fps: int) -> Frames:
    """Lamps at night out of focus, passing by."""
    rng = generator(name)
    street = scenes.bokeh(rng, HEIGHT + 20, WIDTH * 2, n=110)
    for k in range(round(duration * fps)):
        yield k / fps, to_bytes(_window(street, 70 * k / fps, 8), rng, 0.01)


def night_grain(name: str, duration: float, fps: int) -> Frames:
    """A still scene, tall, that only the noise of the sensor moves."""
    rng = generator(name)
    still = scenes.bokeh(rng, WIDTH, HEIGHT)
    for k in range(round(duration * fps)):
        yield k / fps, to_bytes(still, rng, 0.05)


def page_scroll(name: str, words: str, duration: float, fps: int) -> Frames:
    """A page of text that is scrolled in jerks: quick, then still."""
    page = np.asarray(pages.text_page(words, WIDTH, HEIGHT * 5, size=12))
    for k in range(round(duration * fps)):
        jerk, rest = divmod(k / fps, 1.0)
        top = round(110 * (jerk + min(1.0, rest / 0.3)))
        yield k / fps, page[top : top + HEIGHT]


def typing(name: str, source: str, duration: float) -> Frames:
    """An editor that is drawn again at each stroke: quick runs, then thought. No fixed rate."""
    rng = generator(name)
    t, n_characters = 0.0, 90
    while t < duration:
        yield t, np.asarray(pages.screen(source, WIDTH * 2, HEIGHT * 2, n_characters=n_characters))
        n_characters += int(rng.integers(1, 5))
        t += 1.2 if rng.random() < 0.03 else float(rng.uniform(0.05, 0.2))
