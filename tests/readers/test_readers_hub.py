"""Datasets by id: a local folder stands for the hub, through the same doors of the library."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tokeff.errors import ExtraMissing, NotFound, TokeffError
from tokeff.readers.corpus import find
from tokeff.readers.options import ReadOptions
from tokeff.readers.parts import items, parts
from tokeff.readers.pieces import Part
from tokeff.records.items import Item

SAMPLES = Path(__file__).parents[2] / "data_samples"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import datasets

    datasets.disable_progress_bars()
    root = tmp_path_factory.mktemp("hub") / "pictures"
    (root / "data").mkdir(parents=True)
    jpeg = (SAMPLES / "image/lake_day.jpg").read_bytes()
    features = datasets.Features({"image": datasets.Image(), "caption": datasets.Value("string")})
    for name, texts in {
        "train-00000-of-00002": "abc",
        "train-00001-of-00002": "de",
        "test-00000-of-00001": "f",
    }.items():
        rows: dict[str, Any] = {"image": [{"bytes": jpeg, "path": "a.jpg"}] * len(texts), "caption": list(texts)}
        datasets.Dataset.from_dict(rows, features=features).to_parquet(root / "data" / f"{name}.parquet")
    return root


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def content(item: Item) -> bytes:
    with item.open() as stream:
        return stream.read()


def captions(path: str, **how: Any) -> dict[str, bytes]:
    found = [one for one in find([path], **how) if isinstance(one, Item) and one.modality == "text"]
    return {one.key: content(one) for one in found}


def test_every_split_and_file_with_pictures_as_they_lie(dataset: Path) -> None:
    found = captions(f"dataset:{dataset}")
    expected = {"pictures/train/0#R0": "a", "pictures/train/0#R1": "b", "pictures/train/0#R2": "c"}
    expected |= {"pictures/train/1#R0": "d", "pictures/train/1#R1": "e", "pictures/test#R0": "f"}
    assert found == {f"{key}.caption": text.encode() for key, text in expected.items()}
    pictures = [one for one in find([f"dataset:{dataset}"], modality="image") if isinstance(one, Item)]
    assert len(pictures) == 6
    assert {content(one) for one in pictures} == {(SAMPLES / "image/lake_day.jpg").read_bytes()}


def test_one_split_and_its_parts(dataset: Path) -> None:
    path = f"dataset:{dataset}?split=train"
    assert "".join(text.decode() for text in captions(path).values()) == "abcde"
    kept = [Part.from_json(json.loads(json.dumps(part.to_json()))) for part in parts([path], ReadOptions())]
    assert [len(part.pieces) for part in kept] == [2]
    assert "'image' and 'caption'" in kept[0].notes[0]
    assert len([one for part in kept for one in items(part, ReadOptions(columns=("caption",)))]) == 10


def test_what_is_not_there(dataset: Path) -> None:
    with pytest.raises(NotFound, match="Did you mean test"):
        list(find([f"dataset:{dataset}?split=tets"]))
    with pytest.raises(NotFound, match="no such dataset"):
        list(find([f"dataset:{dataset}/nowhere"]))
    with pytest.raises(TokeffError, match="unknown option"):
        list(find([f"dataset:{dataset}?spilt=test"]))


def test_without_the_library_the_extra_is_named(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokeff.readers import hub

    hub._splits.cache_clear()
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'tokeff\[datasets\]'"):
        list(find([f"dataset:{dataset}"]))
