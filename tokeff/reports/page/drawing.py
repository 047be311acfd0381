"""Figures: a Vega-Lite specification becomes SVG at two widths, without a browser and without a network.

Colours are CSS variables, so that one drawing serves light, dark and print. Leaves out what is drawn (`charts`).
"""

import json
import re
from collections.abc import Mapping
from itertools import count
from typing import Any

from tokeff.reports.page.blocks import Figure, Table

WIDE, NARROW = 880, 340
"""Widths in px, axes included."""
INK, FAINT, GRID = "var(--ink)", "var(--faint)", "var(--grid)"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Fonts of one metric, so that what was measured when drawing is what a browser shows."""
_numbers = count()


def figure(title: str, alt: str, spec: Mapping[str, Any], *, table: Table | None = None, small: bool = False) -> Figure:
    """Draw a specification of one view or of layers; its width is set here. small: narrow on any screen."""
    wide = "" if small else _draw(spec, WIDE, alt)
    return Figure(title=title, alt=alt, wide=wide, narrow=_draw(spec, NARROW, alt), table=table)


def _draw(spec: Mapping[str, Any], width: int, alt: str) -> str:
    import vl_convert

    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        **spec,
        "width": width,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _config(width),
    }
    # No data is fetched: every value is inline, and no address is allowed.
    svg: str = vl_convert.vegalite_to_svg(json.dumps(whole, allow_nan=False), allowed_base_urls=[])
    return _standing_alone(svg, alt)


def _standing_alone(svg: str, alt: str) -> str:
    """Names inside the drawing must not clash with those of others on the page; a reader hears `alt`."""
    number = next(_numbers)
    svg = re.sub(r'(id="|url\(#|href="#)((?:clip|gradient_?)[\w-]*)', rf"\g<1>f{number}-\g<2>", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{_attribute(alt)}" ', 1)


def _attribute(text: str) -> str:
    from markupsafe import escape

    return str(escape(text))


def _config(width: int) -> dict[str, Any]:
    small = width < 500
    return {
        "background": None,
        "font": FONT,
        "padding": 4,
        "axis": {
            "labelColor": INK, "titleColor": FAINT, "tickColor": GRID, "domainColor": GRID, "gridColor": GRID,
            "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 110 if small else 260,
        },
        "axisX": {"labelOverlap": "greedy", "tickCount": 4 if small else 8, "labelFlush": True},
        "legend": {
            "labelColor": INK, "titleColor": FAINT, "orient": "top", "labelFontSize": 12, "titleFontSize": 12,
            "titleFontWeight": "normal", "columns": 2 if small else 6, "labelLimit": 140,
        },
        "text": {"fill": INK, "fontSize": 12, "limit": 130 if small else 360},
        "view": {"stroke": None},
    }  # fmt: skip
