"""Sound files of every format and sample, from which the corrupted ones are made: `python originals.py FOLDER`.

The samples of the repository as they are, and containers of some of them. Run once per session of tests.
"""

import gzip
import io
import json
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

SAMPLES = Path(__file__).parents[2] / "data_samples"
KINDS = ("text", "code", "image", "audio", "video")
TEXTS = [f"row {n} " + "und so weiter, é, 三 " * (n % 7) for n in range(400)]


def make(folder: Path) -> None:
    """Write every original into the folder."""
    for kind in KINDS:
        for path in sorted((SAMPLES / kind).iterdir()):
            shutil.copy(path, folder / path.name)
    lines = "".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(TEXTS)).encode()
    _write_compressed(folder, "lines.jsonl", lines)
    _write_compressed(folder, "text.txt", "\n".join(TEXTS).encode())
    _write_compressed(folder, "samples.tar", _tar())
    _write_tables(folder)


def _write_compressed(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    (folder / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
    (folder / f"{name}.zst").write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(data))


def _media() -> dict[str, bytes]:
    names = ("image/balls_turned.jpg", "image/balls_small.png", "audio/voice_hall.opus", "video/typing.mkv")
    return {name.partition("/")[2]: (SAMPLES / name).read_bytes() for name in names}


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in _media().items():
            stem, _, ending = name.partition(".")
            for member, content in (
                (f"{stem}.{ending}", data),
                (f"{stem}.txt", stem.encode()),
                (f"{stem}.json", b"{}"),
            ):
                entry = tarfile.TarInfo(f"{'long/' * 30}{member}" if ending == "opus" else member)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _write_tables(folder: Path) -> None:
    texts = pa.table({"id": range(len(TEXTS)), "text": TEXTS, "kind": pa.array(["a", "b"] * 200).dictionary_encode()})
    media = pa.table(
        {
            "media": [{"bytes": data, "path": name} for name, data in _media().items()],
            "caption": list(_media()),
        }
    )
    for compression in ("none", "snappy", "zstd"):
        pq.write_table(texts, folder / f"{compression}.parquet", row_group_size=100, compression=compression)
    pq.write_table(texts, folder / "checked.parquet", row_group_size=100, write_page_checksum=True)
    pq.write_table(media, folder / "media.parquet", row_group_size=2)
    for name, open_writer in (("stream", pa.ipc.new_stream), ("file", pa.ipc.new_file)):
        for table, kind in ((texts, "texts"), (media, "media")):
            _write_arrow(folder / f"{name}_{kind}.arrow", open_writer, table)
    _write_arrow(folder / "packed.arrow", pa.ipc.new_stream, texts, pa.ipc.IpcWriteOptions(compression="zstd"))


def _write_arrow(path: Path, open_writer: Any, table: Any, options: Any = None) -> None:
    with pa.OSFile(str(path), "wb") as sink, open_writer(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=100)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
