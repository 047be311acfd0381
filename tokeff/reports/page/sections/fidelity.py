"""What the tokens keep: share of information by depth and scale, missing bits and distortion against rate."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokeff.records.items import MODALITIES
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Profile
from tokeff.reports.numbers import digits, percent
from tokeff.reports.page.blocks import Cell, Figure, Section, Table, cell, table
from tokeff.reports.page.charts import cells, colour_of, points
from tokeff.reports.page.drawing import figure
from tokeff.reports.retained import Share, missing_bits, retained_shares, said_missing

REASONS = {
    "no_decoder": "this tokenizer cannot decode its tokens",
    "not_reconstructed": "nothing was decoded again in this run",
    "not_measured": "this run did not measure it",
    "text_is_equal_or_not": "",
}
QUALITY: Mapping[str, Sequence[tuple[str, str]]] = {
    "image": (("psnr_db", "PSNR, dB"), ("ms_ssim", "MS-SSIM")),
    "audio": (
        ("si_sdr_db", "SI-SDR, dB"),
        ("log_mel_distance_db", "log-mel distance, dB (less is better)"),
        ("stft_distance", "STFT distance (less is better)"),
    ),
    "video": (("psnr_db", "PSNR, dB"),),
}
LESS_IS_BETTER = frozenset({"log_mel_distance_db", "stft_distance"})
HOW_TO_READ = (
    "Each point is a tokenizer: further right it needs fewer tokens for the same data, further up it rebuilds the data "
    "better (unless the axis says that less is better). A filled point is beaten by no other in both. JPEG, WebP, Opus "
    "and H.264, where the run has them, are the anchors to compare with."
)


def kept(profile: Profile) -> Section:
    """A heat map per tokenizer whose kept information was measured; the reasons of the others."""
    maps = tuple(_map(each, shares) for each in profile.measurements if (shares := retained_shares(each)))
    without = [each for each in profile.measurements if not retained_shares(each)]
    return Section(
        ident="kept",
        title="What the tokens keep",
        lead=(
            "The share of the data's information that the tokens keep, at several depths (bits per sample) and scales "
            "(the signal reduced so many times). Fine detail at full depth is mostly noise that no tokenizer keeps; "
            "what remains at coarse scales is what a model can see at all. Depths are measured at full scale, and "
            "scales at full depth.",
            *_reasons(without),
        ),
        blocks=maps,
    )


def _reasons(without: Sequence[Measurement]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for each in without:
        if each.reconstruction.get("entropy_bits_per_byte") == 0:
            reason = "every item came back bit for bit: nothing is lost at any depth or scale"
        else:
            code = each.absent.get("reconstruction", "not_measured")
            reason = REASONS.get(code) or code.replace("_", " ")
        by_reason.setdefault(reason, []).append(each.tokenizer)
    for reason, names in by_reason.items():
        yield f"No map for {', '.join(names)}: {reason}."


def _map(each: Measurement, shares: Sequence[Share]) -> Figure:
    xs = list(dict.fromkeys(f"1/{share.scale}" if share.scale != 1 else "full" for share in shares))
    ys = list(dict.fromkeys(f"{share.depth} bits" for share in shares))
    rows: list[dict[str, Any]] = []
    for share in shares:
        x = f"1/{share.scale}" if share.scale != 1 else "full"
        said = f"{each.tokenizer}, {share.depth} bits, scale {x}: {percent(share.value, 1)} kept"
        rows.append({"x": x, "y": f"{share.depth} bits", "value": min(max(share.value, 0), 1),
                     "label": percent(share.value), "said": said})  # fmt: skip
    columns = ("depth", *(f"scale {x}" for x in xs))
    by_place = {(row["y"], row["x"]): row for row in rows}
    behind = [
        (cell(y), *(cell(by_place[y, x]["value"], by_place[y, x]["label"]) if (y, x) in by_place else cell(None)
                    for x in xs))
        for y in ys
    ]  # fmt: skip
    return figure(
        f"{each.tokenizer} ({each.modality})",
        f"Share of the information that {each.tokenizer} keeps, by depth and scale: from "
        f"{percent(min(share.value for share in shares))} to {percent(max(share.value for share in shares))}."
        + said_missing(each),
        cells(rows, x_name="scale", y_name="depth", x=xs, y=ys),
        small=True,
        table=table(f"Share kept by {each.tokenizer}", columns, behind),
    )


def distortion(profile: Profile) -> Section:
    """Quality against rate by modality; every tokenizer of the run is the others' anchor."""
    blocks = tuple(_curves(profile))
    exact = [each.tokenizer for each in profile.measurements if each.reconstruction.get("entropy_bits_per_byte") == 0]
    continuous = [each.tokenizer for each in profile.measurements if each.distortion and not each.codebook_sizes]
    notes = [f"Rebuilt bit for bit, so outside these figures: {', '.join(exact)}."] if exact else []
    if continuous:
        notes.append(
            f"The tokens of {', '.join(continuous)} are vectors, rebuilt from the patches or frames they are made of: "
            "that is the most a model could see, not what it keeps."
        )
    return Section(
        ident="distortion",
        title="Quality against tokens",
        lead=(HOW_TO_READ if blocks else "No lossy tokenizer of this run decoded its tokens.", *notes),
        blocks=blocks,
    )


def _curves(profile: Profile) -> Iterator[Figure | Table]:
    for modality in MODALITIES:
        mine = [each for each in profile.measurements if each.modality == modality]
        for name, axis in QUALITY.get(modality, ()):
            known = [each for each in mine if each.distortion.get(name) is not None]
            if known:
                yield _curve(modality, known, axis, {each.tokenizer: each.distortion[name] for each in known},
                             less=name in LESS_IS_BETTER)  # fmt: skip
        missing = {each.tokenizer: bits for each in mine if (bits := missing_bits(each)) is not None}
        if any(bits > 0 for bits in missing.values()):
            known = [each for each in mine if each.tokenizer in missing]
            yield _curve(modality, known, "missing bits per raw byte (less is better)", missing, less=True)


def _curve(
    modality: str, known: Sequence[Measurement], axis: str, value: Mapping[str, float], *, less: bool
) -> Figure | Table:
    """A figure; of one tokenizer only a table."""
    behind = table(
        f"{axis}, {modality}",
        ("tokenizer", "bytes per token", "bits per raw byte", axis, "items"),
        [_curve_row(each, value[each.tokenizer]) for each in known],
    )
    if len(known) < 2:
        return behind
    ratio = {each.tokenizer: each.bytes_per_token.value for each in known}
    good = {name: -v if less else v for name, v in value.items()}
    rows = [
        {
            "name": name,
            "x": ratio[name],
            "y": value[name],
            "front": not any(_beats((ratio[o], good[o]), (ratio[name], good[name])) for o in ratio),
            "said": f"{name}: {digits(ratio[name])} bytes per token, {axis} {digits(value[name])}",
        }
        for name in ratio
    ]
    said = "; ".join(f"{name} {digits(value[name])}" for name in ratio)
    short = axis.split(" (", maxsplit=1)[0]
    spec = points(rows, x_name="raw bytes per token, logarithmic", y_name=axis, colour=colour_of(modality))
    alt = f"{axis} of {modality} against bytes per token: {said}."
    return figure(f"{modality.capitalize()}: {short}", alt, spec, table=behind)


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] >= other[0] and one[1] >= other[1]


def _curve_row(each: Measurement, value: float) -> tuple[Cell, ...]:
    rate = each.rate_bits_per_byte
    n_items = each.distortion.get("n_items") or each.n_measured or each.n_items
    return (
        cell(each.tokenizer),
        cell(each.bytes_per_token.value, digits(each.bytes_per_token.value)),
        cell(None) if rate is None else cell(rate, digits(rate)),
        cell(value, digits(value, 4)),
        cell(n_items),
    )
