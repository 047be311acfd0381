"""Views of an item: the original, and what a tokenizer gives back. Leaves out which items and tokenizers."""

from collections.abc import Iterator
from typing import Any
from unicodedata import category

import numpy as np
from torch import Tensor

from tokeff.records.signals import AudioSignal, ImageSignal, Signal, TextSignal, VideoSignal
from tokeff.records.tokens import Tokens
from tokeff.reports.numbers import quantity
from tokeff.reports.page.blocks import Span, View
from tokeff.reports.page.samples import media
from tokeff.reports.wording import unprintable
from tokeff.tokenizers.protocols import Reconstructs, TextVocabulary, Tokenizer

SHOWN_BYTES = 900
"""Of a text, so much is shown."""
JOINERS = "\u200c\u200d"
"""Invisible, harmless, and needed to write many languages and emoji."""


def original(signal: Signal) -> View | None:
    """The item itself; None for a text, which is seen in its tokens."""
    return None if isinstance(signal, TextSignal) else shown("original", signal)


def result(name: str, tokenizer: Tokenizer[Any], signal: Signal) -> View:
    """What the tokenizer makes of the item. Raises whatever the tokenizer raises."""
    tokens = tokenizer.encode([signal])[0]
    n_tokens = tokens.counts.n_tokens
    title = f"{name}: {n_tokens:,} tokens" if n_tokens < 1e5 else f"{name}: {quantity(n_tokens)} tokens"
    if isinstance(signal, TextSignal):
        return _coloured(title, tokenizer, signal, tokens)
    if not isinstance(tokenizer, Reconstructs):
        return View(title=title, note="It cannot decode its tokens, so there is nothing to show.")
    return shown(title, tokenizer.decode([tokens], [signal.header])[0])


def shown(title: str, signal: Signal) -> View:
    """A picture, a strip of frames, or a sound with its spectrogram."""
    if isinstance(signal, ImageSignal):
        return _image(title, signal)
    if isinstance(signal, AudioSignal):
        return _audio(title, signal)
    if isinstance(signal, VideoSignal):
        return _video(title, signal)
    raise ValueError("a text is shown by its tokens")


def _image(title: str, signal: ImageSignal) -> View:
    whole = media.picture_uri(media.reduced(signal.pixels))
    pictures = [(whole, f"{title}: {signal.header.width} x {signal.header.height} px, reduced to fit")]
    middle = media.centre(signal.pixels)
    if middle is not None:
        pictures.append((media.picture_uri(middle, 94), f"{title}: its middle, pixel by pixel"))
    note = "Reduced to fit, and its middle pixel by pixel." if middle is not None else ""
    return View(title=title, pictures=tuple(pictures), note=note)


def _audio(title: str, signal: AudioSignal) -> View:
    mono, rate_hz = media.excerpt(signal.samples, signal.header.sample_rate_hz)
    picture = media.picture_uri(media.spectrogram(mono))
    said = f"{title}: spectrogram of the first {len(mono) / rate_hz:.1f} seconds, 0 to {rate_hz / 2000:g} kHz"
    note = f"First {len(mono) / rate_hz:.1f} s in one channel at {rate_hz / 1000:g} kHz."
    return View(title=title, pictures=((picture, said),), sound=media.sound_uri(mono, rate_hz), note=note)


def _video(title: str, signal: VideoSignal) -> View:
    n_frames = signal.header.n_frames
    indices = sorted({round(place) for place in np.linspace(0, n_frames - 1, media.STRIP_FRAMES)})
    frames: list[Tensor] = [frame for chunk in signal.source.frames(indices) for frame in chunk]
    said = f"{title}: {len(indices)} frames of {n_frames:,}"
    uri = media.picture_uri(media.strip(frames))
    return View(title=title, pictures=((uri, said),), note=f"{len(indices)} of {n_frames:,} frames.", full=True)


def _coloured(title: str, tokenizer: Tokenizer[Any], signal: TextSignal, tokens: Tokens) -> View:
    if not isinstance(tokenizer, TextVocabulary) or not len(tokenizer.token_bytes):
        return View(title=title, note="Its vocabulary cannot be read, so its boundaries are not known.", full=True)
    lengths = tokenizer.token_bytes[np.asarray(tokens.streams[0], dtype=np.int64)]
    if int(lengths.sum()) != len(signal.data):
        plain = (Span(text=_visible(signal.data[:SHOWN_BYTES].decode("utf-8", "ignore")), shade=4),)
        return View(title=title, spans=plain, note="Its tokens do not add up to the text: no boundaries.", full=True)
    spans = list(_spans(signal.data, lengths))
    n_bytes = sum(len(text.encode()) for text, _ in spans)
    n_split = sum(n > 1 for _, n in spans)
    notes = [f"The first {n_bytes:,} of {len(signal.data):,} bytes."] * (n_bytes < len(signal.data))
    notes += [f"{n_split:,} stretches hold characters that several tokens share."] * bool(n_split)
    coloured = tuple(Span(text=_visible(text), shade=place % 4) for place, (text, _) in enumerate(spans))
    return View(title=title, spans=coloured, note=" ".join(notes), full=True)


def _spans(data: bytes, lengths: Any) -> Iterator[tuple[str, int]]:
    """(text, number of tokens): a token, or as many as it takes to come to the end of a character."""
    start = end = n_tokens = 0
    for length in lengths:
        end, n_tokens = end + int(length), n_tokens + 1
        if end == len(data) or data[end] & 0xC0 != 0x80:
            yield data[start:end].decode("utf-8"), n_tokens
            start, n_tokens = end, 0
            if end >= SHOWN_BYTES:
                return


def _visible(text: str) -> str:
    """Control and direction marks made visible; line ends, tabs and joiners stay."""
    kept = {character for character in set(text) if character in "\n\t" + JOINERS or category(character)[0] != "C"}
    return "".join(character if character in kept else unprintable(character) for character in text)
