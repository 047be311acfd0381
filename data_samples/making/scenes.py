"""Scenes with the statistics of photographs: leaves that hide each other, a lake, lit balls, lamps out of focus.

The leaves are the dead-leaves model (Lee, Mumford & Huang, 2001): sizes fall as r^-3, each hides what lies under it.
Every scene is [height, width, 3] of levels 0..1, before the grain. Leaves out pages and charts (`pages`).
"""

import math

import numpy as np

from data_samples.making.noise import Floats, colour_field, power_field, power_line, soften

AUTUMN = ((0.55, 0.30, 0.12), (0.74, 0.52, 0.20), (0.36, 0.40, 0.16), (0.62, 0.20, 0.14), (0.30, 0.22, 0.16))
MEADOW = ((0.22, 0.40, 0.16), (0.38, 0.52, 0.22), (0.14, 0.28, 0.14), (0.70, 0.66, 0.34), (0.56, 0.44, 0.60))
STONES = ((0.48, 0.47, 0.46), (0.62, 0.58, 0.52), (0.30, 0.31, 0.34), (0.55, 0.45, 0.38), (0.72, 0.72, 0.70))
Palette = tuple[tuple[float, float, float], ...]


def _radii(rng: np.random.Generator, n: int, smallest: float, largest: float) -> Floats:
    """Radii with density r^-3 between the two."""
    u = rng.random(n)
    return np.asarray((smallest**-2 + u * (largest**-2 - smallest**-2)) ** -0.5)


def leaves(
    rng: np.random.Generator, height: int, width: int, palette: Palette, *, largest: float = 90.0, n: int = 1800
) -> Floats:
    """Textured, shaded ellipses [height, width, 3] that hide and shade each other; radii from 4 pixels to `largest`."""
    canvas = np.clip(0.25 + 0.05 * colour_field(rng, height, width, 1.0), 0, 1)
    texture = power_field(rng, 512, 512, 0.9)
    for radius in _radii(rng, n, 4.0, largest):
        _lay_leaf(canvas, rng, radius, palette, texture)
    return np.clip(soften(canvas), 0, 1)


def _lay_leaf(canvas: Floats, rng: np.random.Generator, radius: float, palette: Palette, texture: Floats) -> None:
    height, width = canvas.shape[:2]
    cx, cy = rng.uniform(-radius, width + radius), rng.uniform(-radius, height + radius)
    turn, aspect = rng.uniform(0, math.pi), rng.uniform(0.45, 1.0)
    tint = np.asarray(palette[rng.integers(len(palette))]) * rng.uniform(0.7, 1.3) + rng.normal(0, 0.03, 3)
    contrast, ribs, lamp = rng.uniform(0.02, 0.16), rng.uniform(0, 0.12), rng.uniform(0.1, 0.4)
    shift = rng.integers(0, 512, 2)

    reach = radius * 1.25
    x0, x1 = max(0, int(cx - reach)), min(width, int(cx + reach) + 2)
    y0, y1 = max(0, int(cy - reach)), min(height, int(cy + reach) + 2)
    if x0 >= x1 or y0 >= y1:
        return
    x, y = np.arange(x0, x1)[None, :] - cx, np.arange(y0, y1)[:, None] - cy
    along = (x * math.cos(turn) + y * math.sin(turn)) / radius
    across = (y * math.cos(turn) - x * math.sin(turn)) / (radius * aspect)
    outside = np.hypot(along, across)
    cover = np.clip((1 - outside) * radius * aspect + 0.5, 0, 1)[..., None]
    shadow = 1 - 0.45 * np.clip((1.22 - outside) / 0.25, 0, 1)[..., None]

    grain = texture[(np.arange(y0, y1) + shift[0])[:, None] % 512, (np.arange(x0, x1) + shift[1])[None, :] % 512]
    shade = 1 - lamp * (x + y) / (2 * radius) + contrast * grain + ribs * np.sin(along * 22 + 8 * np.abs(across))
    window = canvas[y0:y1, x0:x1]
    window[:] = window * shadow * (1 - cover) + np.clip(tint * shade[..., None], 0, 1) * cover


def ridges(rng: np.random.Generator, height: int, width: int, *, dusk: bool = False) -> Floats:
    """Hills behind hills under clouds, mirrored in a lake [height, width, 3]."""
    shore = int(height * 0.72)
    rows = np.linspace(0, 1, shore)[:, None, None]
    top, low = ([0.16, 0.17, 0.36], [0.95, 0.58, 0.36]) if dusk else ([0.28, 0.50, 0.80], [0.82, 0.88, 0.92])
    haze = np.asarray(low)
    land = np.asarray(top) * (1 - rows) + haze * rows + np.zeros((1, width, 1))
    clouds = np.clip(0.45 * power_field(rng, shore, width, 1.7) + 0.1, 0, 1)[..., None] * (1 - rows)
    land = land * (1 - clouds) + (0.55 * haze + 0.42) * clouds
    n_layers = 6
    for layer in range(n_layers):
        near = (layer + 1) / n_layers
        crest = shore * (0.42 + 0.09 * layer) + shore * 0.06 * power_line(rng, width, 1.5) * (1.4 - near)
        inside = np.clip(np.arange(shore)[:, None] - crest[None, :] + 0.5, 0, 1)[..., None]
        wood = 1 + (0.10 + 0.25 * near) * power_field(rng, shore, width, 0.7)[..., None]
        green = np.asarray([0.10, 0.12, 0.13] if dusk else [0.15, 0.24, 0.13])
        land = land * (1 - inside) + np.clip((haze * (1 - near) + green * near) * wood, 0, 1) * inside
    return np.clip(soften(np.concatenate([land, _lake(rng, land, height - shore)])), 0, 1)


def _lake(rng: np.random.Generator, land: Floats, depth: int) -> Floats:
    """The land upside down, shaken by ripples that grow towards the viewer, and a little darker."""
    shore, width = land.shape[:2]
    near = np.linspace(0, 1, depth)[:, None]
    ripple = power_field(rng, depth, width // 8 + 1, 0.8).repeat(8, axis=1)[:, :width] * (0.5 + 6 * near)
    rows = np.clip(shore - 1 - np.arange(depth)[:, None] * 1.5 + ripple, 0, shore - 1).astype(np.intp)
    mirrored = land[rows, np.arange(width)[None, :]]
    return np.asarray(mirrored * (0.82 - 0.25 * near[..., None]) + np.asarray([0.0, 0.01, 0.03]))


def bokeh(rng: np.random.Generator, height: int, width: int, n: int = 70) -> Floats:
    """Lamps at night through an open lens: bright overlapping discs on a dark ground [height, width, 3]."""
    canvas = np.clip(0.05 + 0.02 * colour_field(rng, height, width, 1.8), 0, 1)
    y, x = np.mgrid[:height, :width]
    for _ in range(n):
        cx, cy, radius = rng.uniform(0, width), rng.normal(height * 0.5, height * 0.22), rng.uniform(6, 34)
        colour = np.asarray([1.0, rng.uniform(0.4, 0.9), rng.uniform(0.1, 0.8)])[
            rng.permutation(3) if rng.random() < 0.3 else slice(None)
        ]
        outside = np.hypot(x - cx, y - cy) / radius
        disc = np.clip((1 - outside) * radius / 2.5, 0, 1) * (0.75 + 0.35 * outside**4)
        canvas += disc[..., None] * colour * rng.uniform(0.08, 0.5)
    return np.asarray(1 - np.exp(-1.4 * soften(canvas)))


def balls(rng: np.random.Generator, height: int, width: int, *, angle: float = 0.0, n: int = 7) -> Floats:
    """Balls on a table under one lamp, seen from `angle` radians round the table [height, width, 3].

    One ray to each pixel; Lambert and Blinn shading, hard shadows (the lens softens them).
    """
    radii = rng.uniform(0.35, 0.8, n)
    around = np.arange(n) * 2.4 + rng.uniform(-0.3, 0.3, n)
    far = 0.72 * np.sqrt(np.arange(n)) * 1.1
    centres = np.stack([far * np.cos(around), radii, far * np.sin(around)], axis=1)
    tints = np.clip(np.asarray(AUTUMN + STONES)[rng.permutation(10)[:n]] * 1.25 + rng.normal(0, 0.06, (n, 3)), 0.05, 1)
    table = power_field(rng, 256, 256, 1.0)

    eye = np.asarray([5.2 * math.sin(angle), 3.0, -5.2 * math.cos(angle)])
    rays = _rays(eye, np.asarray([0.0, 0.35, 0.0]), height, width)
    distance, which = _first_hit(eye, rays, centres, radii)
    ground = np.where(rays[..., 1] < -1e-6, -eye[1] / np.minimum(rays[..., 1], -1e-6), np.inf)
    on_ground = ground < distance
    reach = np.where(np.isfinite(np.minimum(distance, ground)), np.minimum(distance, ground), 0.0)
    points = eye + rays * reach[..., None]

    ball = np.clip(which, 0, n - 1)
    normals = np.where(on_ground[..., None], [0.0, 1.0, 0.0], (points - centres[ball]) / radii[ball][..., None])
    grain = table[(points[..., 2] * 60).astype(np.intp) % 256, (points[..., 0] * 14).astype(np.intp) % 256]
    wood = np.asarray([0.52, 0.38, 0.25]) * (1 + 0.16 * grain[..., None])
    colour = np.where(on_ground[..., None], wood, tints[ball])
    brightness, gloss = _light(points, normals, rays, centres, radii)
    lit = colour * brightness + gloss * np.where(on_ground, 0.05, 0.7)[..., None]
    wall = np.asarray([0.34, 0.38, 0.42]) * (0.75 + 0.5 * np.linspace(0, 1, height)[:, None, None])
    fog = np.clip((reach - 7) / 10, 0, 1)[..., None]
    seen = np.where((np.isfinite(distance) | on_ground)[..., None], lit * (1 - fog) + wall * fog, wall)
    return np.clip(soften(seen), 0, 1)


def _rays(eye: Floats, target: Floats, height: int, width: int) -> Floats:
    """Unit directions [height, width, 3] from the eye through each pixel."""
    ahead = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross([0.0, 1.0, 0.0], ahead)
    right /= np.linalg.norm(right)
    up = np.cross(ahead, right)
    size = min(height, width)
    x = (np.arange(width) - width / 2 + 0.5)[None, :, None] / size
    y = (height / 2 - 0.5 - np.arange(height))[:, None, None] / size
    rays = ahead + 0.9 * (x * right + y * up)
    return np.asarray(rays / np.linalg.norm(rays, axis=-1, keepdims=True))


def _first_hit(
    origin: Floats, rays: Floats, centres: Floats, radii: Floats
) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.intp]]]:
    """Distance to the nearest ball along each ray (inf: none) and its number (-1: none)."""
    best = np.full(rays.shape[:-1], np.inf)
    which = np.full(rays.shape[:-1], -1, dtype=np.intp)
    for number, (centre, radius) in enumerate(zip(centres, radii, strict=True)):
        away = origin - centre
        half = np.einsum("...k,...k", rays, away)
        inside = half**2 - np.einsum("...k,...k", away, away) + radius**2
        distance = np.where(inside > 0, -half - np.sqrt(np.maximum(inside, 0)), np.inf)
        nearer = (distance > 1e-4) & (distance < best)
        best, which = np.where(nearer, distance, best), np.where(nearer, number, which)
    return best, which


def _light(points: Floats, normals: Floats, rays: Floats, centres: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """How bright a dull surface is at each point, and how strongly a glossy one mirrors the lamp; both [..., 1]."""
    lamp = np.asarray([3.5, 6.0, -3.0]) - points
    lamp /= np.linalg.norm(lamp, axis=-1, keepdims=True)
    blocked, _ = _first_hit(points + normals * 1e-3, lamp, centres, radii)
    clear = np.where(np.isfinite(blocked), 0.25, 1.0)[..., None]
    halfway = lamp - rays
    halfway /= np.linalg.norm(halfway, axis=-1, keepdims=True)
    diffuse = np.clip(np.einsum("...k,...k", normals, lamp), 0, 1)[..., None]
    gloss = np.clip(np.einsum("...k,...k", normals, halfway), 0, 1)[..., None] ** 60
    return np.asarray(0.22 + 0.12 * normals[..., 1:2] + 0.85 * clear * diffuse), np.asarray(clear * gloss)
