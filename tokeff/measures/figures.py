"""Figures of a Measurement from the sums of a Tally: entropy, text, distortion, density.

Each function returns named figures and notes in `absent` why one of them is None. Leaves out intervals and the record
itself (`measurement`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokeff.maths.conditional import ConditionalEntropy, PairCounts, conditional_entropy
from tokeff.maths.distortion import Figure, psnr_db, snr_db
from tokeff.maths.entropy import StreamEntropy, mean_bits, stream_entropy
from tokeff.measures.fidelities import CODED_BYTES, CODED_ITEMS, FIDELITIES, Fidelity
from tokeff.measures.pairs import CONTEXTS
from tokeff.measures.pooled import corpus_bits
from tokeff.measures.references import REFERENCE_BYTES, REFERENCE_COLUMNS, REFERENCES
from tokeff.measures.sound import SOUND_FIGURES
from tokeff.measures.splits import clip_distortion, clip_figures, kept_share
from tokeff.measures.text import SEGMENTER
from tokeff.records.items import Modality
from tokeff.records.measurements import MIDDLE_SCALE
from tokeff.records.tallies import Tally

Absent = dict[str, str]
BITS = ("capacity", "order0", "order0_miller_madow")


def entropy_figures(
    tally: Tally, codebook_sizes: Sequence[int], pairs: Mapping[str, PairCounts] | None, absent: Absent
) -> tuple[dict[str, Any], float | None]:
    """Entropy figures and the rate in bits per token: the best code length of each stream, over all tokens.

    Of several streams: bits per token weigh each stream by its tokens, bits per position are their sum, and what only
    one alphabet can have (Renyi efficiency, perplexity) is given by stream. `pairs`: tables by `context.stream`.
    """
    if not codebook_sizes or not any(name.startswith("stream") for name in tally.histograms):
        absent["entropy"] = "not_encoded" if codebook_sizes else "continuous_tokens"
        return {}, None
    streams = [
        _Stream(number, stream_entropy(tally.histograms[f"stream{number}"], size), _order1(number, pairs))
        for number, size in enumerate(codebook_sizes)
        if f"stream{number}" in tally.histograms
    ]
    rate = mean_bits([stream.rate_bits for stream in streams], [stream.of.n_tokens for stream in streams])
    if len(codebook_sizes) == 1:
        return _one_stream(streams[0], "entropy", absent), rate
    return _several_streams(streams, codebook_sizes, tally.count("n_positions"), absent), rate


@dataclass(frozen=True, slots=True)
class _Stream:
    """A stream's number, its entropies without a neighbour, and with one."""

    number: int
    of: StreamEntropy
    order1: Mapping[str, Figure]

    @property
    def rate_bits(self) -> float:
        return min([self.of.rate_bits] + [given.value for given in self.order1.values() if given.value is not None])

    def bits(self) -> dict[str, float]:
        return dict(zip(BITS, (self.of.capacity_bits, self.of.order0_bits, self.of.miller_madow_bits), strict=True))


def _order1(stream: int, pairs: Mapping[str, PairCounts] | None) -> dict[str, Figure]:
    """Figure names -> bits per token given a neighbour; the neighbour before has the plain name."""
    if pairs is None:
        return {"order1_bits_per_token": Figure(None, "pairs_not_counted")}
    found = {name: conditional_entropy(pairs[f"{name}.{stream}"]) for name in CONTEXTS if f"{name}.{stream}" in pairs}
    names = {name: "order1" if name == "previous" else f"order1_{name}" for name in CONTEXTS}
    return {f"{names[name]}_bits_per_token": Figure(entropy.bits, _why(entropy)) for name, entropy in found.items()}


def _why(entropy: ConditionalEntropy) -> str | None:
    if entropy.needed_tokens is None:
        return entropy.reason
    return f"{entropy.reason}: {entropy.n_tokens} of about {entropy.needed_tokens}"


def _one_stream(stream: _Stream, path: str, absent: Absent) -> dict[str, Any]:
    observed, vocabulary = stream.of.renyi_efficiency_observed, stream.of.renyi_efficiency_vocabulary
    if observed is None:
        absent[f"{path}.renyi_efficiency.observed"] = "one_type"
    if vocabulary is None:
        absent[f"{path}.renyi_efficiency.vocabulary"] = "one_id"
    absent |= {f"{path}.{name}": given.reason for name, given in stream.order1.items() if given.reason is not None}
    return {
        **{f"{name}_bits_per_token": bits for name, bits in stream.bits().items()},
        **{name: given.value for name, given in stream.order1.items()},
        "renyi_efficiency": {"observed": observed, "vocabulary": vocabulary},
        "n_types": stream.of.n_types,
        "utilisation": stream.of.utilisation,
        "perplexity": stream.of.perplexity,
    }


def _several_streams(
    streams: Sequence[_Stream], sizes: Sequence[int], n_positions: int, absent: Absent
) -> dict[str, Any]:
    n_tokens = [stream.of.n_tokens for stream in streams]
    means: dict[str, float | None] = {
        name: mean_bits([stream.bits()[name] for stream in streams], n_tokens) for name in BITS
    }
    before = [stream.order1.get("order1_bits_per_token", Figure(None, "pairs_not_counted")) for stream in streams]
    known = [given.value for given in before if given.value is not None]
    means["order1"] = mean_bits(known, n_tokens) if len(known) == len(before) else None
    units = {"token": 1.0, "position": sum(n_tokens) / n_positions}
    figures: dict[str, Any] = {
        f"{name}_bits_per_{unit}": None if bits is None else bits * factor
        for unit, factor in units.items()
        for name, bits in means.items()
    }
    missing = next((given.reason for given in before if given.reason is not None), None)
    absent |= {f"entropy.order1_bits_per_{unit}": missing for unit in units if missing is not None}
    absent["entropy.renyi_efficiency"] = absent["entropy.perplexity"] = "several_streams"
    n_types = sum(stream.of.n_types for stream in streams)
    figures |= {"renyi_efficiency": None, "n_types": n_types, "utilisation": n_types / sum(sizes), "perplexity": None}
    each = [
        {"stream": stream.number, **_one_stream(stream, f"entropy.streams.{place}", absent)}
        for place, stream in enumerate(streams)
    ]
    return {**figures, "streams": each}


def text_figures(tally: Tally, absent: Absent) -> dict[str, Any]:
    """Fertility, characters per token and what the gates look at; words are separated by whitespace."""
    figures: dict[str, Any] = {name: tally.count(name) for name in ("n_characters", "n_words", "n_lines")}
    n_tokens, n_words = tally.count("n_tokens"), figures["n_words"]
    figures |= {"segmenter": SEGMENTER, "tokens_per_word": n_tokens / n_words if n_words else None}
    figures["characters_per_token"] = figures["n_characters"] / n_tokens
    if not n_words:
        absent["text.tokens_per_word"] = "no_words"
    figures |= dict.fromkeys(("n_reconstructed", "n_roundtrip_failures"))
    if tally.count("n_reconstructed"):
        figures["n_reconstructed"] = tally.count("n_reconstructed")
        figures["n_roundtrip_failures"] = tally.count("n_roundtrip_failures")
    else:
        absent["text.n_reconstructed"] = absent["text.n_roundtrip_failures"] = "not_reconstructed"
    return figures | _vocabulary_figures(tally, absent)


def _vocabulary_figures(tally: Tally, absent: Absent) -> dict[str, Any]:
    by_bytes = tally.histograms.get("token_bytes")
    if by_bytes is None:
        names = ("n_unknown_tokens", "n_tokens_without_text", "longest_token_bytes", "token_text_bytes")
        absent |= {f"text.{name}": "vocabulary_not_readable" for name in names}
        return dict.fromkeys(names)
    return {
        "n_unknown_tokens": tally.count("n_unknown"),
        "n_tokens_without_text": tally.count("n_without_text"),
        "longest_token_bytes": int(np.flatnonzero(by_bytes)[-1]),
        "token_text_bytes": int(by_bytes @ np.arange(len(by_bytes))),
    }


def distortion_figures(tally: Tally, modality: Modality, absent: Absent) -> dict[str, Any]:
    """PSNR and SNR pooled over all samples, other figures as means over the items that have them."""
    if modality == "text":
        absent["distortion"] = "text_is_equal_or_not"
        return {}
    if not tally.count("n_reconstructed"):
        absent["distortion"] = "not_reconstructed"
        return {}
    figures: dict[str, Figure] = {}
    if modality == "audio":
        figures["snr_db"] = snr_db(tally.real("signal_energy"), tally.real("error_energy"))
        figures |= {name: _item_mean(tally, name) for name in SOUND_FIGURES}
    else:
        figures["psnr_db"] = psnr_db(tally.count("squared_error"), tally.count("n_compared"))
        figures["psnr_db_item_mean"] = _item_mean(tally, "psnr_db")
        figures["ssim"] = _item_mean(tally, "ssim")
        figures["ms_ssim"] = _item_mean(tally, "ms_ssim")
    absent |= {f"distortion.{name}": f.reason for name, f in figures.items() if f.reason is not None}
    missing = {name: n for name, n in sorted(tally.counts.items()) if name.startswith(_WHY)}
    values = {name: figure.value for name, figure in figures.items()}
    clips = clip_distortion(tally, absent) if modality == "video" else {}
    return {"n_items": tally.count("n_reconstructed"), **values, **missing, **clips}


_WHY = (
    *("n_psnr_", "n_ssim_", "n_ms_ssim_", "n_si_sdr_", "n_log_mel_distance_", "n_stft_distance_"),
    *("n_pesq_wb_", "n_pesq_nb_", "n_stoi_"),
)


def _item_mean(tally: Tally, name: str) -> Figure:
    """The mean over the items that have the figure; otherwise the reason that most items give."""
    stem = "n_" + name.removesuffix("_db")
    n_items = tally.count(stem)
    if n_items:
        return Figure(tally.real(name) / n_items)
    reasons = {key.removeprefix(stem + "_"): n for key, n in tally.counts.items() if key.startswith(stem + "_")}
    return Figure(None, max(reasons, key=reasons.__getitem__) if reasons else "not_measured_for_video")


def density_figures(tally: Tally, modality: Modality, bits_per_token: float | None) -> dict[str, Any]:
    """Tokens per item, and per pixel, frame or second where the modality has them; bits where tokens are discrete."""
    n_tokens = tally.count("n_tokens")
    units: dict[str, tuple[str, float]] = {"item": ("tokens_per_item", tally.n_items)}
    if modality == "image" and "n_pixels" in tally.counts:
        units["pixel"] = ("tokens_per_pixel", tally.count("n_pixels"))
    if "duration_seconds" in tally.reals:
        units["second"] = ("token_rate_hz", tally.real("duration_seconds"))
    if "n_frames" in tally.counts:
        units["frame"] = ("tokens_per_frame", tally.count("n_frames"))
    units = {unit: named for unit, named in units.items() if named[1] > 0}
    figures = {name: n_tokens / amount for name, amount in units.values()}
    if bits_per_token is not None:
        figures |= {f"bits_per_{unit}": bits_per_token * n_tokens / amount for unit, (_, amount) in units.items()}
    return figures


def reconstruction_figures(tally: Tally, modality: Modality, absent: Absent) -> Mapping[str, Any]:
    """H(X | reconstruction) in bits per raw byte, and the share of the information that is kept, by depth and scale.

    Zero needs no coder: every item came back bit for bit. The middle fidelity is the one that a table shows.
    """
    n_back = tally.count("n_reconstructed")
    if modality == "text" and n_back:
        missing = tally.real("missing_bits_text") if tally.count("n_roundtrip_failures") else 0.0
        n_bytes = tally.count(CODED_BYTES)
        bits = missing / n_bytes if missing else 0.0
        return {"n_items": n_back, "entropy_bits_per_byte": bits} | _reference_figures(tally)
    if tally.count(CODED_ITEMS):
        return _coded_figures(tally, modality, absent)
    error = tally.reals.get("error_energy", 0) if modality == "audio" else tally.count("squared_error")
    if n_back == tally.n_items and error == 0:
        return {"n_items": n_back, "entropy_bits_per_byte": 0.0}
    absent["reconstruction"] = "not_measured" if n_back else "not_reconstructed"
    return {}


def _coded_figures(tally: Tally, modality: Modality, absent: Absent) -> dict[str, Any]:
    n_bytes, full = tally.count(CODED_BYTES), FIDELITIES[modality][0]
    shares: dict[str, dict[str, float | None]] = {}
    for each in FIDELITIES[modality]:
        if each.time > 1:
            continue
        share = kept_share(tally, each, modality)
        if share is None:
            absent[f"reconstruction.retained_share.{each.depth_bits}.{each.scale}"] = "no_information"
        shares.setdefault(str(each.depth_bits), {})[str(each.scale)] = share
    share = shares[str(full.depth_bits)][str(MIDDLE_SCALE)]
    effective = {"effective_bytes_per_token": _effective(tally, share, full)} if tally.count("n_tokens") else {}
    return {
        "n_items": tally.count(CODED_ITEMS),
        "raw_bytes": n_bytes,
        "source_bits_per_byte": corpus_bits(tally, full, "source", modality) / n_bytes,
        "entropy_bits_per_byte": corpus_bits(tally, full, "missing", modality) / n_bytes,
        "retained_share": shares,
        **(clip_figures(tally, absent) if modality == "video" else {}),
        **effective,
    } | _reference_figures(tally)


def _reference_figures(tally: Tally) -> dict[str, Any]:
    """Bits per raw byte of the originals in files of kept lossless libraries."""
    found = {
        name: tally.real(column) / tally.count(REFERENCE_BYTES)
        for name, column in zip(REFERENCES, REFERENCE_COLUMNS, strict=True)
        if column in tally.reals
    }
    return {"reference_bits_per_byte": found} if found else {}


def _effective(tally: Tally, share: float | None, full: Fidelity) -> dict[str, Any]:
    """C_i over the share kept at the middle fidelity: tokeff's own extension, the published law uses C_i."""
    per_token = tally.count("raw_bytes") / tally.count("n_tokens")
    return {
        "depth_bits": full.depth_bits,
        "scale": MIDDLE_SCALE,
        "value": per_token / share if share and share > 0 else None,
    }
