import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokeff.errors import ItemError
from tokeff.media.dispatch import decode
from tokeff.readers.corpus import find
from tokeff.readers.units import split
from tokeff.records.items import Failure, Item
from tokeff.records.signals import TextSignal


def pieces(text: bytes, unit: str, max_bytes: int = 2**20) -> list[tuple[str, bytes | None]]:
    found: list[tuple[str, bytes | None]] = []
    for one in split(io.BytesIO(text), "f", unit, max_bytes):  # type: ignore[arg-type]
        if isinstance(one, Failure):
            assert one.reason == "too_large"
            found.append((one.key, None))
        else:
            data = one.open().read()
            assert one.stored_bytes == len(data)
            found.append((one.key, data))
    return found


def test_lines_are_numbered_as_in_an_editor() -> None:
    text = b"one\n\n  \nfour\r\n five \nlast"
    assert pieces(text, "line") == [("f#L1", b"one"), ("f#L4", b"four"), ("f#L5", b" five "), ("f#L6", b"last")]


def test_paragraphs_are_parted_by_blank_lines() -> None:
    text = b"\n\na\nb\n\n \t\r\nc\r\n\r\n\r\nd"
    assert pieces(text, "paragraph") == [("f#P1", b"a\nb"), ("f#P2", b"c"), ("f#P3", b"d")]


@given(
    st.lists(st.sampled_from([b"", b" ", b"a", b"bb", b"ccc\r", b"dddddd", b"eeeeeeeeee"]), max_size=12), st.booleans()
)
def test_lines_against_splitting_in_memory(lines: list[bytes], ends: bool) -> None:
    text = b"\n".join(lines) + b"\n" * ends
    whole = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    expected = [(f"f#L{n}", line if len(line) <= 5 else None) for n, line in enumerate(whole, 1) if line.strip()]
    assert pieces(text, "line", 5) == expected


@given(st.lists(st.sampled_from([b"", b" ", b"a", b"bb", b"ccc", b"dddddd"]), max_size=12), st.booleans())
def test_paragraphs_against_splitting_in_memory(lines: list[bytes], ends: bool) -> None:
    text = b"\n".join(lines) + b"\n" * ends
    whole: list[list[bytes]] = [[]]
    for line in text.split(b"\n"):
        if line.strip():
            whole[-1].append(line)
        else:
            whole.append([])
    joined = [b"\n".join(group) for group in whole if group]
    expected = [(f"f#P{n}", data if len(data) <= 5 else None) for n, data in enumerate(joined, 1)]
    assert pieces(text, "paragraph", 5) == expected


def test_a_line_that_is_not_utf8_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("gut\nschön\n".encode() + "schön\n".encode("latin-1") + b"end\n")
    good, bad = [], []
    for item in find([tmp_path / "a.txt"], unit="line"):
        assert isinstance(item, Item)
        try:
            signal = decode(item)
        except ItemError as error:
            bad.append((item.key, error.reason))
        else:
            assert isinstance(signal, TextSignal)
            good.append(signal.text)
    assert good == ["gut", "schön", "end"]
    assert bad == [("a.txt#L3", "not_utf8")]


def test_other_modalities_stay_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"1\n2\n")
    (tmp_path / "b.gif").write_bytes(b"GIF89a\1\0\1\0\0\0\0")
    assert [one.key for one in find([tmp_path], unit="line")] == [
        f"{tmp_path.name}/a.txt#L1",
        f"{tmp_path.name}/a.txt#L2",
        f"{tmp_path.name}/b.gif",
    ]


@pytest.mark.parametrize("unit", ["line", "paragraph"])
def test_a_long_file_is_streamed(unit: str) -> None:
    class Endless(io.RawIOBase):
        n_read = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            block = b"a line\n\n" * 64
            n = min(len(buffer), len(block))
            buffer[:n] = block[:n]
            self.n_read += n
            return n

    source = Endless()
    items = split(io.BufferedReader(source), "f", unit)  # type: ignore[arg-type]
    for _ in range(100):
        assert isinstance(next(items), Item)
    assert source.n_read < 100_000
