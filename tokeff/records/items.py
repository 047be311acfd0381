"""An item of a corpus: one document, picture, recording or clip. It is the unit of sampling and of every interval.

Leaves out how items are found (`tokeff.readers`) and how their content is decoded (`tokeff.media`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal, get_args

Modality = Literal["text", "image", "audio", "video"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item. `key` is unique in the corpus; `open` gives a fresh, seekable binary stream and can be pickled."""

    modality: Modality
    key: str
    stored_bytes: int
    """Bytes as the item lies in the corpus: the size of a file, the payload of a field."""
    open: Callable[[], BinaryIO]


Stage = Literal["find", "read", "decode", "encode", "reconstruct", "measure"]
"""Where an item was when it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An item, or part of one, that could not be measured: one line of `errors.jsonl`."""

    key: str
    modality: Modality | None
    stage: Stage
    reason: str
    message: str
    stored_bytes: int | None = None
    tokenizer: str | None = None
    """None where no tokenizer of the modality could have measured the item."""
