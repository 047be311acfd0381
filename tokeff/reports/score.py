"""A score sheet as a terminal shows it."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from rich.table import Table

from tokeff.records.scores import Score, ScoreSheet
from tokeff.reports.console import console
from tokeff.reports.numbers import ABSENT, optional, quantity
from tokeff.reports.wording import unprintable

QUALITY = {"image": ("psnr_db", "ssim"), "video": ("psnr_db", "ssim"), "audio": ("si_sdr_db", "log_mel_distance_db")}


def print_score(sheet: ScoreSheet, *, as_json: bool) -> None:
    """One row per modality, the shares kept by scale, and what could not be scored."""
    if as_json:
        print(json.dumps(asdict(sheet), indent=1, ensure_ascii=False, allow_nan=False))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("", "items", "raw", "quality", "bits/byte", "missing", "kept at 1, 1/2, 1/4, 1/8 of the size"):
        table.add_column(column, justify="left" if column in ("", "quality") else "right")
    for each in sheet.scores:
        table.add_row(*_cells(each))
    out = console()
    out.print(table)
    out.print("\nbits/byte: of the originals; missing: once the reconstruction is known; both by one lossless coder.")
    for failure in sheet.failures[:5]:
        out.print(f"! {unprintable(failure.message)}")
    if len(sheet.failures) > 5:
        out.print(f"! {len(sheet.failures):,} pairs in all could not be scored.")


def _cells(each: Score) -> tuple[str, ...]:
    figures = each.reconstruction
    shares = figures.get("retained_share") or {}
    full: Mapping[str, float | None] = next(iter(shares.values()), {})
    kept = ", ".join(ABSENT if share is None else f"{100 * share:.0f} %" for share in full.values())
    quality = ", ".join(
        f"{name.removesuffix('_db')} {optional(each.distortion.get(name))}" + (" dB" if name.endswith("_db") else "")
        for name in QUALITY.get(each.modality, ())
    )
    return (
        each.modality,
        f"{each.n_items:,}",
        quantity(each.raw_bytes, "B"),
        quality or ABSENT,
        optional(figures.get("source_bits_per_byte")),
        optional(figures.get("entropy_bits_per_byte")),
        kept or ABSENT,
    )
