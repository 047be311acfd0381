"""Throughput: how fast each tokenizer went through the corpus on the machine of the run, and what it took."""

from collections.abc import Iterator

from tokeff.records.items import MODALITIES
from tokeff.records.measurements import Measurement
from tokeff.records.runs import Profile
from tokeff.reports.numbers import digits, quantity
from tokeff.reports.page.blocks import Cell, Figure, Section, Table, cell, table
from tokeff.reports.page.charts import colour_of, intervals
from tokeff.reports.page.drawing import figure

STAGES = {"encode": "encode", "reconstruct": "decode", "measure": "measure"}
TERABYTE = 1e12


def speed(profile: Profile) -> Section:
    """Encoding speed by modality with quartiles over batches; the table has all stages and the hours per terabyte."""
    machine = profile.run.get("machine", {})
    where = f"{machine.get('n_cpus', '?')} CPUs of {machine.get('processor') or 'unknown kind'}"
    gpu = f" and {machine['gpu']}" if machine.get("gpu") else ""
    figures = tuple(_figures(profile))
    return Section(
        ident="speed",
        title="Speed and cost",
        lead=(
            f"Raw megabytes per second of encoding in one process on {where}{gpu}: the median over batches, each "
            "counted by its bytes; the line is from the lower to the upper quartile. Reading and decoding files comes "
            "on top and is in the last table.",
        )
        if figures
        else ("Nothing was encoded, so there is no speed: the tokens were counted from headers.",),
        blocks=(*figures, *_reading(profile)),
    )


def _figures(profile: Profile) -> Iterator[Figure]:
    timed = [each for each in profile.measurements if "encode" in each.throughput]
    for modality in MODALITIES:
        mine = [each for each in timed if each.modality == modality]
        if mine:
            yield _figure(modality, mine)


def _figure(modality: str, mine: list[Measurement]) -> Figure:
    rows = []
    for each in mine:
        rate = each.throughput["encode"]["raw_megabytes_per_second"]
        said = f"{each.tokenizer}: {digits(rate['median'], 2)} MB/s, quartiles {digits(rate['q1'], 2)} and "
        rows.append({
            "name": each.tokenizer, "value": rate["median"], "low": rate["q1"], "high": rate["q3"],
            "said": said + digits(rate["q3"], 2),
        })  # fmt: skip
    said = "; ".join(f"{row['name']} {digits(row['value'], 2)}" for row in rows)
    return figure(
        modality.capitalize(),
        f"Megabytes of raw {modality} per second: {said}.",
        intervals(rows, x_name="raw MB/s, logarithmic", colour=colour_of(modality), domain=None),
        table=_behind(modality, mine),
    )


def _behind(modality: str, mine: list[Measurement]) -> Table:
    columns = (
        "tokenizer", "device", *(f"{shown}, MB/s" for shown in STAGES.values()), "tokens per second",
        "hours per raw TB", "batches", "peak memory",
    )  # fmt: skip
    return table(f"Speed, {modality}", columns, [_row(each) for each in mine])


def _row(each: Measurement) -> tuple[Cell, ...]:
    encode = each.throughput["encode"]
    rate = encode["raw_megabytes_per_second"]["median"]
    hours = TERABYTE / 1e6 / rate / 3600
    memory = each.throughput.get("peak_memory_bytes")
    return (
        cell(each.tokenizer),
        cell(each.device),
        *(_rate(each, stage) for stage in STAGES),
        cell(encode["tokens_per_second"]["median"], quantity(encode["tokens_per_second"]["median"])),
        cell(hours, digits(hours, 2)),
        cell(encode["n_batches"]),
        cell(memory, quantity(memory, "B")) if memory else cell(None),
    )


def _rate(each: Measurement, stage: str) -> Cell:
    times = each.throughput.get(stage)
    if not times:
        return cell(None)
    rate = times["raw_megabytes_per_second"]["median"]
    return cell(rate, digits(rate, 2))


def _reading(profile: Profile) -> Iterator[Table]:
    decoding = {m: times for m, times in profile.run.get("decoding", {}).items() if times["seconds"] > 0}
    if decoding:
        rows = [
            (
                cell(modality),
                cell(times["raw_bytes"], quantity(times["raw_bytes"], "B")),
                cell(times["seconds"], digits(times["seconds"], 3)),
                cell(rate := times["raw_bytes"] / 1e6 / times["seconds"], digits(rate, 2)),
            )
            for modality, times in decoding.items()
        ]
        # A clip's frames are decoded while they are encoded.
        named = "Reading and decoding files (of video: headers only; its frames are decoded while they are encoded)"
        yield table(named, ("modality", "raw bytes", "seconds", "raw MB/s"), rows)
