"""Of clips: what is kept at a lower frame rate, and what of the loss is the sampler's and what the image tokenizer's.

A clip X is rebuilt as R from decoded frames, the others held or blended; T is the same from the exact frames. Then

    time     X against T: what the sampler drops, whatever codes its frames
    space    T against R: what coding the frames adds

Mean squared errors of time and space add up to that of R but for a cross term (a blur may hide what a held frame gets
wrong). In bits, H(X | T) is lost in time and H(X | R) - H(X | T) in space; shares of H(X), with what is retained, add
up to 1. A share below 0 says that R tells more of X than T does. Leaves out how R is made (`tokenizers.video`).
"""

from typing import Any

from tokeff.maths.distortion import psnr_db
from tokeff.measures.comparison import SPACE_ERROR, TIME_ERROR
from tokeff.measures.fidelities import CODED_BYTES, FIDELITIES, IN_TIME, Fidelity
from tokeff.measures.pooled import corpus_bits
from tokeff.records.items import Modality
from tokeff.records.tallies import Tally


def kept_share(tally: Tally, at: Fidelity, modality: Modality) -> float | None:
    """1 - H(X | R) / H(X) at a fidelity; None where the signal holds no information there."""
    source = corpus_bits(tally, at, "source", modality)
    return 1 - corpus_bits(tally, at, "missing", modality) / source if source > 0 else None


def clip_distortion(tally: Tally, absent: dict[str, str]) -> dict[str, Any]:
    """`compared_share`, the share of the raw bytes that distortion is of (`windows`), and `split`."""
    figures: dict[str, Any] = {"compared_share": None}
    if tally.count("n_reconstructed") == tally.n_items:
        figures["compared_share"] = tally.count("n_compared") / tally.count("raw_bytes")
    else:
        absent["distortion.compared_share"] = "not_all_reconstructed"
    if TIME_ERROR not in tally.counts:
        absent["distortion.split"] = "no_sampled_frames"
        return figures
    return {**figures, "split": _distortion_split(tally, absent)}


def _distortion_split(tally: Tally, absent: dict[str, str]) -> dict[str, float | None]:
    """Mean squared errors of 8-bit samples and their PSNR."""
    n_compared = tally.count("n_compared")
    named = {"total": "squared_error", "time": TIME_ERROR, "space": SPACE_ERROR}
    figures: dict[str, float | None] = {f"{name}_mse": tally.count(c) / n_compared for name, c in named.items()}
    for name in ("time", "space"):
        figure = psnr_db(tally.count(named[name]), n_compared)
        figures[f"{name}_psnr_db"] = figure.value
        if figure.reason:
            absent[f"distortion.split.{name}_psnr_db"] = figure.reason
    return figures


def clip_figures(tally: Tally, absent: dict[str, str]) -> dict[str, Any]:
    """`retained_share_in_time` by how many frames are averaged into one, and `split` by scale."""
    slower = [each for each in FIDELITIES["video"] if each.time > 1]
    shares = {str(each.time): kept_share(tally, each, "video") for each in slower}
    absent |= {f"reconstruction.retained_share_in_time.{t}": "no_information" for t, s in shares.items() if s is None}
    figures: dict[str, Any] = {"retained_share_in_time": shares}
    if IN_TIME[0].column("time") not in tally.reals:
        absent["reconstruction.split"] = "no_sampled_frames"
        return figures
    bits, missing = (corpus_bits(tally, IN_TIME[0], kind, "video") for kind in ("time", "missing"))
    n_bytes = tally.count(CODED_BYTES)
    split: dict[str, Any] = {str(each.scale): _shares(tally, each) for each in IN_TIME}
    absent |= {f"reconstruction.split.{scale}": "no_information" for scale, part in split.items() if part is None}
    split |= {"time_bits_per_byte": bits / n_bytes, "space_bits_per_byte": (missing - bits) / n_bytes}
    return {**figures, "split": split}


def _shares(tally: Tally, at: Fidelity) -> dict[str, float] | None:
    source, missing, lost = (corpus_bits(tally, at, kind, "video") for kind in ("source", "missing", "time"))
    if source <= 0:
        return None
    return {"time": lost / source, "space": (missing - lost) / source, "retained": 1 - missing / source}
