"""What is read where nobody said: the guess and the sentence that tells it."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tokeff.readers.columns import guess_of_records, guess_of_schema
from tokeff.readers.corpus import find

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


@pytest.mark.parametrize(
    ("record", "columns"),
    [
        ({"id": "x" * 99, "text": "a"}, ("text",)),
        ({"title": "short", "story": "much longer than the title"}, ("story",)),
        ({"content": "a", "text": "b"}, ("text",)),
        ({"meta": {"text": "x"}, "n": 1}, ()),
        ({"messages": [{"role": "user", "content": "hi"}], "id": 7}, ("messages.content",)),
        ({"conversations": [{"from": "gpt", "value": "hi"}]}, ("conversations.value",)),
        ({"prompt": "p", "completion": "c"}, ("completion",)),
    ],
)
def test_records(record: dict[str, Any], columns: tuple[str, ...]) -> None:
    assert guess_of_records([record, record]).columns == columns


@pytest.mark.parametrize(
    ("fields", "columns"),
    [
        ({"id": pa.string(), "text": pa.large_string()}, ("text",)),
        ({"url": pa.string(), "body_of_it": pa.string(), "n": pa.int64()}, ("body_of_it",)),
        ({"image": PICTURE, "label": pa.int64(), "file_name": pa.string()}, ("image",)),
        ({"file_name": pa.string(), "image": PICTURE, "caption": pa.string()}, ("image", "caption")),
        ({"audio": PICTURE, "transcription": pa.string(), "speaker": pa.string()}, ("audio", "transcription")),
        ({"jpg": pa.binary(), "depth": pa.large_binary(), "txt": pa.string()}, ("jpg", "depth", "txt")),
        ({"images": pa.list_(PICTURE), "messages": TURNS}, ("images", "messages.content")),
        ({"text": pa.dictionary(pa.int32(), pa.string())}, ("text",)),
        ({"n": pa.int64(), "tokens": pa.list_(pa.int32())}, ()),
    ],
)
def test_tables(fields: dict[str, Any], columns: tuple[str, ...]) -> None:
    sizes = {"url": 10, "body_of_it": 1000}
    assert guess_of_schema("Parquet", pa.schema(fields), sizes).columns == columns


def test_the_sentence_names_what_is_read_and_what_is_not() -> None:
    guess = guess_of_schema("Parquet", pa.schema({"image": PICTURE, "caption": pa.string(), "label": pa.int64()}), {})
    expected = "Parquet: items are read from 'image' and 'caption', not 'label'; --column chooses others"
    assert guess.note == expected


def test_where_nothing_could_be_read_the_usual_name_is_tried() -> None:
    assert guess_of_records([]).columns == ("text",)


def test_the_largest_of_several_texts_of_a_dataset_on_disk(tmp_path: Path) -> None:
    schema = pa.schema({"author": pa.string(), "story": pa.string()})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch({"author": ["somebody"], "story": ["long " * 50]}, schema))
    assert [one.key for one in find([tmp_path / "a.arrow"])] == ["a.arrow#R0.story"]
