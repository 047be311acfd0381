"""What may stand after `-t`, and what is said when it cannot be read."""

from pathlib import Path

import pytest

from tokeff.errors import CardErrors, NotFound, SpecError, TokeffError
from tokeff.tokenizers.registry import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def test_a_name_and_its_alias_are_one_card(registry: Registry) -> None:
    assert registry.card("r50k") is registry.card("gpt2")


def test_a_changed_card_is_named_by_its_whole_specification(registry: Registry) -> None:
    changed = registry.card("jpeg-q75?quality=40")
    assert changed.name == "jpeg-q75?quality=40"
    assert changed.parameters["quality"] == 40
    assert changed.sha256 != registry.card("jpeg-q75").sha256


def test_a_file_becomes_the_artefact(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    artefact = registry.card(f"bpe:{path}").artefact
    assert artefact is not None
    assert artefact.file == str(path)


def test_a_hub_id_becomes_the_artefact(registry: Registry) -> None:
    artefact = registry.card("bpe:Qwen/Qwen3-8B").artefact
    assert artefact is not None
    assert artefact.hub == "Qwen/Qwen3-8B"


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ("gtp2", NotFound, "there is no tokenizer named 'gtp2'. Did you mean gpt2"),
        ("bep:./x.json", NotFound, "there is no family named 'bep'. Did you mean bpe"),
        ("bpe:./nowhere.json", NotFound, "./nowhere.json: there is no file or directory here"),
        ("bpe:", SpecError, "no source after the colon"),
        ("codec-bytes:jpeg", SpecError, "Write image/codec-bytes:jpeg"),
        ("jpeg-q75?qualty=4", NotFound, "Did you mean quality"),
        ("jpeg-q75?quality", SpecError, "not key=value; got quality"),
        ("jpeg-q75?quality=3&quality=4", SpecError, "quality is given twice"),
        ("jpeg-q75?quality=high", CardErrors, "quality: wrong type; got str 'high'; expected int"),
    ],
)
def test_what_cannot_be_read_is_refused_kindly(
    registry: Registry, spec: str, kind: type[TokeffError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        registry.card(spec)
    assert message in str(caught.value)
