"""URLs: a real S3 server on the loopback, a web server, memory://; the same items and failures as from the disk."""

import functools
import gzip
import http.server
import io
import json
import pickle
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokeff.errors import ExtraMissing, NotFound, TokeffError
from tokeff.readers.corpus import find
from tokeff.readers.options import ReadOptions
from tokeff.readers.parts import items, parts
from tokeff.readers.pieces import Part
from tokeff.readers.remote import settings_of
from tokeff.records.items import Failure, Item

SAMPLES = Path(__file__).parents[2] / "data_samples"
STORAGE: tuple[tuple[str, str], ...] = (("key", "k"), ("secret", "s"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every format, and some damage."""
    root = tmp_path_factory.mktemp("remote") / "corpus"
    (root / "sub" / "deep").mkdir(parents=True)
    jpeg = (SAMPLES / "image/lake_day.jpg").read_bytes()
    (root / "sub/deep/lake.jpg").write_bytes(jpeg)
    clip = min((SAMPLES / "video").glob("*.mp4"), key=lambda path: path.stat().st_size)
    (root / "sub/clip.mp4").write_bytes(clip.read_bytes())
    (root / "a.txt").write_text("one\n\nthree\n")
    (root / "z.txt.gz").write_bytes(gzip.compress(b"inflated\n"))
    (root / ".hidden.txt").write_text("x")
    lines = [*[json.dumps({"text": f"line {n}"}) for n in range(300)], "{broken"]
    (root / "l.jsonl").write_text("\n".join(lines))
    (root / "m.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode())[:-20])
    pq.write_table(pa.table({"text": [f"row {n}" for n in range(500)]}), root / "t.parquet", row_group_size=200)
    with tarfile.open(root / "w.tar", "w") as archive:
        for name, data in (("0.jpg", jpeg), ("0.txt", b"a lake"), ("0.json", b"{}")):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return root


@pytest.fixture(scope="module")
def s3(corpus: Path) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    storage = (*STORAGE, ("endpoint_url", f"http://{host}:{port}"))
    files = fsspec.filesystem("s3", **settings_of(storage), skip_instance_cache=True)
    files.mkdir("bucket")
    files.put(f"{corpus}/", "bucket/some/corpus/", recursive=True)
    files.pipe("bucket/open/t.parquet", (corpus / "t.parquet").read_bytes())
    yield f"http://{host}:{port}", storage
    server.stop()


@pytest.fixture(scope="module")
def memory(corpus: Path) -> Iterator[str]:
    files = fsspec.filesystem("memory")
    files.put(f"{corpus}/", "/tokeff/corpus/", recursive=True)
    yield "memory://tokeff/corpus"
    files.rm("/tokeff", recursive=True)


def told(paths: list[str], **how: Any) -> list[tuple[str, str, int | None, bytes | str]]:
    """Everything about everything; items go through a pickle, as they do on their way to a worker."""
    seen: list[tuple[str, str, int | None, bytes | str]] = []
    for one in find(paths, **how):
        if isinstance(one, Item):
            with pickle.loads(pickle.dumps(one)).open() as stream:
                head = stream.read(10)
                assert stream.seek(0) == 0
                assert stream.read().startswith(head)
            seen.append((one.key, one.modality, one.stored_bytes, head))
        else:
            seen.append((one.key, one.reason, one.stored_bytes, ""))
    return seen


@pytest.mark.parametrize("unit", ["file", "line"])
def test_s3_as_the_disk(corpus: Path, s3: tuple[str, Any], unit: str) -> None:
    expected = told([str(corpus)], unit=unit)
    assert len(expected) > 800
    assert {reason for _, reason, _, _ in expected} >= {"not_json", "truncated", "image", "video", "text"}
    assert told(["s3://bucket/some/corpus"], storage=s3[1], unit=unit) == expected
    assert told(["s3://bucket/some/corpus/"], storage=s3[1], unit=unit) == expected


def test_memory_as_the_disk(corpus: Path, memory: str) -> None:
    assert told([memory]) == told([str(corpus)])


def test_a_url_of_a_local_file(corpus: Path) -> None:
    assert told([f"file://{corpus}/t.parquet"]) == told([f"{corpus}/t.parquet"])


@pytest.mark.parametrize("pattern", ["*.txt", "**/*.jpg", "sub", "sub/**", "?.parquet", "s*/d*/*"])
def test_globs_in_urls(corpus: Path, memory: str, s3: tuple[str, Any], pattern: str) -> None:
    local = [key.rpartition("/")[2] for key, *_ in told([f"{corpus}/{pattern}"])]
    assert local
    for url, storage in ((memory, ()), ("s3://bucket/some/corpus", s3[1])):
        assert [key.rpartition("/")[2] for key, *_ in told([f"{url}/{pattern}"], storage=storage)] == local


def test_parts_of_urls_go_through_json_and_see_a_change(memory: str) -> None:
    before = list(parts([memory], ReadOptions()))
    again = [Part.from_json(json.loads(json.dumps(part.to_json()))) for part in before]
    assert [part.fingerprint for part in again] == [part.fingerprint for part in parts([memory], ReadOptions())]
    assert [one.key for part in again for one in items(part, ReadOptions())] == [key for key, *_ in told([memory])]
    fsspec.filesystem("memory").pipe("/tokeff/corpus/a.txt", b"two\n\nthree\n")
    assert before[0].fingerprint != next(parts([memory], ReadOptions())).fingerprint
    fsspec.filesystem("memory").pipe("/tokeff/corpus/a.txt", b"one\n\nthree\n")


def test_several_roots_and_the_same_twice(corpus: Path, memory: str) -> None:
    both = [key for key, *_ in told([memory, f"{memory}/a.txt", str(corpus / "a.txt")])]
    assert len(both) == len(set(both)) == len(told([memory])) + 1


def test_what_is_not_there(memory: str, s3: tuple[str, Any]) -> None:
    with pytest.raises(NotFound, match="no file or folder"):
        list(find([f"{memory}/nothing"]))
    with pytest.raises(NotFound, match="no file or folder"):
        list(find(["s3://no-such-bucket/x"], storage=s3[1]))
    with pytest.raises(NotFound, match="no file matches"):
        list(find([f"{memory}/*.flac"]))
    with pytest.raises(TokeffError, match="Protocol not known: foo"):
        list(find(["foo://x/y"]))
    with pytest.raises(TokeffError, match="within archives"):
        list(find(["zip://a.txt::/b.zip"]))


def test_storage_that_cannot_be_reached_is_said_with_a_way_out() -> None:
    storage = (*STORAGE, ("endpoint_url", "http://127.0.0.1:9"), ("config_kwargs.retries.max_attempts", "1"))
    with pytest.raises(TokeffError, match=r"the storage refuses.*--storage-option"):
        list(find(["s3://bucket/x"], storage=storage))


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(ExtraMissing, match=r"gcsfs.*pip install 'tokeff\[gs\]'"):
        list(find(["gs://bucket/x"]))


class Web(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web(corpus: Path) -> Iterator[str]:
    """A server that gives no parts of files."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Web, directory=corpus)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", ["a.txt", "l.jsonl", "m.jsonl.gz", "t.parquet", "w.tar", "sub/clip.mp4", "z.txt.gz"])
def test_a_web_server_without_parts(corpus: Path, web: str, name: str) -> None:
    assert told([f"{web}/{name}?download=1"]) == told([str(corpus / name)])


def test_a_web_address_that_is_not_there(web: str) -> None:
    with pytest.raises(NotFound):
        list(find([f"{web}/nothing.txt"]))


def test_a_web_server_with_parts(corpus: Path, s3: tuple[str, Any]) -> None:
    files = fsspec.filesystem("s3", **settings_of(s3[1]))
    address = files.sign("bucket/open/t.parquet")
    mine = told([address])
    assert [row[1:] for row in mine] == [row[1:] for row in told([str(corpus / "t.parquet")])]
    assert mine[0][0] == "t.parquet#R0.text"


def test_a_file_that_vanishes_is_a_failure(memory: str) -> None:
    (part, *_) = parts([f"{memory}/a.txt"], ReadOptions())
    fsspec.filesystem("memory").rm("/tokeff/corpus/a.txt")
    (gone,) = items(part, ReadOptions())
    assert isinstance(gone, Failure)
    assert gone.reason == "unreadable"
    fsspec.filesystem("memory").pipe("/tokeff/corpus/a.txt", b"one\n\nthree\n")


def test_values_of_storage_options_are_not_kept() -> None:
    kept = ReadOptions(storage=(("secret", "hush"), ("endpoint_url", "http://x"))).to_json()
    assert "hush" not in json.dumps(kept)
    assert kept["storage"] == ["endpoint_url", "secret"]
    assert ReadOptions.from_json(kept, (("secret", "hush"),)).storage == (("secret", "hush"),)
