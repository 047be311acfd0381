"""Languages by the model against texts of known language; scripts where the model is absent."""

import sys
from pathlib import Path

import pytest

from tokeff.measures import languages
from tokeff.measures.languages import NO_LETTERS, UNCERTAIN, detector, script_of

SAMPLES = Path(__file__).parents[2] / "data_samples" / "text"
NAMES = {"arabic": "ar", "chinese": "zh", "english": "en", "french": "fr", "german": "de", "greek": "el", "hindi": "hi",
         "japanese": "ja", "korean": "ko", "portuguese": "pt", "russian": "ru", "spanish": "es", "swahili": "sw",
         "thai": "th"}  # fmt: skip
SCRIPTS = {"arabic": "Arabic", "chinese": "Chinese characters", "english": "Latin", "greek": "Greek",
           "hindi": "Devanagari", "japanese": "Japanese", "korean": "Korean", "russian": "Cyrillic", "swahili": "Latin",
           "thai": "Thai"}  # fmt: skip


def texts() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("*.txt"))}


def test_languages_of_the_samples() -> None:
    pytest.importorskip("py3langid")
    name, kind = detector()
    assert kind == "language"
    found = {path.stem: name(text[:1000]) for path, text in texts().items()}
    assert len(found) >= 14
    assert found == {stem: NAMES[stem.partition("_")[0]] for stem in found}


@pytest.mark.shared
def test_sentences_of_twelve_languages(shared: Path) -> None:
    """PUD: sentences of news in known languages; one in fifty may be wrong or uncertain."""
    pytest.importorskip("py3langid")
    name, _ = detector()
    right = total = 0
    for path in sorted((shared / "corpora" / "text" / "pud").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()[:60]
        right += sum(name(line) == path.stem for line in lines)
        total += len(lines)
    assert total >= 600
    assert right / total > 0.96


def test_what_says_nothing_is_not_guessed_at() -> None:
    name, _ = detector()
    assert name("12 345 – 67 %") == NO_LETTERS
    assert name("") == NO_LETTERS
    assert name("ok ok") in {UNCERTAIN, "Latin"}


def test_scripts_of_the_samples() -> None:
    found = {path.stem.partition("_")[0]: script_of(text) for path, text in texts().items()}
    assert {name: found[name] for name in SCRIPTS} == SCRIPTS


def test_without_the_model_scripts_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    languages._model.cache_clear()
    try:
        name, kind = detector()
        assert kind == "script"
        assert name("Всё смешалось в доме Облонских.") == "Cyrillic"
    finally:
        languages._model.cache_clear()
