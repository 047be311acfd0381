"""One Tally for a batch of items of one modality: counts, histograms of ids, distortion, each item's own row.

Everything that can be is computed once per batch, since a small text costs microseconds to encode. Leaves out ratios
and entropies (`measurement`) and the code lengths of reconstruction.

What a Tally may hold, by name:

    counts      stored_bytes, raw_bytes, n_tokens, n_positions; products `raw_bytes*n_tokens`, ...
    text        n_characters, n_words, n_lines; n_unknown, n_without_text (of all tokens, not in rows);
                n_reconstructed, n_roundtrip_failures
    image       n_pixels; n_reconstructed, squared_error, n_compared; n_psnr, n_ssim, n_ms_ssim, reals psnr_db, ...
    audio       n_reconstructed, n_compared, n_si_sdr, n_log_mel_distance, n_stft_distance, n_pesq_wb, n_pesq_nb,
                n_stoi; reals duration_seconds, signal_energy, error_energy, si_sdr_db, log_mel_distance_db, ...
    video       n_frames, real duration_seconds; n_reconstructed, squared_error, n_compared, n_psnr, real psnr_db;
                of clips made from some of their frames squared_error_time, squared_error_space
                and for a figure that an item does not have, a count of why: n_psnr_lossless, n_si_sdr_silent, ...
    histograms  stream0, stream1, ... by id; token_bytes: tokens by the bytes of text they stand for;
                source_bits_d8_s1, ... of residuals (see `pooled`, also for reals source_rest_bits_d8_s1, ...)
"""

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import TokeffError
from tokeff.measures.comparison import SPACE_ERROR, TIME_ERROR, compare_media
from tokeff.measures.fidelities import BIT_COLUMNS, CODED_BYTES, CODED_ITEMS
from tokeff.measures.reconstruction import SourceBits, reconstruction_columns
from tokeff.measures.references import REFERENCE_BYTES, REFERENCE_COLUMNS, reference_columns
from tokeff.measures.rows import Column, tally_of_columns
from tokeff.measures.sound import SOUND_FIGURES
from tokeff.measures.text import compare_texts, text_columns, vocabulary_facts
from tokeff.records.items import Item
from tokeff.records.signals import AudioSignal, ImageSignal, Signal, TextSignal, VideoSignal
from tokeff.records.tallies import Tally, fixed
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.protocols import TextVocabulary, Tokenizer

ROW_COUNTS = (
    *("stored_bytes", "raw_bytes", "n_tokens", "n_positions"),
    *("n_characters", "n_words", "n_lines", "n_pixels", "n_frames"),
    *("n_reconstructed", "n_roundtrip_failures", "squared_error", "n_compared", CODED_ITEMS, CODED_BYTES),
    *(TIME_ERROR, SPACE_ERROR),
    REFERENCE_BYTES,
)
"""Counts that an item's row may hold, for tables; those of why a figure is missing are left to the sums."""
ROW_REALS = (
    "duration_seconds",
    "psnr_db",
    "ssim",
    "ms_ssim",
    "signal_energy",
    "error_energy",
    *SOUND_FIGURES,
    "missing_bits_text",
    *BIT_COLUMNS,
    *REFERENCE_COLUMNS,
)
"""Fixed-point reals that an item's row may hold."""


def tally_batch(
    tokenizer: Tokenizer[Any],
    items: Sequence[Item],
    signals: Sequence[Signal],
    tokens: Sequence[Tokens],
    reconstructions: Sequence[Signal | None] | None = None,
    *,
    coded: Container[str] = (),
    sources: SourceBits | None = None,
) -> Tally:
    """What `tokenizer` made of `items`, all of one modality and with different keys.

    signals, tokens, reconstructions: one per item, in order; None for an item that was not reconstructed. coded: keys
    of the items whose reconstruction entropy is measured; sources: what is known of these signals already. Raises
    ItemError(`shape_mismatch`) where a reconstruction has another shape than its original, TokeffError where the
    tokenizer breaks its own declaration (ids outside its codebooks, NaN), ValueError where the lists do not match.
    """
    if not len(items) == len(signals) == len(tokens):
        raise ValueError(f"{len(items)} items, {len(signals)} signals, {len(tokens)} tokens: one of each is needed")
    columns: dict[str, Column] = {
        "stored_bytes": [item.stored_bytes for item in items],
        "raw_bytes": [signal.header.raw_bytes for signal in signals],
        "n_tokens": [token.counts.n_tokens for token in tokens],
        "n_positions": [token.counts.n_positions for token in tokens],
    }
    histograms = stream_histograms(tokenizer, tokens)
    reals: dict[str, Column] = {}
    sums: dict[str, int] = {}
    real_sums: dict[str, int] = {}
    extra, extra_reals = _modality_columns(signals)
    columns |= extra
    reals |= extra_reals
    if isinstance(tokenizer, TextVocabulary) and "stream0" in histograms:
        facts, histograms["token_bytes"] = vocabulary_facts(tokenizer, histograms["stream0"])
        sums |= facts
    if reconstructions is not None:
        sources = sources or SourceBits()
        compared, compared_reals = _compare(tokenizer.card.name, items, signals, reconstructions, sources.whole)
        columns |= compared
        reals |= compared_reals
        chosen = [copy if item.key in coded else None for item, copy in zip(items, reconstructions, strict=True)]
        files, bits_in_files = reference_columns(items, signals, coded, sources)
        columns |= files
        reals |= bits_in_files
        if not isinstance(signals[0], TextSignal):
            found = reconstruction_columns(items, signals, chosen, sources)
            columns |= found.counts
            reals |= found.reals
            histograms |= found.histograms
            real_sums |= found.real_sums
    keys = [item.key for item in items]
    return tally_of_columns(keys, columns, reals=reals, histograms=histograms, sums=sums, real_sums=real_sums)


def stream_histograms(tokenizer: Tokenizer[Any], tokens: Sequence[Tokens]) -> dict[str, NDArray[np.int64]]:
    """Counts by id of each stream over all items: `stream0`, ... Raises TokeffError for an id outside a codebook."""
    sizes = tokenizer.codebook_sizes
    n_streams = max((len(token.streams) for token in tokens), default=0)
    if n_streams > len(sizes):
        raise TokeffError(
            "emits more streams than it declares",
            where=tokenizer.card.name,
            got=f"{n_streams} streams",
            expected=f"at most {len(sizes)}",
            fix="Its codebook_sizes must have one size per stream.",
        )
    histograms: dict[str, NDArray[np.int64]] = {}
    for stream in range(n_streams):
        ids = np.concatenate([token.streams[stream] for token in tokens if stream < len(token.streams)])
        if len(ids):
            histograms[f"stream{stream}"] = _histogram(ids, sizes[stream], f"{tokenizer.card.name}: stream {stream}")
    return histograms


def _histogram(ids: NDArray[Any], size: int, where: str) -> NDArray[np.int64]:
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= size:
        raise TokeffError(
            "emits ids outside its codebook",
            where=where,
            got=f"ids from {low} to {high}",
            expected=f"0 to {size - 1}",
            fix="Its codebook_sizes or its encoder is wrong: no figure of it can be trusted.",
        )
    return np.bincount(ids.astype(np.intp, copy=False))


def _modality_columns(signals: Sequence[Signal]) -> tuple[dict[str, Column], dict[str, Column]]:
    """Counts and reals that only this modality has."""
    texts = [signal.data for signal in signals if isinstance(signal, TextSignal)]
    if len(texts) == len(signals):
        return text_columns(texts), {}
    headers = [signal.header for signal in signals if isinstance(signal, ImageSignal)]
    if len(headers) == len(signals):
        return {"n_pixels": [header.width * header.height for header in headers]}, {}
    sounds = [signal.header for signal in signals if isinstance(signal, AudioSignal)]
    if len(sounds) == len(signals):
        return {}, {"duration_seconds": [fixed(header.duration_seconds) for header in sounds]}
    clips = [signal.header for signal in signals if isinstance(signal, VideoSignal)]
    if len(clips) == len(signals):
        durations = [fixed(header.duration_seconds) for header in clips]
        return {"n_frames": [header.n_frames for header in clips]}, {"duration_seconds": durations}
    kinds = sorted({type(signal).__name__ for signal in signals})
    raise ValueError(f"a batch holds one modality, got {', '.join(kinds)}")


def _compare(
    tokenizer: str,
    items: Sequence[Item],
    signals: Sequence[Signal],
    reconstructions: Sequence[Signal | None],
    whole: bool,
) -> tuple[dict[str, Column], dict[str, Column]]:
    """Counts and reals of how the reconstructions differ from their originals."""
    if len(reconstructions) != len(items):
        raise ValueError(f"{len(reconstructions)} reconstructions of {len(items)} items: one of each is needed")
    if all(isinstance(signal, TextSignal) for signal in signals):
        return compare_texts(tokenizer, items, signals, reconstructions)
    return compare_media(tokenizer, items, signals, reconstructions, whole=whole)
