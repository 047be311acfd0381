"""Reference codecs: what kept lossless libraries make of the same windows, for a reader to check our bits against.

Leaves out the libraries (`media.lossless`) and our own coder (`reconstruction`).
"""

from collections.abc import Container, Sequence
from dataclasses import replace

from tokeff.measures.reconstruction import SourceBits
from tokeff.measures.rows import Column
from tokeff.measures.windows import View
from tokeff.media import lossless
from tokeff.records.items import Item
from tokeff.records.signals import AudioSignal, ImageSignal, Signal, TextSignal, VideoSignal
from tokeff.records.tallies import fixed

REFERENCES = ("png", "webp_lossless", "jpeg_xl", "flac", "ffv1", "zstd_19", "xz_9")
REFERENCE_COLUMNS = tuple(f"reference_bits_{name}" for name in REFERENCES)
REFERENCE_BYTES = "n_reference_bytes"
"""Columns: bits of the same windows in files of kept libraries, and the raw bytes that those are of."""
TEXT_WINDOW_BYTES = 2**20
"""Of a text, so many bytes from its beginning."""


def reference_columns(
    items: Sequence[Item], signals: Sequence[Signal], chosen: Container[str], sources: SourceBits
) -> tuple[dict[str, Column], dict[str, Column]]:
    """Columns of counts and of reals: what kept lossless libraries make of the same windows of the chosen items."""
    for item, signal in zip(items, signals, strict=True):
        if item.key in chosen and item.key not in sources.references:
            sources.references[item.key] = _reference(View(item.key, signal, None, sources.whole))
    mine = [sources.references.get(item.key, {}) if item.key in chosen else {} for item in items]
    reals: dict[str, Column] = {
        f"reference_bits_{name}": [fixed(each[name]) if name in each else None for each in mine]
        for name in REFERENCES
        if any(name in each for each in mine)
    }
    return ({REFERENCE_BYTES: [each.get("bytes") for each in mine]} if reals else {}), reals


def _reference(view: View) -> dict[str, int]:
    if isinstance(view.signal, TextSignal):
        data = view.signal.data if view.whole else view.signal.data[:TEXT_WINDOW_BYTES]
        sizes, n_bytes = lossless.text_bytes(data), len(data)
    elif isinstance(view.signal, VideoSignal):
        sizes, n_bytes = lossless.video_bytes(view.chunks(view.signal)), view.n_bytes
    else:
        pixels = view.tensor(view.signal)
        n_bytes = view.n_bytes
        if isinstance(view.signal, ImageSignal):
            header = replace(view.signal.header, height=pixels.shape[1], width=pixels.shape[2])
            sizes = lossless.image_bytes(ImageSignal(header=header, pixels=pixels))
        else:
            sound = replace(view.signal.header, n_samples=pixels.shape[1])
            sizes = lossless.audio_bytes(AudioSignal(header=sound, samples=pixels))
    return {"bytes": n_bytes, **{name: 8 * size for name, size in sizes.items()}}
