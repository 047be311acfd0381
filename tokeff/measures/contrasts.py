"""Tokenizers against a baseline on the same items: values, paired contrasts, winners, fronts, groups.

Takes columns that are already aligned: place k of every column is the same item. Leaves out reading and aligning.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokeff.maths.distortion import psnr_db
from tokeff.maths.intervals import Moments, delta_interval
from tokeff.measures.paired import (
    Paired,
    decibel_difference,
    front,
    mean_difference,
    rate_difference,
    ratio_of_ratios,
    shared_confidence,
)
from tokeff.records.comparisons import Contrast, Front, GroupStanding, Metric, Standing, Verdict, Winner
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement

Column = NDArray[Any]

METRICS = (
    Metric(name="bytes_per_token", title="bytes per token", kind="ratio"),
    Metric(name="psnr_db", title="PSNR, dB", kind="difference"),
    Metric(name="ssim", title="SSIM", kind="difference"),
    Metric(name="ms_ssim", title="MS-SSIM", kind="difference"),
    Metric(name="si_sdr_db", title="SI-SDR, dB", kind="difference"),
    Metric(name="log_mel_distance_db", title="log-mel distance, dB", kind="difference", more_is_better=False),
    Metric(name="stft_distance", title="STFT distance", kind="difference", more_is_better=False),
    Metric(name="pesq_wb", title="PESQ, wide band", kind="difference"),
    Metric(name="pesq_nb", title="PESQ, narrow band", kind="difference"),
    Metric(name="stoi", title="STOI", kind="difference"),
    Metric(name="missing_bits_per_byte", title="missing bits/byte", kind="difference", more_is_better=False),
    Metric(name="raw_megabytes_per_second", title="MB/s", kind="ratio"),
)
MEANS = (
    *("ssim", "ms_ssim"),
    *("si_sdr_db", "log_mel_distance_db", "stft_distance", "pesq_wb", "pesq_nb", "stoi"),
)
"""Metrics that are means over items."""
MISSING: Mapping[Modality, str] = {
    "image": "missing_bits_d8_s1",
    "audio": "missing_bits_d16_s1",
    "video": "missing_bits_d8_s1",
}
"""Missing bits at full fidelity."""
CODED_BYTES = "n_coded_bytes"
"""The raw bytes that those are of."""
COLUMNS = (
    *("raw_bytes", "n_tokens", "squared_error", "n_compared", *MEANS),
    *(CODED_BYTES, *sorted(set(MISSING.values()))),
)
"""Of `items.parquet`; NaN where an item has no such number."""
FRONTS = ("missing_bits_per_byte", "psnr_db", "si_sdr_db", "raw_megabytes_per_second")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class System:
    """One tokenizer of one run, and its columns over the common items."""

    name: str
    run: str
    measurement: Measurement
    columns: Mapping[str, Column]

    @property
    def modality(self) -> Modality:
        """Of its tokenizer."""
        return self.measurement.modality


def standing(system: System) -> Standing:
    """Its values on the common items. Raises ValueError where they hold no byte or no token."""
    columns = system.columns
    values: dict[str, float | None] = {
        "bytes_per_token": float(columns["raw_bytes"].sum() / columns["n_tokens"].sum()),
        "psnr_db": _psnr(columns),
        **{name: _mean(columns[name]) for name in MEANS},
        "missing_bits_per_byte": _missing(system),
        "raw_megabytes_per_second": _speed(system.measurement),
    }
    return Standing(
        modality=system.modality,
        system=system.name,
        run=system.run,
        tokenizer=system.measurement.tokenizer,
        n_items=len(columns["raw_bytes"]),
        values=values,
    )


def contrasts(systems: Sequence[System], baseline: System, *, seed: int = 0) -> Iterator[Contrast]:
    """Every system but the baseline, by every metric that both have item by item."""
    for metric in METRICS:
        others = [each for each in systems if each is not baseline and _comparable(metric.name, each, baseline)]
        for each in others:
            yield _contrast(metric, each, baseline, shared_confidence(len(others)), seed)


def winners(systems: Sequence[System], *, seed: int = 0) -> Iterator[Winner]:
    """By each metric, the best system; named only where it is better than every other beyond chance."""
    for metric in METRICS:
        known = {s.name: v for s in systems if (v := _value(metric.name, s)) is not None}
        if metric.name not in _PAIRED or len(known) < 2:
            continue
        if len(set(known.values())) == 1:
            equal = f"By {metric.title} all are equal: {', '.join(known)}."
            yield Winner(modality=systems[0].modality, metric=metric.name, system=None, sentence=equal)
            continue
        sign = 1 if metric.more_is_better else -1
        best = max(systems, key=lambda s: sign * known.get(s.name, -sign * np.inf))
        others = [s for s in systems if s is not best and s.name in known and _comparable(metric.name, s, best)]
        confidence = shared_confidence(len(others))
        against = [_contrast(metric, best, other, confidence, seed) for other in others]
        yield _winner(metric, best, against)


def _winner(metric: Metric, best: System, against: Sequence[Contrast]) -> Winner:
    tied = [each.baseline for each in against if each.verdict != "better" and each.reason is None]
    few = [f"{each.baseline} ({each.n_items} items have both)" for each in against if each.reason is not None]
    said = [f"not beyond chance before {', '.join(tied)}"] * bool(tied)
    said += [f"with no interval against {', '.join(few)}"] * bool(few)
    if not against:
        said = ["with nothing to pair it with"]
    if said:
        sentence = f"{best.name} is first by {metric.title}, but {' and '.join(said)}: no winner."
        return Winner(modality=best.modality, metric=metric.name, system=None, sentence=sentence)
    sentence = f"{best.name} is best by {metric.title}; its intervals against all others say so."
    return Winner(modality=best.modality, metric=metric.name, system=best.name, sentence=sentence)


def fronts(systems: Sequence[System]) -> Iterator[Front]:
    """Bytes per token with each second metric that at least two systems have."""
    for metric in (each for name in FRONTS for each in METRICS if each.name == name):
        sign = 1 if metric.more_is_better else -1
        points = {
            s.name: (float(s.columns["raw_bytes"].sum() / s.columns["n_tokens"].sum()), sign * value)
            for s in systems
            if (value := _value(metric.name, s)) is not None
        }
        if len(points) > 1:
            members = front(points)
            beaten = tuple(name for name in points if name not in members)
            yield Front(modality=systems[0].modality, metric=metric.name, members=members, beaten=beaten)


def groups(systems: Sequence[System], baseline: System, of_items: Column) -> Iterator[GroupStanding]:
    """Bytes per token in each group of items (`of_items`: [n_items] names, None for no group), if more than one."""
    names = [name for name in dict.fromkeys(of_items.tolist()) if name is not None]
    confidence = shared_confidence(len(systems) - 1)
    for name in names if len(names) > 1 else ():
        mine = of_items == name
        theirs = baseline.columns["n_tokens"][mine].astype(np.float64)
        for each in systems:
            ours = each.columns["n_tokens"][mine].astype(np.float64)
            if not (ours.sum() > 0 and theirs.sum() > 0):
                continue
            found = delta_interval(Moments.of(theirs, ours), confidence=confidence)
            bounds = (None, None) if each is baseline else (found.low, found.high)
            yield GroupStanding(
                modality=each.modality,
                group=name,
                system=each.name,
                n_items=int(mine.sum()),
                bytes_per_token=float(each.columns["raw_bytes"][mine].sum() / ours.sum()),
                ratio=found.value,
                low=bounds[0],
                high=bounds[1],
            )


def _tokens(ours: System, theirs: System, confidence: float, seed: int) -> Paired:
    columns = ours.columns["n_tokens"], theirs.columns["n_tokens"]
    return ratio_of_ratios(*columns, confidence=confidence, seed=seed)


def _squared_errors(ours: System, theirs: System, confidence: float, seed: int) -> Paired:
    a, b = ours.columns["squared_error"], theirs.columns["squared_error"]
    both = ~(np.isnan(a) | np.isnan(b))
    return decibel_difference(a[both], b[both], confidence=confidence, seed=seed)


def _means(name: str) -> Callable[[System, System, float, int], Paired]:
    def paired(ours: System, theirs: System, confidence: float, seed: int) -> Paired:
        del seed
        return mean_difference(ours.columns[name], theirs.columns[name], confidence=confidence)

    return paired


def _missing_bits(ours: System, theirs: System, confidence: float, seed: int) -> Paired:
    del seed
    name = MISSING[ours.modality]
    base = np.where(_coded_alike(ours, theirs), ours.columns[CODED_BYTES], np.nan)
    return rate_difference(ours.columns[name], theirs.columns[name], base, confidence=confidence)


def _coded_alike(one: System, other: System) -> Column:
    """Which items have missing bits of the same bytes in both, bool [n_items]."""
    if one.modality not in MISSING:
        return np.zeros(len(one.columns["raw_bytes"]), dtype=bool)
    name = MISSING[one.modality]
    alike: Column = one.columns[CODED_BYTES] == other.columns[CODED_BYTES]
    alike &= ~np.isnan(one.columns[name]) & ~np.isnan(other.columns[name])
    return alike


_PAIRED: Mapping[str, Callable[[System, System, float, int], Paired]] = {
    "bytes_per_token": _tokens,
    "psnr_db": _squared_errors,
    **{name: _means(name) for name in MEANS},
    "missing_bits_per_byte": _missing_bits,
}


def _comparable(metric: str, one: System, other: System) -> bool:
    """Whether both have the metric on an item that they share."""
    if metric == "missing_bits_per_byte":
        return bool(_coded_alike(one, other).any())
    if metric in MEANS:
        return bool((~np.isnan(one.columns[metric]) & ~np.isnan(other.columns[metric])).any())
    return metric in _PAIRED and _value(metric, one) is not None and _value(metric, other) is not None


def _contrast(metric: Metric, ours: System, theirs: System, confidence: float, seed: int) -> Contrast:
    found = _PAIRED[metric.name](ours, theirs, confidence, seed)
    return Contrast(
        modality=ours.modality,
        metric=metric.name,
        system=ours.name,
        baseline=theirs.name,
        kind=metric.kind,
        value=found.value,
        low=found.low,
        high=found.high,
        confidence=confidence,
        n_items=found.n_items,
        verdict=_verdict(metric, found),
        reason=found.reason,
    )


def _verdict(metric: Metric, found: Paired) -> Verdict:
    nothing = 1.0 if metric.kind == "ratio" else 0.0
    if found.low is None or found.high is None or found.low <= nothing <= found.high:
        return "undecided"
    return "better" if (found.low > nothing) == metric.more_is_better else "worse"


def _value(metric: str, system: System) -> float | None:
    return standing(system).values[metric]


def _psnr(columns: Mapping[str, Column]) -> float | None:
    error, n_compared = np.nansum(columns["squared_error"]), np.nansum(columns["n_compared"])
    # Without any error there is no PSNR: the tokenizer is lossless.
    return psnr_db(int(error), int(n_compared)).value if n_compared and error else None


def _missing(system: System) -> float | None:
    """Of the common items that were coded; of texts, and where none was, of the whole run."""
    if system.modality in MISSING:
        missing, coded = system.columns[MISSING[system.modality]], system.columns[CODED_BYTES]
        known = ~(np.isnan(missing) | np.isnan(coded))
        if known.any() and coded[known].sum() > 0:
            return float(missing[known].sum() / coded[known].sum())
    value = system.measurement.reconstruction.get("entropy_bits_per_byte")
    return None if value is None else float(value)


def _mean(column: Column) -> float | None:
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else None


def _speed(measurement: Measurement) -> float | None:
    rates = measurement.throughput.get("encode", {}).get("raw_megabytes_per_second")
    return None if rates is None else float(rates["median"])
