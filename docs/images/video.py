"""The picture and the table of docs/video-tokens.md from a run over one clip.

Run: python docs/images/video.py RUN [docs/images/video.svg]

Frames through an image tokenizer make a curve over frames per second, a codec one over its rate factor.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import vl_convert

NAMES = {"qwen2-vl": "patches of qwen2-vl", "h264": "bytes of H.264", "av1": "bytes of AV1"}
COLUMNS = (
    "tokenizer",
    "setting",
    "bytes/token",
    "PSNR, dB",
    "PSNR in time",
    "PSNR in space",
    "missing bits/byte",
    "kept, %",
)


def point(each: dict[str, Any]) -> dict[str, Any]:
    """One tokenizer: which curve it is on, where on it, and its figures."""
    name = each["tokenizer"]
    found = re.fullmatch(r"frames:(?:fps=)?([\d.]+|all)/([\w.-]+)(?:\?between=(\w+))?", name)
    codec = re.fullmatch(r"video/codec-bytes:(\w+)\?crf=([\d.]+)", name)
    if found is None and codec is None:
        raise SystemExit(f"{name}: neither sampled frames nor a codec")
    if found is not None:
        rate, image, way = found.groups()
        series, setting = NAMES.get(image, f"ids of {image}"), "all" if rate == "all" else f"{rate} fps"
        series += f", {way}" if way else ""
    else:
        assert codec is not None
        series, setting = NAMES[codec[1]], f"CRF {codec[2]}"
    split = each["distortion"].get("split") or {}
    return {
        "series": series,
        "setting": setting,
        "bytes_per_token": each["ci"]["bytes_per_token"]["value"],
        "psnr_db": each["distortion"]["psnr_db"],
        "time_psnr_db": split.get("time_psnr_db"),
        "space_psnr_db": split.get("space_psnr_db"),
        "missing": each["reconstruction"]["entropy_bits_per_byte"],
        "kept": 100 * each["reconstruction"]["retained_share_in_time"]["4"],
    }


def table(points: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for each in points:
        figures = [each[name] for name in ("psnr_db", "time_psnr_db", "space_psnr_db")]
        shown = ["–" if value is None else f"{value:.1f}" for value in figures]
        cells = [each["series"], each["setting"], f"{each['bytes_per_token']:,.0f}", *shown]
        cells += [f"{each['missing']:.3f}", f"{each['kept']:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def panel(field: str, title: str) -> dict[str, Any]:
    """Curves over bytes per token, the settings beside the points."""
    encoding = {
        "x": {
            "field": "bytes_per_token",
            "type": "quantitative",
            "scale": {"type": "log"},
            "title": "bytes per token (raw pixels)",
            "axis": {"values": [10**k for k in range(1, 8)], "format": "~s"},
        },
        "y": {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False}},
        "color": {"field": "series", "type": "nominal", "title": None},
    }
    names = {"type": "text", "dx": 6, "dy": -8, "align": "left", "fontSize": 9}
    return {
        "width": 330,
        "height": 300,
        "encoding": encoding,
        "layer": [
            {"mark": {"type": "line", "opacity": 0.5}},
            {"mark": {"type": "point", "filled": True, "size": 50}},
            {"mark": names, "encoding": {"text": {"field": "setting"}}},
        ],
    }


def picture(points: list[dict[str, Any]]) -> dict[str, Any]:
    """PSNR, missing bits, and what is kept of the coarse clip."""
    panels = (
        ("psnr_db", "PSNR against every frame, dB"),
        ("missing", "missing bits per raw byte"),
        ("kept", "information kept at 1/4 size and 1/4 frame rate, %"),
    )
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "white",
        "data": {"values": points},
        "config": {"legend": {"orient": "bottom", "columns": 4, "labelLimit": 260}},
        "hconcat": [panel(field, title) for field, title in panels],
    }


def main() -> None:
    """Draw, write and print the table."""
    found = json.loads((Path(sys.argv[1]) / "measurements.json").read_text("utf-8"))["measurements"]
    points = sorted(map(point, found), key=lambda each: (each["series"], -each["bytes_per_token"]))
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name("video.svg")
    out.write_text(vl_convert.vegalite_to_svg(json.dumps(picture(points)), allowed_base_urls=[]), "utf-8")
    print(table(points))


if __name__ == "__main__":
    main()
