"""Items of a finished run found again by their keys: files, lines, JSON lines; what is gone is missing."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tokeff
from tokeff.engine import languages as module
from tokeff.engine.again import again
from tokeff.engine.languages import languages
from tokeff.engine.loading import load_profile, row_batches
from tokeff.readers.corpus import find
from tokeff.records.items import Item

ENGLISH = "The harbour lay still in the early light, and nobody on the pier spoke a word."
GERMAN = "Der Hafen lag still im frühen Licht, und niemand auf dem Steg sprach ein Wort."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "texts"
    (place / "deep").mkdir(parents=True)
    for number in range(3):
        (place / f"{number}.txt").write_text(f"{ENGLISH}\n{GERMAN}\n", encoding="utf-8")
        (place / "deep" / f"#{number}.txt").write_text(f"{GERMAN} {number}\n", encoding="utf-8")
    rows = [json.dumps({"text": f"{ENGLISH} {number}"}) for number in range(4)]
    (place / "rows.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return place


def content(item: Item) -> bytes:
    with item.open() as stream:
        return stream.read()


def keys_of(paths: list[str], **options: Any) -> Iterator[str]:
    return (item.key for item in find(paths, **options) if isinstance(item, Item))


@pytest.mark.parametrize("unit", ["file", "line"])
@pytest.mark.parametrize("named", ["", "/*.txt", "/deep/**", "/rows.jsonl", "/0.txt"])
def test_every_item_is_found_with_its_content(folder: Path, unit: str, named: str) -> None:
    paths = [f"{folder}{named}"]
    wanted = {i.key: content(i) for i in find(paths, unit=unit) if isinstance(i, Item)}  # type: ignore[arg-type]
    assert wanted
    arguments = {"paths": paths, "unit": unit, "format": None, "columns": []}
    found = again(arguments, wanted.keys(), "text")
    assert {key: content(item) for key, item in found.items()} == wanted


def test_what_is_gone_is_missing(folder: Path) -> None:
    paths = [str(folder)]
    keys = list(keys_of(paths))
    (folder / "0.txt").unlink()
    found = again({"paths": paths, "unit": "file"}, keys, "text")
    assert set(keys) - set(found) == {"texts/0.txt"}
    shutil.rmtree(folder)
    assert again({"paths": paths, "unit": "file"}, keys, "text") == {}


def test_languages_of_a_run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("py3langid")
    run = tmp_path / "run"
    tokeff.profile(folder, tokenizers="bytes", unit="line", out=run, report=False, reconstruction="off")
    arguments = load_profile(run).run["arguments"]
    keys = [key for batch in row_batches(run, ("key",)) for key in batch.column(0).to_pylist()]
    found = languages(arguments, keys)
    assert found.kind == "language"
    assert set(found.of) == set(keys)
    assert {found.of[key] for key in keys if "deep" in key} == {"de"}
    assert {found.of[key] for key in keys if "rows" in key} == {"en"}
    assert f"of {len(keys)} texts, from" in found.sentence
    monkeypatch.setattr(module, "MOST_ITEMS", 5)
    few = languages(arguments, keys)
    assert len(few.of) == 5
    assert f"5 texts drawn from {len(keys)}" in few.sentence
    assert few == languages(arguments, keys[::-1])
