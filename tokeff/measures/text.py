"""What a batch of texts has beside bytes and tokens: characters, words, lines, unknown tokens, round trips.

Words are separated by whitespace, as `str.split` does it: a segmenter that needs no model and fits no script without
spaces, which is why figures name it. Leaves out decoding.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokeff.errors import TokeffError
from tokeff.measures.fidelities import CODED_BYTES
from tokeff.measures.rows import Column
from tokeff.records.items import Item
from tokeff.records.signals import Signal, TextSignal
from tokeff.records.tallies import fixed
from tokeff.tokenizers.protocols import TextVocabulary

SEGMENTER = "whitespace"


def text_columns(texts: Sequence[bytes]) -> dict[str, Column]:
    """n_characters, n_words (whitespace-separated) and n_lines of each text; a last line without its end is a line."""
    joined = np.frombuffer(b"\n".join([b"", *texts, b"", b""]), dtype=np.uint8)
    # Signed, the continuation bytes 0x80..0xBF are the lowest values: one comparison finds the others.
    leads = joined.view(np.int8) >= 0xC0 - 256
    space = _is_space(joined)
    starts, ends = space[:-1] & ~space[1:], joined == ord("\n")
    characters, words, lines = [], [], []
    place = 1
    for text in texts:
        end = place + len(text)
        characters.append(int(np.count_nonzero(leads[place:end])))
        words.append(int(np.count_nonzero(starts[place - 1 : end - 1])))
        lines.append(int(np.count_nonzero(ends[place:end])) + (text[-1:] not in (b"", b"\n")))
        place = end + 1
    return {"n_characters": characters, "n_words": words, "n_lines": lines}


def _is_space(text: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which bytes of UTF-8 belong to what `str.split` takes for a space; the last two must be ASCII.

    In ASCII tab to carriage return (9-13) and the separators with the space (28-32): unsigned, what is below a range
    wraps round to far above it, so that one comparison does for each. Every test is one pass over the bytes.
    """
    space: NDArray[np.bool_] = (text - np.uint8(9) <= 4) | (text - np.uint8(28) <= 4)
    if not len(text) or text.max() < 0x80:
        return space
    first, second, third = text[:-2], text[1:-1], text[2:]
    # U+0085 and U+00A0; U+2000-200A, 2028, 2029 and 202F; U+205F; U+3000; U+1680.
    two = (first == 0xC2) & ((second == 0x85) | (second == 0xA0))
    general = (third <= 0x8A) | (third == 0xA8) | (third == 0xA9) | (third == 0xAF)
    three = (first == 0xE2) & (second == 0x80) & general
    for code in (b"\xe2\x81\x9f", b"\xe3\x80\x80", b"\xe1\x9a\x80"):
        three |= (first == code[0]) & (second == code[1]) & (third == code[2])
    space[:-2] |= two | three
    space[1:-1] |= two | three
    space[2:] |= three
    return space


def vocabulary_facts(
    vocabulary: TextVocabulary, histogram: NDArray[np.int64]
) -> tuple[dict[str, int], NDArray[np.int64]]:
    """n_unknown and n_without_text (specials that slipped in), and the counts of tokens by their bytes of text."""
    token_bytes = vocabulary.token_bytes
    if len(token_bytes) < len(histogram):
        raise TokeffError(
            "a vocabulary knows fewer tokens than it emits",
            got=f"bytes of {len(token_bytes)} tokens",
            expected=f"at least {len(histogram)}",
        )
    unknown = sum(int(histogram[id_]) for id_ in vocabulary.unknown_ids if id_ < len(histogram))
    used = np.flatnonzero(histogram)
    by_bytes = np.zeros(int(token_bytes[used].max()) + 1, dtype=np.int64)
    np.add.at(by_bytes, token_bytes[used], histogram[used])
    silent = np.setdiff1d(used[token_bytes[used] == 0], sorted(vocabulary.unknown_ids))
    return {"n_unknown": unknown, "n_without_text": int(histogram[silent].sum())}, by_bytes


def compare_texts(
    tokenizer: str, items: Sequence[Item], signals: Sequence[Signal], reconstructions: Sequence[Signal | None]
) -> tuple[dict[str, Column], dict[str, Column]]:
    """n_reconstructed (0 or 1) of each item; of those that were, n_roundtrip_failures (byte for byte or not at all)
    and, fixed-point, missing_bits_text: what rebuilds the text once its copy is known.
    """
    failures: list[int | None] = []
    missing: list[int | None] = []
    for item, signal, copy in zip(items, signals, reconstructions, strict=True):
        if copy is None:
            failures.append(None)
            missing.append(None)
        elif isinstance(signal, TextSignal) and isinstance(copy, TextSignal):
            failures.append(int(signal.data != copy.data))
            missing.append(fixed(missing_text_bits(signal.data, copy.data)))
        else:
            raise TokeffError(
                f"reconstructs {item.key} as another modality",
                where=tokenizer,
                got=type(copy).__name__,
                expected=type(signal).__name__,
            )
    counts: dict[str, Column] = {
        "n_reconstructed": [int(copy is not None) for copy in reconstructions],
        "n_roundtrip_failures": failures,
        CODED_BYTES: [
            None if copy is None else signal.header.raw_bytes
            for signal, copy in zip(signals, reconstructions, strict=True)
        ],
    }
    return counts, {"missing_bits_text": missing}


def missing_text_bits(text: bytes, copy: bytes) -> float:
    """Bits of `text` under zstd at its highest level with `copy` as prefix: 0 where they are equal."""
    if text == copy:
        return 0.0
    import zstandard

    prefix = zstandard.ZstdCompressionDict(copy, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if copy else None
    # The window must reach over the copy to the text's own beginning.
    log = max(zstandard.WINDOWLOG_MIN, min(zstandard.WINDOWLOG_MAX, (len(copy) + len(text)).bit_length()))
    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=log, write_content_size=False)
    squeezed = zstandard.ZstdCompressor(dict_data=prefix, compression_params=parameters).compress(text)
    return 8.0 * len(squeezed)
