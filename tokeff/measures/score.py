"""Pairs of originals and reconstructions to sums, for tokenizers that live elsewhere: no tokens, so no efficiency."""

from collections.abc import Container, Sequence

from tokeff.measures.comparison import compare_media
from tokeff.measures.figures import distortion_figures
from tokeff.measures.missing import rebuilt_figures
from tokeff.measures.reconstruction import Coded, SourceBits, reconstruction_columns
from tokeff.measures.references import reference_columns
from tokeff.measures.rows import Column, tally_of_columns
from tokeff.measures.text import compare_texts
from tokeff.records.items import Item, Modality
from tokeff.records.scores import Score
from tokeff.records.signals import Signal, TextSignal
from tokeff.records.tallies import Tally


def tally_pairs(
    items: Sequence[Item],
    signals: Sequence[Signal],
    copies: Sequence[Signal],
    *,
    coded: Container[str],
    sources: SourceBits,
) -> Tally:
    """Sums of pairs of one modality; code lengths of those in `coded`. Raises ItemError(`shape_mismatch`)."""
    columns: dict[str, Column] = {
        "stored_bytes": [item.stored_bytes for item in items],
        "raw_bytes": [signal.header.raw_bytes for signal in signals],
        "n_tokens": [0] * len(items),
    }
    reals: dict[str, Column] = {}
    name = "the reconstruction"
    is_text = all(isinstance(signal, TextSignal) for signal in signals)
    found = [(compare_texts if is_text else compare_media)(name, items, signals, copies)]
    found.append(reference_columns(items, signals, coded, sources))
    rebuilt = Coded()
    if not is_text:
        chosen = [copy if item.key in coded else None for item, copy in zip(items, copies, strict=True)]
        rebuilt = reconstruction_columns(items, signals, chosen, sources)
        found.append((rebuilt.counts, rebuilt.reals))
    for counts, more in found:
        columns |= counts
        reals |= more
    keys = [item.key for item in items]
    return tally_of_columns(keys, columns, reals=reals, histograms=rebuilt.histograms, real_sums=rebuilt.real_sums)


def score_of(modality: Modality, tally: Tally, n_errors: int) -> Score:
    """Ratios of the sums."""
    absent: dict[str, str] = {}
    return Score(
        modality=modality,
        n_items=tally.n_items,
        n_errors=n_errors,
        raw_bytes=tally.count("raw_bytes"),
        distortion=distortion_figures(tally, modality, absent),
        reconstruction=rebuilt_figures(tally, modality, absent=absent),
        absent=absent,
    )
