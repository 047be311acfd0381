"""Lines with ranges and bars away from a middle, as Vega-Lite specifications. Leaves out drawing (`drawing`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from tokeff.reports.page.charts import DESCRIBED, log_axis

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]
COLOURS = tuple(f"var(--l{number})" for number in range(1, 8))
DASHES = ([1, 0], [7, 3], [2, 2], [10, 3, 2, 3], [4, 2], [12, 4], [1, 3])
"""Lines differ in more than their colour."""
BAR_HEIGHT = 34
KEY = {"symbolType": "stroke", "symbolOpacity": 1, "symbolStrokeWidth": 2.5, "symbolSize": 500}
BILLIONS = {"labelExpr": "replace(format(datum.value, '~s'), 'G', 'B')"}
"""Parameters and tokens are counted in billions, not in giga."""


def lines(
    rows: Rows,
    *,
    x_name: str,
    y_name: str,
    series: Mapping[str, int],
    here: float | None = None,
    log_y: bool = False,
    height: int = 300,
) -> Spec:
    """A line per series over a logarithmic x, with its range; strong where `inside` says that a law was fitted there.

    Fields: series, x, y, low, high, inside, said. `series` has the number of each, which is its colour in every figure
    of a page. `here` is marked by an upright line.
    """
    x = _log_x(rows, x_name)
    y = _y(rows, y_name, log=log_y)
    colour, dash = _by_series(series, COLOURS), _by_series(series, DASHES)
    ranged = "isValid(datum.low) && isValid(datum.high)"
    layers: list[Spec] = [
        {
            "transform": [{"filter": ranged}],
            "mark": {"type": "area", "opacity": 0.16, "clip": True, "aria": False},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour},
        },
        {
            "mark": {"type": "line", "strokeWidth": 1.2, "opacity": 0.75, "clip": True, "aria": False},
            "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
        },
        {
            "transform": [{"filter": "datum.inside"}],
            "mark": {"type": "line", "strokeWidth": 3.2, "clip": True, "aria": False},
            "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
        },
        {
            "mark": {"type": "circle", "size": 40, "opacity": 0, "clip": True},
            "encoding": {"x": x, "y": y, **DESCRIBED},
        },
    ]
    if here is not None:
        mark = {"type": "rule", "stroke": "var(--faint)", "strokeDash": [3, 3], "aria": False}
        layers.append({"data": {"values": [{"x": here}]}, "mark": mark, "encoding": {"x": x}})
    return {"data": {"values": list(rows)}, "height": height, "layer": layers}


def _by_series(series: Mapping[str, int], values: Sequence[Any]) -> Spec:
    """A channel that takes the value of each series' number; those of one legend are merged."""
    scale = {"domain": list(series), "range": [values[number % len(values)] for number in series.values()]}
    return {"field": "series", "type": "nominal", "title": None, "scale": scale, "legend": KEY}


def tornado(rows: Rows, *, x_name: str, middle: float, colours: Mapping[str, str], log: bool) -> Spec:
    """Bars from `low` to `high` about a middle, in the order of the rows.

    Fields: name (a line break makes two lines of it), kind, low, high, said.
    """
    ends = [value for row in rows for value in (row["low"], row["high"])]
    scale: Spec = {"type": "log", "nice": False} if log else {"type": "linear", "zero": True}
    axis: Spec = {"format": "+~g"}
    if log:
        low, high = min([*ends, middle]) / 1.15, max([*ends, middle]) * 1.15
        scale, axis = {**scale, "domain": [low, high]}, log_axis(low, high)
    x: Spec = {"type": "quantitative", "title": x_name, "scale": scale, "axis": axis}
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    colour = {
        "field": "kind",
        "type": "nominal",
        "title": None,
        "scale": {"domain": kinds, "range": [colours[kind] for kind in kinds]},
    }
    two_lines = {"labelExpr": "split(datum.label, '\\n')"}
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": two_lines}
    bars = {
        "mark": {"type": "bar", "height": {"band": 0.7}, "cornerRadius": 2},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y, "color": colour, **DESCRIBED},
    }
    rule = {
        "data": {"values": [{"middle": middle}]},
        "mark": {"type": "rule", "stroke": "var(--ink)", "aria": False},
        "encoding": {"x": {**x, "field": "middle"}},
    }
    return {"data": {"values": list(rows)}, "height": {"step": BAR_HEIGHT}, "layer": [bars, rule]}


def _log_x(rows: Rows, name: str) -> Spec:
    low, high = min(row["x"] for row in rows), max(row["x"] for row in rows)
    scale = {"type": "log", "nice": False, "domain": [low, high]}
    return {"field": "x", "type": "quantitative", "title": name, "scale": scale, "axis": log_axis(low, high) | BILLIONS}


def _y(rows: Rows, name: str, *, log: bool) -> Spec:
    values = [row[end] for row in rows for end in ("y", "low", "high") if row.get(end) is not None]
    low, high = min(values), max(values)
    spec: Spec = {"field": "y", "type": "quantitative", "title": name}
    if log:
        return spec | {"scale": {"type": "log", "nice": False, "domain": [low, high]}, "axis": log_axis(low, high)}
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return spec | {"scale": {"nice": True, "zero": False, "domain": [low - margin, high + margin]}}
