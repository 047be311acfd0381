"""Datasets of the Hugging Face hub by their id, streamed by the optional library `datasets`.

    dataset:user/name    dataset:user/name?config=en&split=train&revision=main

Every split is read, or the one asked for; each file of a split that the library gives apart is a piece. Keys:
`user/name/train#R12.text`, or `user/name/train/3#R12.text` for the fourth of several files. A local folder may stand
for the id. No code of a dataset is run. Leaves out pictures that a dataset names and does not hold: `hf://datasets/...`
reads such folders.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from tokeff.errors import ExtraMissing, NotFound, TokeffError
from tokeff.readers.columns import Guess, guess_of_records, guess_of_schema
from tokeff.readers.fields import failure, value_items, walk_to
from tokeff.readers.options import ReadOptions
from tokeff.readers.pieces import Piece
from tokeff.records.items import Failure, Item

PREFIX = "dataset:"
ASKED = {"config", "split", "revision"}
LOOKED_AT_ROWS = 8
Cut = tuple[Piece, str]
"""A piece and the sentence of its guess."""


def dataset_pieces(path: str, options: ReadOptions) -> Iterator[Cut]:
    """The pieces of a dataset. Raises ExtraMissing without the library, NotFound, TokeffError where it refuses."""
    name = path.removeprefix(PREFIX).partition("?")[0].rstrip("/")
    label = name.rpartition("/")[2] if name.startswith(("/", ".")) else name
    for split, (stream, n_bytes, mark) in _splits(path).items():
        guess = _guess(stream, options)
        base = _path_of_split(path, split)
        for place in range(stream.num_shards):
            key = f"{label}/{split}" + (f"/{place}" if stream.num_shards > 1 else "")
            piece = Piece(
                path=base,
                key=key,
                n_bytes=n_bytes // stream.num_shards,
                mark=mark,
                format="dataset",
                columns=guess.columns,
                start=place,
                stop=place + 1,
            )
            yield piece, guess.note


def dataset_items(piece: Piece, options: ReadOptions) -> Iterator[Item | Failure]:
    """The items of a piece, row by row. What stops the library is one failure."""
    split = _asked(piece.path)["split"]
    stream = _raw(_splits(piece.path)[split][0])
    if stream.num_shards > 1:
        stream = stream.shard(num_shards=stream.num_shards, index=piece.start)
    rows, number = iter(stream), 0
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except Exception as error:
            message = f"this row and all behind it are lost: {type(error).__name__}: {error}"
            yield failure(f"{piece.key}#R{number}", "unreadable", message)
            return
        for column in piece.columns:
            yield from _cell(row, column, f"{piece.key}#R{number}.{column}", options)
        number += 1


def _cell(row: Mapping[str, Any], column: str, key: str, options: ReadOptions) -> Iterator[Item | Failure]:
    try:
        value = walk_to(row, column)
    except KeyError:
        yield failure(key, "no_column", f"the row has no field {column!r}, but {', '.join(map(repr, row))}")
        return
    yield from value_items(key, value, options)


@lru_cache(maxsize=8)
def _splits(path: str) -> dict[str, tuple[Any, int, str]]:
    """Split -> its stream, its bytes where the hub says them, and what changes with its content."""
    try:
        import datasets
    except ImportError as error:
        raise ExtraMissing.of("datasets", "datasets", where=path) from error
    asked = _asked(path)
    name = path.removeprefix(PREFIX).partition("?")[0]
    try:
        builder = datasets.load_dataset_builder(name, asked.get("config"), revision=asked.get("revision"))
        streams = builder.as_streaming_dataset()
    except FileNotFoundError as error:
        raise NotFound("there is no such dataset", where=path, got=error) from error
    except Exception as error:
        raise TokeffError("the dataset cannot be opened", where=path, got=f"{type(error).__name__}: {error}") from error
    if "split" in asked and asked["split"] not in streams:
        raise NotFound.among("split", asked["split"], streams)
    sizes = builder.info.splits or {}
    wanted = [asked["split"]] if "split" in asked else list(streams)
    return {
        split: (streams[split], int(getattr(sizes.get(split), "num_bytes", 0) or 0), _mark(builder)) for split in wanted
    }


def _mark(builder: Any) -> str:
    """The library's own fingerprint of the data files: their ETags or times are in it."""
    return str(builder.hash or builder.cache_dir)


def _asked(path: str) -> dict[str, str]:
    """The options behind the `?`. Raises TokeffError for others than ASKED."""
    asked = {name: values[-1] for name, values in parse_qs(path.partition("?")[2]).items()}
    if strangers := set(asked) - ASKED:
        raise TokeffError(
            "unknown option of a dataset", where=path, got=", ".join(strangers), expected=", ".join(sorted(ASKED))
        )
    return asked


def _path_of_split(path: str, split: str) -> str:
    if "split" in _asked(path):
        return path
    return f"{path}{'&' if '?' in path else '?'}split={split}"


def _raw(stream: Any) -> Any:
    """The stream with pictures, recordings and clips as they lie: bytes and path, not decoded."""
    import datasets

    for name, feature in (stream.features or {}).items():
        if isinstance(feature, datasets.Image | datasets.Audio | datasets.Video):
            stream = stream.cast_column(name, type(feature)(decode=False))
    return stream


def _guess(stream: Any, options: ReadOptions) -> Guess:
    if options.columns:
        return Guess(columns=tuple(dict.fromkeys(options.columns)), note="")
    if stream.features is not None:
        schema = stream.features.arrow_schema
        guess = guess_of_schema("dataset", schema, {})
        if guess.by_size:
            rows = list(_raw(stream).take(LOOKED_AT_ROWS))
            guess = guess_of_schema("dataset", schema, {n: sum(len(str(row[n])) for row in rows) for n in schema.names})
    else:
        guess = guess_of_records(list(_raw(stream).take(LOOKED_AT_ROWS)))
    if not guess.columns:
        raise TokeffError("no column of the dataset is text or bytes", fix="--column names what is to be read.")
    return guess
