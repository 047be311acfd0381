"""The README's picture from a run over pictures: bytes per token against what the tokens keep.

Run: python docs/images/make.py RUN [docs/images/kodak.svg]
"""

import json
import sys
from pathlib import Path
from typing import Any

import vl_convert

from tokeff.records.measurements import MIDDLE_SCALE


def rows(run: Path) -> list[dict[str, Any]]:
    """One point per named tokenizer that reconstructs; changed cards have names too long to read."""
    table = json.loads((run / "measurements.json").read_text("utf-8"))["measurements"]
    return [
        {
            "tokenizer": each["tokenizer"],
            "bytes_per_token": each["ci"]["bytes_per_token"]["value"],
            "kept": 100 * each["reconstruction"]["retained_share"]["8"][str(MIDDLE_SCALE)],
            "kind": "ids" if each["codebook_sizes"] else "continuous",
        }
        for each in table
        if each["reconstruction"].get("retained_share") and "?" not in each["tokenizer"]
    ]


def picture(points: list[dict[str, Any]]) -> dict[str, Any]:
    """A scatter with names beside the points."""
    x = {"field": "bytes_per_token", "type": "quantitative", "scale": {"type": "log", "domain": [3, 20000]}}
    y = {"field": "kept", "type": "quantitative", "scale": {"domain": [0, 100]}}
    colour = {"field": "kind", "type": "nominal", "title": "tokens", "scale": {"range": ["#1f77b4", "#d62728"]}}
    encoding = {
        "x": {**x, "title": "bytes per token (raw pixels)", "axis": {"values": [10, 100, 1000, 10000]}},
        "y": {**y, "title": "information kept at 1/4 size, %"},
        "color": colour,
    }
    names = {"mark": {"type": "text", "dx": 8, "dy": -7, "align": "left"}, "encoding": {"text": {"field": "tokenizer"}}}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": 640,
        "height": 320,
        "background": "white",
        "data": {"values": points},
        "encoding": encoding,
        "layer": [{"mark": {"type": "point", "filled": True, "size": 70}}, names],
    }


def main() -> None:
    """Draw and write."""
    run = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name("kodak.svg")
    out.write_text(vl_convert.vegalite_to_svg(json.dumps(picture(rows(run))), allowed_base_urls=[]), "utf-8")


if __name__ == "__main__":
    main()
