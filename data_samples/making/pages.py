"""Pictures that people draw with machines: pages of text, a chart, a screen, a badge with a transparent ground.

The letters are of the font inside Pillow, so nothing depends on the fonts of a system. Leaves out photograph-like
scenes (`scenes`).
"""

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data_samples.making.noise import Floats, power_line

INK, PAPER = (28, 30, 34), (250, 248, 243)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def text_page(text: str, width: int, height: int, *, columns: int = 1, size: int = 15) -> Image.Image:
    """The paragraphs of a text set in columns, RGB; what does not fit is cut."""
    page = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(page)
    margin, leading = width // 14, round(size * 1.45)
    column_width = (width - margin * (columns + 1)) // columns
    per_line = int(column_width / (size * 0.5))
    lines = [line for paragraph in text.split("\n") for line in textwrap.wrap(paragraph, per_line) or [""]]
    per_column = (height - 2 * margin) // leading
    for column in range(columns):
        for row, line in enumerate(lines[column * per_column : (column + 1) * per_column]):
            at = (margin + column * (column_width + margin), margin + row * leading)
            draw.text(at, line, font=_font(size), fill=INK)
    draw.text((width // 2, height - margin // 2), "17", font=_font(size * 0.8), fill=INK, anchor="mm")
    return page


def chart(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Three curves, bars, axes with figures and a legend, RGB."""
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    left, top, right, bottom = 60, 50, width - 20, height - 45
    for step in range(6):
        y = bottom - (bottom - top) * step / 5
        draw.line([(left, y), (right, y)], fill=(222, 222, 226))
        draw.text((left - 8, y), f"{step * 20}", font=_font(12), fill=INK, anchor="rm")
    n_bars = 12
    slot = (right - left) / n_bars
    for bar, share in enumerate(rng.uniform(0.1, 0.55, n_bars)):
        x = left + slot * (bar + 0.2)
        draw.rectangle([x, bottom - (bottom - top) * share, x + slot * 0.6, bottom], fill=(196, 214, 232))
        draw.text((x + slot * 0.3, bottom + 12), "JFMAMJJASOND"[bar], font=_font(12), fill=INK, anchor="mm")
    for row, colour in enumerate([(192, 57, 43), (39, 119, 174), (46, 139, 87)]):
        curve = 0.5 + 0.14 * power_line(rng, 200, 1.4) + 0.12 * (row - 1)
        points = [(left + (right - left) * i / 199, bottom - (bottom - top) * float(v)) for i, v in enumerate(curve)]
        draw.line(points, fill=colour, width=3)
        draw.line([(left + 110 * row, 32), (left + 110 * row + 24, 32)], fill=colour, width=3)
        draw.text((left + 110 * row + 30, 32), f"station {row + 1}", font=_font(13), fill=INK, anchor="lm")
    draw.text((left, 12), "Rain (bars, mm) and wind, by month", font=_font(16), fill=INK, anchor="lm")
    draw.line([(left, top), (left, bottom), (right, bottom)], fill=INK, width=2)
    return page


def screen(source: str, width: int, height: int, *, n_characters: int | None = None) -> Image.Image:
    """A dark editor with a side bar, line numbers and the beginning of a source file, RGB."""
    page = Image.new("RGB", (width, height), (30, 34, 42))
    draw = ImageDraw.Draw(page)
    bar = width // 5
    draw.rectangle([0, 0, width, 24], fill=(52, 58, 70))
    draw.rectangle([0, 25, bar, height], fill=(38, 43, 53))
    for dot, colour in enumerate([(237, 106, 94), (245, 191, 79), (98, 197, 84)]):
        draw.ellipse([10 + 18 * dot, 7, 20 + 18 * dot, 17], fill=colour)
    for row, name in enumerate(["text", "code", "image", "audio", "video", "README", "LICENCE"]):
        draw.text((12, 36 + 20 * row), name, font=_font(12), fill=(150, 160, 176))
    shown = source if n_characters is None else source[:n_characters]
    for row, line in enumerate(shown.split("\n")[: (height - 40) // 16]):
        words = line.split()
        fill = (198, 120, 221) if words and words[0] in {"def", "for", "return", "import", "from"} else (200, 206, 216)
        fill = (122, 162, 110) if line.lstrip().startswith(("#", '"', "/", "*")) else fill
        draw.text((bar + 30, 34 + 16 * row), f"{row + 1}", font=_font(11), fill=(95, 104, 120), anchor="ra")
        draw.text((bar + 40, 34 + 16 * row), line.replace("    ", "      "), font=_font(12), fill=fill)
    return page


def badge(size: int) -> Image.Image:
    """A round seal on a transparent ground, drawn four times too large and made smaller for smooth edges, RGBA."""
    big = size * 4
    page = Image.new("RGBA", (big, big), (0, 0, 0, 0))
    draw = ImageDraw.Draw(page)
    for inset, colour in [(0.02, (24, 64, 104, 255)), (0.07, (240, 236, 224, 255)), (0.10, (24, 64, 104, 235))]:
        draw.ellipse([big * inset, big * inset, big * (1 - inset), big * (1 - inset)], fill=colour)
    turns = np.arange(10) * np.pi / 5 - np.pi / 2
    reach = np.where(np.arange(10) % 2 == 0, 0.34, 0.14)
    corners = [
        (big * (0.5 + float(r * np.cos(t))), big * (0.5 + float(r * np.sin(t))))
        for t, r in zip(turns, reach, strict=True)
    ]
    draw.polygon(corners, fill=(244, 196, 72, 255))
    draw.text((big / 2, big * 0.53), "17", font=_font(big * 0.13), fill=(24, 64, 104, 255), anchor="mm")
    return page.resize((size, size), Image.Resampling.LANCZOS)


def gradient(height: int, width: int) -> Floats:
    """Smooth colour in both directions [height, width, 3], levels 0..1: what a flat wall in soft light looks like."""
    y, x = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    glow = np.exp(-((x - 0.3) ** 2 + (y - 0.4) ** 2) * 3)
    return np.stack([0.35 + 0.5 * glow, 0.30 + 0.3 * glow + 0.2 * x, 0.45 + 0.1 * glow + 0.3 * y * (1 - x)], axis=-1)
