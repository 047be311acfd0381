"""Agreement of two engines: the first text on which their ids differ, and the texts on which engines tend to.

Leaves out what follows from a difference: at loading the reference serves, in a run it is an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from tokeff.errors import EngineMismatch
from tokeff.tokenizers.text.engines import Engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Scripts, numbers, contractions, whitespace of every kind, control characters, composed and decomposed signs,
# ligatures that a normalizer may replace, SentencePiece's own space, byte pieces, emoji with joiners.
PROBES = (
    "", " ", "  ", "\n", "\n\n\n", "\r\n", "\t\t", "\x00", "a\x00b", "\x1f\x7f\x80", "\u2028\u2029\x85\x0b\x0c",
    " a", "  a  b ", "a ", "a  ", "a \n \n b", "            if x:\n\treturn  1  \n\n", "    " * 9,
    "Hello, world! It's 1234567890 o'clock; WE'LL see, they'Ve won.", "don't DON'T don’t l'été I'd'",
    "camelCase HTTPServer", "naïve café e\u0301 A\u030a Å ﬁ ½ ² Ⅳ １２３ ㎏", "Größe, ÇA, ñandú, Ελλάδα, Привет, мир",
    "こんにちは世界。東京は2024年", "你好，世界！", "안녕하세요 세계", "สวัสดีชาวโลก", "नमस्ते दुनिया",
    "مرحبا بالعالم ١٢٣", "שלום עולם", "ગુજરાતી", "\u1112\u1161\u11ab", "😉👩‍👩‍👧‍👦🇩🇪👍🏽",
    "\u200b\u200d\ufeff\u00a0\u3000\ufffd", "\u2581", "a\u2581b \u2581\u2581", "<0x0A><0xFF>", "<s>",
    "</s> <unk> <pad>", "a<|endoftext|>b", "[UNK][CLS] [INST] hi [/INST]", "http://a.b/c?d=e&f=%20#g",
    "0" * 17, "a" * 300, "ab" * 200, "-" * 90, "def f(x):\n    return {'a': [1, 2.5e-3]}  # 注释\n",
    "𐍈𝔘𠀀 \U0010ffff \ue000",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """A text and the ids of two engines."""

    place: int
    text: bytes
    ids: "NDArray[np.uint32]"
    reference_ids: "NDArray[np.uint32]"


def probes(specials: Sequence[str]) -> list[bytes]:
    """PROBES, and each literal special token alone and inside a text."""
    literals = (text for special in specials for text in (special, f"a {special}b{special} c"))
    return [text.encode("utf-8") for text in (*PROBES, *literals)]


def first_difference(engine: Engine, reference: Engine, texts: Sequence[bytes]) -> Difference | None:
    """The first of `texts` on which the ids differ, or None."""
    rows = zip(texts, engine.encode(texts), reference.encode(texts), strict=True)
    for place, (text, ids, reference_ids) in enumerate(rows):
        if len(ids) != len(reference_ids) or (ids != reference_ids).any():
            return Difference(place, text, ids, reference_ids)
    return None


def mismatch(
    difference: Difference, tokenizer: str, engine: Engine, reference: Engine, token_bytes: "NDArray[np.int64]"
) -> EngineMismatch:
    """The error that shows the text around the first id that differs, and both rows of ids from there on."""
    ids, expected = difference.ids.tolist(), difference.reference_ids.tolist()
    pairs = enumerate(zip_longest(ids, expected))
    first = next(place for place, (one, other) in pairs if one != other)
    byte = int(token_bytes[difference.reference_ids[:first]].sum())
    start = max(0, byte - 24)
    around = difference.text[start : byte + 40].decode("utf-8", "replace")
    return EngineMismatch(
        f"the fast engine's ids differ from the reference's at token {first}, near byte {byte}: {around!r}",
        where=f"tokenizer {tokenizer}, text {difference.place}",
        got=f"{ids[first : first + 8]} of {engine.name}",
        expected=f"{expected[first : first + 8]} of {reference.name}",
        fix="The figures of this tokenizer would be wrong: report the text, with both versions.",
    )
