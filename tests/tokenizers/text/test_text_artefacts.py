"""Where artefacts are looked for, in which order, and what is said when they are not there or not right."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokeff.errors import ArtefactInvalid, ArtefactMissing, NotFound, SpecError, TokeffError
from tokeff.records.cards import Artefact, Card
from tokeff.tokenizers.artefacts import find_artefact, sha256_of, tiktoken_cache_path
from tokeff.tokenizers.registry import Registry

CONTENT = b"content of a vocabulary"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Opened = Callable[[str], Any]


def card(**artefact: Any) -> Card:
    return Card(name="some-card", modality="text", family="bpe", artefact=Artefact(**artefact))


@pytest.fixture(autouse=True)
def no_net(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy that refuses every connection at once: offline, on any machine. Caches are empty folders."""
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("TOKEFF_ARTEFACTS", raising=False)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken-cache"))


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_bytes(CONTENT)
    assert find_artefact(card(file=str(tmp_path / "v.json"))) == tmp_path / "v.json"
    assert find_artefact(card(file=str(tmp_path))) == tmp_path


def test_folders_are_searched_by_name_and_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong, right = tmp_path / "one" / "v.json", tmp_path / "two" / "deep" / "down" / "v.json"
    for path, content in ((wrong, b"another"), (right, CONTENT)):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    folders = os.pathsep.join([str(tmp_path / "absent"), str(tmp_path / "one"), str(tmp_path / "two")])
    monkeypatch.setenv("TOKEFF_ARTEFACTS", folders)
    assert find_artefact(card(file="v.json", sha256=SHA256)) == right


def test_the_search_is_bounded_in_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    (deep / "v.json").write_bytes(CONTENT)
    monkeypatch.setenv("TOKEFF_ARTEFACTS", str(tmp_path))
    with pytest.raises(ArtefactMissing):
        find_artefact(card(file="v.json", sha256=SHA256))
    monkeypatch.setenv("TOKEFF_ARTEFACTS", str(tmp_path / "a" / "b" / "c"))
    assert find_artefact(card(file="v.json", sha256=SHA256)) == deep / "v.json"


def test_without_a_hash_a_name_alone_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model has a tokenizer.json: a folder answers for a hub id only under that id."""
    monkeypatch.setenv("TOKEFF_ARTEFACTS", str(tmp_path))
    (tmp_path / "tokenizer.json").write_bytes(CONTENT)
    with pytest.raises(ArtefactMissing):
        find_artefact(card(hub="owner/name"), names=("tokenizer.json",))
    right = tmp_path / "owner" / "name" / "tokenizer.json"
    right.parent.mkdir(parents=True)
    right.write_bytes(CONTENT)
    assert find_artefact(card(hub="owner/name"), names=("tokenizer.json",)) == right


def test_a_file_of_another_content_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "v.json").write_bytes(b"another")
    monkeypatch.setenv("TOKEFF_ARTEFACTS", str(tmp_path))
    found = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(ArtefactInvalid, match=rf"v\.json with {found}; expected sha256 {SHA256}"):
        find_artefact(card(file="v.json", sha256=SHA256))
    with pytest.raises(ArtefactInvalid, match="with 7 bytes"):
        find_artefact(card(file="v.json", sha256=SHA256, n_bytes=len(CONTENT)))


def test_a_file_inside_a_package_is_found_without_importing_it() -> None:
    path = find_artefact(card(package="mistral_common/data/tokenizer.model.v1"))
    assert path.is_file()
    with pytest.raises(ArtefactMissing, match=r"package no_such_package \(not installed\): v\.json"):
        find_artefact(card(package="no_such_package/v.json"))


def test_tiktokens_cache_is_read_and_its_hash_checked() -> None:
    """sha1 of the URL is tiktoken's name for it: tiktoken/load.py, read_file_cached."""
    path = tiktoken_cache_path("cl100k_base")
    assert path is not None
    assert path.name == "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    assert find_artefact(card(library="cl100k_base", sha256=SHA256)) == path
    with pytest.raises(ArtefactInvalid):
        find_artefact(card(library="cl100k_base", sha256="0" * 64))


def test_offline_refusals_say_everything(tmp_path: Path) -> None:
    with pytest.raises(ArtefactMissing) as refusal:
        Registry.load().open("bpe:Qwen/Qwen3-8B")
    for part in ("tokenizer.json", "Qwen/Qwen3-8B", "the hub's cache", "TOKEFF_ARTEFACTS", "hf auth login"):
        assert part in str(refusal.value)
    with pytest.raises(ArtefactMissing) as refusal:
        find_artefact(card(library="cl100k_base", sha256=SHA256))
    for part in (
        "cl100k_base.tiktoken",
        SHA256,
        str(tmp_path),
        "openaipublic.blob.core.windows.net",
        "$TOKEFF_ARTEFACTS",
    ):
        assert part in str(refusal.value)


def test_the_hub_switched_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ArtefactMissing, match="switched off by HF_HUB_OFFLINE"):
        find_artefact(card(hub="owner/name"), names=("tokenizer.json",))


def test_hashes_of_shipped_cards_are_those_of_the_installed_files() -> None:
    packaged = [one for one in Registry.load().cards.values() if one.artefact and one.artefact.package]
    assert len(packaged) >= 4
    for one in packaged:
        assert one.artefact is not None
        assert sha256_of(find_artefact(one)) == one.artefact.sha256


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{broken", "not JSON"),
        ("b.json", b'{"model": {"type": "Nothing"}}', "not a tokenizer.json"),
        ("c.json", b'{"config": {}, "vocab": []}', "not a Tekken file"),
        ("d.json", b'{"other": 1}', "not a vocabulary that is known"),
        ("e.model", b"\n\xff\xff", "not a SentencePiece model"),
        ("f.tiktoken?pattern=gpt2", b"YQ== 0\nbroken\n", r"f\.tiktoken:2: not a rank"),
        ("g.tiktoken?pattern=gpt2", b"YQ== 0\n", "single bytes have no rank"),
        ("h.json", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("i.model", b"", "starts with b''"),
    ],
)
def test_files_that_are_no_vocabulary(name: str, content: bytes, message: str, tmp_path: Path, opened: Opened) -> None:
    (tmp_path / name.partition("?")[0]).write_bytes(content)
    with pytest.raises(ArtefactInvalid, match=message):
        opened(f"bpe:{tmp_path / name}")


def test_what_a_specification_lacks_is_said(tmp_path: Path, opened: Opened, made: dict[str, str]) -> None:
    with pytest.raises(SpecError, match=r"one of gpt2, cl100k, o200k\. .*pattern=cl100k"):
        opened(made["ranks-gpt2"].partition("?")[0])
    with pytest.raises(ArtefactMissing, match="this directory holds no vocabulary"):
        opened(f"bpe:{tmp_path}")
    with pytest.raises(NotFound):
        opened(f"bpe:{tmp_path}/absent.json")
    with pytest.raises(TokeffError, match="not a choice"):
        opened(made["ranks-gpt2"].replace("pattern=gpt2", "pattern=llama"))


def test_a_directory_is_opened_by_its_best_file(tmp_path: Path, opened: Opened, made: dict[str, str]) -> None:
    for kind in ("byte-level", "sentencepiece"):
        shutil.copy(made[kind].removeprefix("bpe:"), tmp_path)
    assert opened(f"bpe:{tmp_path}").vocabulary.kind == "tokenizer.json"
    (tmp_path / "tokenizer.json").unlink()
    again: Any = Registry.load().open(f"bpe:{tmp_path}")
    assert again.vocabulary.kind == "SentencePiece"


def test_a_card_that_declares_too_few_ids_is_refused(tmp_path: Path, made: dict[str, str]) -> None:
    from tokeff.tokenizers.text.bpe import load

    path = made["byte-level"].removeprefix("bpe:")
    small = Card(name="small", modality="text", family="bpe", artefact=Artefact(file=path), vocab_size=300)
    registry = Registry.load()

    class Context:
        device = "cpu"
        open = registry.open

    with pytest.raises(ArtefactInvalid, match=r"more ids than the card declares.*at most 300"):
        load(small, Context())
