"""The list of sample pictures: what is drawn, how large, and in which format it is stored.

Leaves out how a scene is drawn (`scenes`, `pages`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data_samples.making import pages, scenes
from data_samples.making.noise import colour_field, generator, power_field, to_bytes

Sample = tuple[str, Image.Image, dict[str, Any], str]
"""File name, picture, options of the encoder, description."""
_ORIENTATION = 0x0112


def write_pictures(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Write every picture into `folder`; yields (file name, description). Pages take their words from `root`."""
    for name, picture, options, description in (*_photographs(), *_surfaces(), *_drawings(root)):
        picture.save(folder / name, **options)
        yield name, description


def _photograph(name: str, height: int, width: int, scene: str, **choices: Any) -> Image.Image:
    rng = generator(name)
    levels = getattr(scenes, scene)(rng, height, width, **choices)
    return Image.fromarray(to_bytes(levels, rng))


def _photographs() -> Iterator[Sample]:
    name = "leaves_autumn.png"
    picture = _photograph(name, 256, 384, "leaves", palette=scenes.AUTUMN)
    yield name, picture, {"optimize": True}, "autumn leaves hiding each other, lossless"
    name = "leaves_meadow.jpg"
    picture = _photograph(name, 480, 640, "leaves", palette=scenes.MEADOW, n=3000)
    yield name, picture, {"quality": 85}, "a meadow from above, JPEG quality 85"
    name = "stones.webp"
    picture = _photograph(name, 512, 512, "leaves", palette=scenes.STONES, largest=170.0, n=900)
    yield name, picture, {"quality": 80, "method": 4}, "pebbles from near by, WebP quality 80"
    name = "lake_day.jpg"
    yield (
        name,
        _photograph(name, 427, 640, "ridges"),
        {"quality": 88},
        "hills mirrored in a lake by day, JPEG quality 88",
    )
    name = "lake_dusk.jpg"
    picture = _photograph(name, 700, 300, "ridges", dusk=True)
    yield name, picture, {"quality": 75}, "hills and lake at dusk, tall, JPEG quality 75"
    name = "balls_turned.jpg"
    yield name, *_turned(_photograph(name, 640, 480, "balls")), "balls on a table, stored lying, EXIF orientation 6"
    name = "balls_small.png"
    yield name, _photograph(name, 224, 224, "balls", angle=1.0), {"optimize": True}, "balls on a table, lossless"
    name = "night_lamps.jpg"
    yield name, _photograph(name, 333, 500, "bokeh"), {"quality": 80}, "lamps out of focus at night, JPEG quality 80"


def _turned(picture: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    """The picture stored a quarter turn anticlockwise, and the EXIF tag that tells viewers to turn it back."""
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    return picture.transpose(Image.Transpose.ROTATE_90), {"quality": 90, "exif": exif}


def _surfaces() -> Iterator[Sample]:
    name = "clouds_grey.png"
    grey = to_bytes(0.5 + 0.16 * power_field(generator(name), 320, 320, 1.5))
    yield name, Image.fromarray(grey), {"optimize": True}, "overcast sky, one channel, lossless"
    name = "marble.jpg"
    rng = generator(name)
    veins = np.exp(-5 * np.abs(power_field(rng, 384, 512, 1.5)))[..., None] * np.asarray([0.8, 0.9, 1.0])
    levels = 0.78 - 0.4 * veins + 0.05 * colour_field(rng, 384, 512, 1.0)
    yield (
        name,
        Image.fromarray(to_bytes(levels)),
        {"quality": 92, "subsampling": 0},
        "veined stone, JPEG 4:4:4, quality 92",
    )
    name = "wall_gradient.png"
    levels = pages.gradient(300, 400)
    yield name, Image.fromarray(to_bytes(levels)), {"optimize": True}, "soft light on a wall, no grain, lossless"


def _drawings(root: Path) -> Iterator[Sample]:
    words = (root / "text" / "english_lighthouse.txt").read_text("utf-8")
    brief = (root / "text" / "swahili_samaki.txt").read_text("utf-8")
    source = (root / "code" / "tide_table.py").read_text("utf-8")
    page = pages.text_page(words, 620, 877, size=17)
    yield "page_book.png", page, {"optimize": True}, "a page of an English book, lossless"
    columns = pages.text_page(brief, 720, 540, columns=2, size=13).convert("L")
    yield "page_columns.webp", columns, {"lossless": True}, "two columns of Swahili, WebP lossless"
    plot = pages.chart(generator("chart_weather.png"), 640, 400)
    yield "chart_weather.png", plot, {"optimize": True}, "bars and curves with axes and a legend, lossless"
    yield "screen_editor.png", pages.screen(source, 800, 500), {"optimize": True}, "source code in an editor, lossless"
    yield "badge_alpha.png", pages.badge(256), {"optimize": True}, "a seal on a transparent ground, RGBA, lossless"
