import json
import os
import pickle
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokeff.errors import NotFound
from tokeff.readers.corpus import find
from tokeff.records.items import Failure, Item

GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def write(folder: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def keys(found: Iterator[Item | Failure]) -> list[str]:
    return [f"{one.key}!{one.reason}" if isinstance(one, Failure) else one.key for one in found]


def test_folders_are_walked_in_order(tmp_path: Path) -> None:
    root = write(tmp_path / "corpus", {"b.txt": "two", "a/z.md": "one", "a/c/d.gif": GIF, "c.json": "{}"})
    found = list(find([root]))
    assert [(one.key, one.modality) for one in found] == [
        ("corpus/a/c/d.gif", "image"),
        ("corpus/a/z.md", "text"),
        ("corpus/b.txt", "text"),
        ("corpus/c.json", "text"),
    ]
    assert [one.stored_bytes for one in found] == [len(GIF), 3, 3, 2]


def test_items_open_and_can_be_pickled(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "first\nsecond\n"})
    for unit, expected in (("file", b"first\nsecond\n"), ("line", b"first")):
        item = next(find([tmp_path], unit=unit))  # type: ignore[arg-type]
        assert isinstance(item, Item)
        with pickle.loads(pickle.dumps(item)).open() as stream:
            assert stream.read() == expected
            assert stream.seek(0) == 0


def test_hidden_files_and_junk_are_passed_over_unless_named(tmp_path: Path) -> None:
    hidden = {".git/config": "x", ".DS_Store": "x", "Thumbs.db": "x", "__pycache__/a.py": "x", "._a.txt": "x"}
    write(tmp_path, {"a.txt": "x", **hidden})
    assert keys(find([tmp_path])) == [f"{tmp_path.name}/a.txt"]
    assert keys(find([tmp_path / ".git"])) == [".git/config"]


def test_a_file_that_two_arguments_reach_is_one_item(tmp_path: Path) -> None:
    root = write(tmp_path / "data", {"a.txt": "x", "sub/b.txt": "y"})
    (tmp_path / "link").symlink_to(root)
    assert keys(find([root, root / "sub", root / "a.txt", str(root) + "/./", tmp_path / "link"])) == [
        "data/a.txt",
        "data/sub/b.txt",
    ]
    assert keys(find([root / "*.txt", root / "a*"])) == ["data/a.txt"]


def test_arguments_of_one_name_do_not_collide(tmp_path: Path) -> None:
    write(tmp_path, {"p/data/a.txt": "1", "q/data/a.txt": "2", "q/r/a.txt": "3"})
    found = keys(find([tmp_path / "p/data", tmp_path / "q/data", tmp_path / "q/r/a.txt"]))
    assert found == ["p/data/a.txt", "q/data/a.txt", "a.txt"]
    # Here the label q/data of one folder could also be a path below the other.
    write(tmp_path, {"s/q/data/a.txt": "4"})
    found = keys(find([tmp_path / "p/data", tmp_path / "s/q/data", tmp_path / "q"]))
    assert len(found) == len(set(found)) == 4


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["a.txt"]),
        ("**/*.txt", ["a.txt", "s/b.txt", "s/t/c.txt"]),
        ("s/*.txt", ["s/b.txt"]),
        ("**/t/*", ["s/t/c.txt", "s/t/d.md"]),
        ("s/**", ["s/b.txt", "s/t/c.txt", "s/t/d.md"]),
        ("?", ["s/b.txt", "s/t/c.txt", "s/t/d.md"]),
        ("**/[bd].*", ["s/b.txt", "s/t/d.md"]),
        ("*/t", ["s/t/c.txt", "s/t/d.md"]),
    ],
)
def test_globs(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    write(tmp_path, {"a.txt": "1", "s/b.txt": "2", "s/t/c.txt": "3", "s/t/d.md": "4", "s/t/.h.txt": "5"})
    found = keys(find([f"{tmp_path}/{pattern}"]))
    base = tmp_path.name if not pattern.startswith("s/") else "s"
    assert found == [name if base == "s" else f"{base}/{name}" for name in expected]


def test_a_file_with_signs_of_a_glob_in_its_name_is_found(tmp_path: Path) -> None:
    write(tmp_path, {"a[1].txt": "x", "a1.txt": "y"})
    assert keys(find([tmp_path / "a[1].txt"])) == ["a[1].txt"]


def test_what_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, {"photos/a.txt": "x"})
    with pytest.raises(NotFound, match=r"Did you mean .*photos"):
        find([tmp_path / "photo"])
    with pytest.raises(NotFound, match="no 'nowhere'"):
        find([tmp_path / "nowhere" / "*.txt"])
    with pytest.raises(NotFound, match="no file matches"):
        list(find([tmp_path / "*.flac"]))


def test_links(tmp_path: Path) -> None:
    root = write(tmp_path / "r", {"a.txt": "x", "sub/b.txt": "y"})
    outside = write(tmp_path / "outside", {"c.txt": "z"})
    (root / "sub" / "up").symlink_to(root)
    (root / "self.txt").symlink_to(root / "self.txt")
    (root / "broken.txt").symlink_to("nowhere.txt")
    (root / "file.txt").symlink_to(outside / "c.txt")
    (root / "folder").symlink_to(outside)
    assert keys(find([root])) == [
        "r/a.txt",
        "r/broken.txt!broken_link",
        "r/file.txt",
        "r/folder/c.txt",
        "r/self.txt!symlink_loop",
        "r/sub/b.txt",
        "r/sub/up!symlink_loop",
    ]
    assert keys(find([root / "broken.txt"])) == ["broken.txt!broken_link"]


def test_special_files_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # names of sockets are short
        server.bind("socket")
        (tmp_path / "null").symlink_to("/dev/null")
        found = list(find([tmp_path]))
    assert [one.reason for one in found if isinstance(one, Failure)] == ["not_a_file"] * 3
    assert {one.message.split(",")[0] for one in found if isinstance(one, Failure)} == {
        "a named pipe",
        "a socket",
        "a character device",
    }


def test_empty_and_unknown_files(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": b"", "b.bin": bytes(range(256)), "c.pdf": b"%PDF-1.4\nhello"})
    found = list(find([tmp_path]))
    assert [one.reason for one in found if isinstance(one, Failure)] == ["empty_file", "unknown_type", "unknown_type"]
    assert [one.stored_bytes for one in found] == [None, 256, 14]


def test_one_modality_leaves_out_the_others_without_a_word(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "x", "b.gif": GIF, "c.bin": bytes(9), "d.txt": b"", "e.gif": b""})
    assert keys(find([tmp_path], modality="image")) == [f"{tmp_path.name}/b.gif", f"{tmp_path.name}/e.gif!empty_file"]


def test_names_that_are_not_utf8_give_keys_that_are(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.txt", "wb") as file:  # noqa: PTH123
        file.write(b"x")
    (item,) = find([tmp_path])
    assert item.key == f"{tmp_path.name}/caf\\xe9.txt"
    assert isinstance(item, Item)
    with item.open() as stream:
        assert stream.read() == b"x"


def test_a_path_too_long_for_the_system_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 250).mkdir()
        monkeypatch.chdir("d" * 250)
    monkeypatch.chdir(tmp_path)
    (failure,) = find([tmp_path])
    assert isinstance(failure, Failure)
    assert failure.reason == "unreadable"
    assert "too long" in failure.message


def test_without_permission() -> None:
    """Root may read everything: as root, a child process becomes another user."""
    folder = Path(tempfile.mkdtemp())
    try:
        write(folder, {"open.txt": "x", "shut.txt": "x", "locked/a.txt": "x"})
        folder.chmod(0o755)
        (folder / "shut.txt").chmod(0)
        (folder / "locked").chmod(0)
        name = folder.name
        expected = [f"{name}/locked!permission_denied", f"{name}/open.txt", f"{name}/shut.txt!permission_denied"]
        assert (_keys_as_nobody(folder) if os.getuid() == 0 else keys(find([folder]))) == expected
    finally:
        (folder / "locked").chmod(0o755)
        shutil.rmtree(folder)


def _keys_as_nobody(folder: Path) -> list[str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            os.write(writing, json.dumps(keys(find([folder]))).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    seen: list[str] = json.loads(answer)
    return seen
