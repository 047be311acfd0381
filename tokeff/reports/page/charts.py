"""The kinds of figures as Vega-Lite specifications: values with intervals, bars, points, lines, cells.

Rows are plain dicts; `said` is what a pointer or a screen reader is told of a mark. Leaves out drawing (`drawing`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tokeff.records.items import MODALITIES

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]
ROW_HEIGHT = 26
MOST_TICKS = 12
GRIDS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0), tuple(k / 10 for k in range(10, 100)))
"""Ticks of each decade of a logarithmic axis, coarse to fine."""
SERIES = tuple(f"var(--c{number})" for number in range(1, 9))
DESCRIBED = {"description": {"field": "said", "type": "nominal"}}


def colour_of(modality: str) -> str:
    """The colour of a modality, the same in every figure."""
    return SERIES[MODALITIES.index(modality)]


def intervals(rows: Rows, *, x_name: str, colour: str, domain: tuple[float, float] | None, log: bool = True) -> Spec:
    """Points with the line of their interval, one row each. Fields: name, value, low, high, said."""
    low, high = domain or _domain(rows, log)
    scale: Spec = {"type": "log" if log else "linear", "nice": False, "zero": False, "domain": [low, high]}
    x: Spec = {"type": "quantitative", "scale": scale, "title": x_name, "axis": log_axis(low, high) if log else {}}
    order = list(dict.fromkeys(row["name"] for row in rows))
    y: Spec = {"field": "name", "type": "nominal", "sort": order, "title": None}
    with_interval = "isValid(datum.low) && isValid(datum.high)"
    return {
        "data": {"values": list(rows)},
        "height": {"step": ROW_HEIGHT},
        "encoding": {"y": y},
        "layer": [
            {
                "transform": [{"filter": with_interval}],
                "mark": {"type": "rule", "stroke": colour, "strokeWidth": 3, "opacity": 0.55, "aria": False},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "circle", "fill": colour, "size": 90, "opacity": 1},
                "encoding": {"x": {**x, "field": "value"}, **DESCRIBED},
            },
        ],
    }


def grouped_bars(rows: Rows, *, x_name: str, series: Sequence[str]) -> Spec:
    """Bars side by side. Fields: name, series, value, said."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    return {
        "data": {"values": list(rows)},
        "height": len(names) * (14 * len(series) + 16),
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": None, "title": None},
            "yOffset": {"field": "series", "sort": list(series)},
            "x": {"field": "value", "type": "quantitative", "title": x_name},
            "color": _by_series(series),
            **DESCRIBED,
        },
    }


def points(rows: Rows, *, x_name: str, y_name: str, colour: str, log_y: bool = False) -> Spec:
    """A named point each, x logarithmic. Fields: name, x, y, said, front (whether nothing is better in both)."""
    x: Spec = {"field": "x", "type": "quantitative", "title": x_name, **_widened(rows, "x", log=True)}
    y: Spec = {"field": "y", "type": "quantitative", "title": y_name, **_widened(rows, "y", log=log_y)}
    centre = (min(row["x"] for row in rows) * max(row["x"] for row in rows)) ** 0.5
    left, rest = [r for r in rows if r["x"] > centre], [r for r in rows if r["x"] <= centre]
    labels = [
        {
            "data": {"values": part},
            "mark": {"type": "text", "align": align, "dx": dx, "dy": -8, "aria": False},
            "encoding": {"x": x, "y": y, "text": {"field": "name"}},
        }
        for part, align, dx in ((left, "right", -6), (rest, "left", 6))
        if part
    ]
    dots: Spec = {
        "mark": {"type": "point", "size": 90, "stroke": colour, "strokeWidth": 2, "opacity": 1},
        "encoding": {
            "x": x,
            "y": y,
            "fill": {"field": "front", "type": "nominal", "legend": None,
                     "scale": {"domain": [True, False], "range": [colour, "var(--paper)"]}},
            **DESCRIBED,
        },
    }  # fmt: skip
    return {"data": {"values": list(rows)}, "height": 280, "layer": [dots, *labels]}


def histogram(rows: Rows, *, x_name: str, y_name: str, colour: str) -> Spec:
    """Bars over bins of a logarithmic axis. Fields: low, high, n, said."""
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    scale = {"type": "log", "nice": False, "domain": [low, high]}
    x: Spec = {"type": "quantitative", "scale": scale, "title": x_name, "axis": log_axis(low, high)}
    most = max(row["n"] for row in rows)
    few = {"values": list(range(most + 1))} if most < 6 else {"tickCount": 4}
    y: Spec = {"field": "n", "type": "quantitative", "title": y_name, "scale": {"domainMin": 0}}
    return {
        "data": {"values": list(rows)},
        "height": 120,
        "mark": {"type": "bar", "orient": "vertical", "fill": colour, "stroke": "var(--paper)", "strokeWidth": 0.5},
        "encoding": {
            "x": {**x, "field": "low"},
            "x2": {"field": "high"},
            "y": {**y, "axis": {"format": "~s", **few}},
            "y2": {"datum": 0},
            **DESCRIBED,
        },
    }


def cells(rows: Rows, *, x_name: str, y_name: str, x: Sequence[str], y: Sequence[str]) -> Spec:
    """A heat map of shares from 0 to 1 with the number in each cell. Fields: x, y, value, label, said."""
    encoding: Spec = {
        "x": {"field": "x", "type": "ordinal", "sort": list(x), "title": x_name, "axis": {"labelAngle": 0}},
        "y": {"field": "y", "type": "ordinal", "sort": list(y), "title": y_name},
    }
    shade = {
        "field": "value",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": ["#f7f4ec", "#0b5394"], "interpolate": "rgb"},
        "legend": None,
    }
    # On either side of 0.76 the text has at least 4.5 times the contrast of its cell.
    text = {"condition": {"test": "datum.value > 0.76", "value": "#ffffff"}, "value": "#000000"}
    return {
        "data": {"values": list(rows)},
        "height": {"step": 34},
        "encoding": encoding,
        "layer": [
            {"mark": {"type": "rect", "stroke": "var(--paper)"}, "encoding": {"color": shade, **DESCRIBED}},
            {"mark": {"type": "text", "aria": False}, "encoding": {"text": {"field": "label"}, "color": text}},
        ],
    }


def _by_series(series: Sequence[str]) -> Spec:
    scale = {"domain": list(series), "range": list(SERIES[4 : 4 + len(series)])}
    return {"field": "series", "type": "nominal", "title": None, "scale": scale}


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high on a logarithmic axis: the coarsest of several grids that has at least three.

    >>> ticks(0.9, 20000), ticks(3, 60), ticks(12, 50)
    ([1.0, 10.0, 100.0, 1000.0, 10000.0], [5.0, 10.0, 20.0, 50.0], [15.0, 20.0, 30.0, 40.0, 50.0])
    """
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    found: list[float] = []
    for steps in GRIDS:
        candidates = [step * 10.0**decade for decade in decades for step in steps]
        found = [round(value, 12) for value in candidates if low <= value <= high]
        if len(found) >= 3:
            break
    return found[:: math.ceil(len(found) / MOST_TICKS) or 1]


def log_axis(low: float, high: float) -> Spec:
    """Ticks of a logarithmic axis."""
    # Thousands have a letter; of small numbers "m" would be read as millions.
    label = "format(datum.value, datum.value >= 1000 ? '~s' : '~g')"
    axis: Spec = {"labelExpr": label, "labelOverlap": "greedy"}
    places = ticks(low, high)
    return {**axis, "values": places} if places else axis


def _domain(rows: Rows, log: bool) -> tuple[float, float]:
    values = [value for row in rows for value in (row["value"], row["low"], row["high"]) if value is not None]
    low, high = min(values), max(values)
    return (low / 1.5, high * 1.5) if log else (0.0, high * 1.1)


def _widened(rows: Rows, name: str, *, log: bool) -> Spec:
    values = [row[name] for row in rows]
    low, high = min(values), max(values)
    if log:
        low, high = low / 1.6, high * 1.6
        return {"scale": {"type": "log", "nice": False, "domain": [low, high]}, "axis": log_axis(low, high)}
    margin = (high - low) * 0.15 or abs(high) * 0.1 or 1.0
    return {"scale": {"type": "linear", "nice": True, "zero": False, "domain": [low - margin, high + margin]}}
