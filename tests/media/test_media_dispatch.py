import io
import struct
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile
from PIL import Image

from tokeff.errors import ItemError
from tokeff.media.dispatch import decode, read_header
from tokeff.media.sniff import sniff_stream
from tokeff.readers.corpus import find
from tokeff.records.headers import AudioHeader, ImageHeader, TextHeader, VideoHeader
from tokeff.records.items import Failure, Item, Modality
from tokeff.records.signals import VideoSignal


def item_of(data: bytes, modality: Modality) -> Item:
    return Item(modality=modality, key="k", stored_bytes=len(data), open=partial(io.BytesIO, data))


def raising(error: BaseException) -> BinaryIO:
    raise error


def refused(item: Item) -> ItemError:
    with pytest.raises(ItemError) as header_refusal:
        read_header(item)
    with pytest.raises(ItemError) as refusal:
        decode(item)
    assert header_refusal.value.reason == refusal.value.reason
    assert refusal.value.where == "k"
    return refusal.value


def test_each_modality_has_its_header_and_signal() -> None:
    picture, sound = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (4, 3)).save(picture, "PNG")
    soundfile.write(sound, np.zeros(10), 8000, format="WAV")
    cases: list[tuple[bytes, Modality, type]] = [
        (b"text", "text", TextHeader),
        (picture.getvalue(), "image", ImageHeader),
        (sound.getvalue(), "audio", AudioHeader),
    ]
    for data, modality, kind in cases:
        item = item_of(data, modality)
        assert isinstance(read_header(item), kind)
        assert decode(item).header.raw_bytes == read_header(item).raw_bytes


@pytest.mark.parametrize("modality", ["text", "image", "audio", "video"])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "no"), "unreadable"),
        (OSError(5, "disk"), "unreadable"),
        (MemoryError(), "too_large"),
        (RuntimeError("boom"), "corrupt"),
        (RecursionError("deep"), "corrupt"),
    ],
)
def test_whatever_is_raised_becomes_an_item_error(modality: Modality, error: BaseException, reason: str) -> None:
    item = Item(modality=modality, key="k", stored_bytes=1, open=partial(raising, error))
    refusal = refused(item)
    assert refusal.reason == reason
    assert refusal.__cause__ is error
    if reason == "corrupt":
        assert type(error).__name__ in str(refusal)


@pytest.mark.parametrize("modality", ["text", "image", "audio"])
def test_a_failing_disk_is_not_taken_for_a_damaged_file(modality: Modality) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    item = Item(modality=modality, key="k", stored_bytes=9, open=partial(Failing, b"some data"))
    with pytest.raises(ItemError) as refusal:
        decode(item)
    assert refusal.value.reason == "unreadable"


@pytest.mark.parametrize("modality", ["text", "image", "audio"])
def test_an_item_without_bytes(modality: Modality) -> None:
    assert refused(item_of(b"", modality)).reason == "empty_file"


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + kind + data


def test_a_container_without_any_stream_is_a_video_that_has_none() -> None:
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    times = struct.pack(">5I", 0, 0, 0, 1000, 0) + struct.pack(">IH", 0x10000, 0x100) + bytes(10)
    mvhd = box(b"mvhd", times + matrix + bytes(24) + struct.pack(">I", 1))
    data = box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", mvhd)
    assert sniff_stream(partial(io.BytesIO, data), "a.mp4") == "video"
    assert refused(item_of(data, "video")).reason == "no_video_stream"


@pytest.mark.shared
def test_real_corpora_agree(shared: Path) -> None:
    """Three files of every folder: the header says what decoding gives."""
    folders = sorted(folder for folder in (shared / "corpora").rglob("*") if folder.is_dir())
    n_checked = 0
    for folder in folders:
        for path in sorted(path for path in folder.iterdir() if path.is_file())[:3]:
            for item in find([path]):
                assert not isinstance(item, Failure), item
                header, signal = read_header(item), decode(item)
                assert header.raw_bytes == signal.header.raw_bytes, path
                assert isinstance(header, VideoHeader) == isinstance(signal, VideoSignal)
                n_checked += 1
    assert n_checked > 20
