"""The corpus of a scenario: bytes, bytes per token and tokens of each modality, after substitutions.

N_i = T_i / C_i with T_i in raw bytes. A size given as stored bytes becomes raw by the run's own ratio of the two.
Leaves out how many of the tokens are trained on (`mixture`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tokeff.errors import InsufficientData, NotFound, TokeffError
from tokeff.planner.draws import Fan, estimate_fan
from tokeff.planner.request import Fidelity, Scenario, Size, Substitution
from tokeff.records.items import MODALITIES, Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import Basis

Measurements = Sequence[Measurement]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holding:
    """One modality of a scenario."""

    modality: Modality
    measurement: Measurement
    raw_bytes: float
    origin: str
    basis: Basis
    bytes_per_token: Fan
    worth: float
    """Share of the information that the tokens keep; 1 where raw tokens are counted."""

    @property
    def tokens(self) -> Fan:
        """N_i = T_i / C_i."""
        return self.raw_bytes / self.bytes_per_token

    @property
    def stored_per_raw(self) -> float:
        """Bytes as stored for each raw byte, in the run."""
        return self.measurement.stored_bytes_per_token.value / self.measurement.bytes_per_token.value

    @property
    def stored_bytes(self) -> float:
        """Size on disk."""
        return self.raw_bytes * self.stored_per_raw


def holdings(
    measurements: Measurements, scenario: Scenario, fidelity: Mapping[Modality | None, Fidelity]
) -> dict[Modality, Holding]:
    """The corpus of a scenario, by modality. Raises NotFound for what the run has not measured."""
    chosen = choose(measurements, scenario.tokenizers)
    corpus = scenario.corpus or {modality: Size(kind="times", amount=1.0) for modality in chosen}
    held: dict[Modality, Holding] = {}
    for modality in (m for m in MODALITIES if m in corpus):
        held[modality] = _holding(_measured(chosen, modality, scenario.name), corpus[modality])
    for substitution in scenario.substitutions:
        held = _substitute(held, substitution, measurements, chosen, scenario.name)
    return {m: _with_worth(held[m], fidelity) for m in MODALITIES if m in held}


def choose(measurements: Measurements, names: Sequence[str]) -> dict[Modality, Measurement]:
    """One measurement per modality: the named ones, the run's first otherwise."""
    if not measurements:
        raise InsufficientData("the run holds no measurement", fix="Profile a corpus with content first.")
    chosen: dict[Modality, Measurement] = {}
    for name in names:
        found = named(measurements, name)
        if found.modality in chosen:
            raise TokeffError(
                "two tokenizers of one modality are named",
                where=found.modality,
                got=f"{chosen[found.modality].tokenizer} and {name}",
                fix="Plan them as two scenarios.",
            )
        chosen[found.modality] = found
    for each in measurements:
        chosen.setdefault(each.modality, each)
    return chosen


def named(measurements: Measurements, name: str) -> Measurement:
    """The measurement of a tokenizer; NotFound with what the run has otherwise."""
    for each in measurements:
        if each.tokenizer == name:
            return each
    fix = "The run must have measured it: profile the corpus again with -t."
    raise NotFound.among("tokenizer in the run", name, {each.tokenizer for each in measurements}, fix=fix)


def fan_of(measurement: Measurement) -> Fan:
    """Bytes per token with its uncertainty; the same draws wherever this measurement is used."""
    return estimate_fan(measurement.bytes_per_token, f"{measurement.modality}/{measurement.tokenizer}")


def _measured(chosen: Mapping[Modality, Measurement], modality: Modality, where: str) -> Measurement:
    if modality not in chosen:
        raise NotFound(
            f"the run has no measurement of {modality}",
            where=where,
            got=f"a corpus with {modality}",
            expected=f"only {', '.join(chosen)}",
            fix=f"Profile some {modality} too, or leave {modality} out of the corpus.",
        )
    return chosen[modality]


def _holding(measurement: Measurement, size: Size) -> Holding:
    per_stored = measurement.bytes_per_token.value / measurement.stored_bytes_per_token.value
    raw = {"stored": per_stored, "raw": 1.0, "times": float(measurement.raw_bytes)}[size.kind] * size.amount
    origin = {"stored": "given, as stored", "raw": "given, raw", "times": f"{size.amount:g} x the run"}[size.kind]
    return Holding(
        modality=measurement.modality,
        measurement=measurement,
        raw_bytes=raw,
        origin="the run" if size == Size(kind="times", amount=1.0) else origin,
        basis="measured" if size.kind == "times" else "given",
        bytes_per_token=fan_of(measurement),
        worth=1.0,
    )


def _substitute(
    held: dict[Modality, Holding],
    change: Substitution,
    measurements: Measurements,
    chosen: Mapping[Modality, Measurement],
    where: str,
) -> dict[Modality, Holding]:
    if change.modality not in held:
        raise TokeffError(
            f"there is no {change.modality} to replace", where=where, got=change.kind, expected=", ".join(held)
        )
    old = held[change.modality]
    other = named(measurements, change.tokenizer) if change.tokenizer else None
    if change.kind == "tokenizer":
        return held | {change.modality: _retokenised(old, other, where)}
    if change.kind == "resolution":
        return held | {change.modality: _smaller(old, change.scale or 1.0, other, where)}
    target: Modality = "image" if change.kind == "key-frames" else "audio"
    by = other or _measured(chosen, target, where)
    _same_modality(by, target, where)
    added, said = _frames(old, change.frames_per_second or 0.0) if target == "image" else _track(old, by)
    rest = {m: holding for m, holding in held.items() if m != change.modality}
    before = rest[target].raw_bytes if target in rest else 0.0
    new = _holding(by, Size(kind="raw", amount=before + added))
    origin = f"{rest[target].origin}; and {said}" if target in rest else said
    return rest | {target: replace(new, origin=origin, basis="derived")}


def _same_modality(measurement: Measurement, modality: Modality, where: str) -> None:
    if measurement.modality != modality:
        raise TokeffError(
            "the tokenizer is of another modality",
            where=where,
            got=f"{measurement.tokenizer} ({measurement.modality})",
            expected=modality,
        )


def _retokenised(old: Holding, other: Measurement | None, where: str) -> Holding:
    if other is None:
        raise TokeffError("a substitution by another tokenizer names it", where=where, expected="tokenizer = ...")
    _same_modality(other, old.modality, where)
    return replace(old, measurement=other, bytes_per_token=fan_of(other), origin=f"{old.origin}; {other.tokenizer}")


def _smaller(old: Holding, scale: float, other: Measurement | None, where: str) -> Holding:
    """Sides divided by `scale`: bytes by its square. Bytes per token stay unless another measurement is named."""
    new = _retokenised(old, other, where) if other else old
    assumed = "" if other else "; assumes that bytes per token stay"
    return replace(
        new, raw_bytes=old.raw_bytes / scale**2, origin=f"{old.origin}, sides / {scale:g}{assumed}", basis="assumed"
    )


def _seconds(holding: Holding) -> float:
    """How long the holding lasts, by the run's tokens per second."""
    return float(holding.tokens[0]) / _rate(holding.measurement, "token_rate_hz")


def _rate(measurement: Measurement, name: str) -> float:
    value = measurement.density.get(name)
    if not value:
        raise InsufficientData(
            f"the run does not know {name}, which this substitution is worked out from",
            where=f"{measurement.modality} {measurement.tokenizer}",
            fix="Profile with a tokenizer that reports it, or give the corpus that results instead.",
        )
    return float(value)


def _frames(video: Holding, frames_per_second: float) -> tuple[float, str]:
    """Raw bytes of so many frames per second, each of the run's mean frame size."""
    rates = (_rate(video.measurement, "token_rate_hz"), _rate(video.measurement, "tokens_per_frame"))
    frame_bytes = rates[1] * video.measurement.bytes_per_token.value
    kept = min(frames_per_second, rates[0] / rates[1])
    said = f"frames of the video, {kept:g} per second, tokenised as pictures of the run are"
    return _seconds(video) * kept * frame_bytes, said


def _track(video: Holding, audio: Measurement) -> tuple[float, str]:
    """Raw bytes of sound as long as the video, at the run's bytes per second of audio."""
    per_second = _rate(audio, "token_rate_hz") * audio.bytes_per_token.value
    return _seconds(video) * per_second, "sound as long as the video, like the run's recordings"


def _with_worth(holding: Holding, fidelity: Mapping[Modality | None, Fidelity]) -> Holding:
    wanted = fidelity.get(holding.modality, fidelity.get(None))
    return replace(holding, worth=retained_share(holding.measurement, wanted)) if wanted else holding


def retained_share(measurement: Measurement, fidelity: Fidelity) -> float:
    """Share of the information that the tokens keep, at a depth and scale: `retained_share[depth][scale]`.

    Tokens that give every bit back keep all of it at every fidelity. Raises InsufficientData where it is not measured.
    """
    figures = measurement.reconstruction
    if figures.get("entropy_bits_per_byte") == 0:
        return 1.0
    where = f"{measurement.modality} {measurement.tokenizer}"
    table = figures.get("retained_share")
    if not table:
        reason = measurement.absent.get("reconstruction.retained_share") or measurement.absent.get("reconstruction")
        raise InsufficientData(
            "the run has not measured what these tokens keep, so they have no effective number",
            where=where,
            got=reason or "no retained_share",
            fix="Profile with --reconstruction and a tokenizer that decodes, or plan with --tokens raw.",
        )
    share = table.get(fidelity.depth, {}).get(fidelity.scale)
    if not share:
        measured = [f"{depth},{scale}" for depth, row in table.items() for scale, value in row.items() if value]
        raise NotFound(
            f"the run has no share kept at depth {fidelity.depth}, scale {fidelity.scale}",
            where=where,
            expected=f"one of {'; '.join(measured) or 'none'}",
            fix=f"Name it for this modality: --tokens {measurement.modality}=effective@DEPTH,SCALE.",
        )
    if share < 0:
        raise InsufficientData(
            "these tokens keep nothing of the data there, so they have no effective number",
            where=f"{where}, depth {fidelity.depth}, scale {fidelity.scale}",
            got=f"{share:.3g}",
            fix="Choose a coarser fidelity, or plan with --tokens raw.",
        )
    return float(share)
