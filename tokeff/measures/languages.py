"""The language of a text by a small offline model (py3langid, 97 kinds and more), or its script where there is none.

Scripts come from the Unicode names of letters. Short or mixed texts are called uncertain rather than guessed at.
Leaves out which texts are looked at (`tokeff.engine.languages`).
"""

import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache

MOST_BYTES = 4096
"""Of a text, so much is looked at."""
LEAST_LETTERS = 12
SURE = 0.5
UNCERTAIN, NO_LETTERS = "(uncertain)", "(no letters)"
ONE_SCRIPT = {"HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "CJK": "Chinese characters"}
MODEL = "py3langid"


def detector() -> tuple[Callable[[str], str], str]:
    """A function from text to language or script, and which it is: `language` or `script`.

    >>> name, kind = detector()
    >>> name("Всё смешалось в доме Облонских. Жена узнала, что муж был в связи с француженкою.")
    'ru'
    """
    model = _model()
    if model is None:
        return script_of, "script"

    def language_of(text: str) -> str:
        if sum(character.isalpha() for character in text[:200]) < LEAST_LETTERS:
            return NO_LETTERS if not any(map(str.isalpha, text)) else UNCERTAIN
        name, sure = model(text)
        return name if sure >= SURE else UNCERTAIN

    return language_of, "language"


def script_of(text: str) -> str:
    """The script of most letters.

    >>> script_of("Βίος ἀβίωτος"), script_of("吾輩は猫である。名前はまだ無い。"), script_of("1234 5678")
    ('Greek', 'Japanese', '(no letters)')
    """
    letters = [character for character in text[:MOST_BYTES] if character.isalpha()]
    if not letters:
        return NO_LETTERS
    scripts: Counter[str] = Counter()
    for character, n in Counter(letters).items():
        word = unicodedata.name(character, "UNKNOWN").partition(" ")[0]
        scripts[ONE_SCRIPT.get(word, word.capitalize())] += n
    # Japanese is written in kana among Chinese characters: a fifth of kana decides.
    if scripts["Japanese"] * 5 >= len(letters):
        return "Japanese"
    return scripts.most_common(1)[0][0]


@cache
def _model() -> Callable[[str], tuple[str, float]] | None:
    """Classifies a text: (ISO 639 code, probability); None where the model is not installed."""
    try:
        from py3langid.langid import (  # type: ignore[import-untyped,unused-ignore]
            MODEL_FILE,
            LanguageIdentifier,
        )
    except ImportError:
        return None
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def classify(text: str) -> tuple[str, float]:
        name, sure = identifier.classify(text)
        return str(name), float(sure)

    return classify
