"""The tokenizers of the family: pictures to ids of a codebook, and back where the model has a decoder.

Leaves out batches, sizes and memory (`pictures`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.image.layouts import Layout
from tokeff.tokenizers.image.vq.models import VqDecoder, VqEncoder
from tokeff.tokenizers.image.vq.pictures import Pictures, PicturesAndBack

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(slots=True, kw_only=True, eq=False)
class VqTokenizer(Pictures):
    """A model that encodes."""

    model: VqEncoder

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """One stream."""
        return (self.model.n_codes,)

    @property
    def levels(self) -> tuple[int, ...]:
        """Where an id is a number of several digits (FSQ): how many values each has, the first counting least."""
        return self.model.levels

    def tokens_of(self, pixels: Tensor) -> list[Tokens]:
        """Ids int32 [rows x columns] with their grid."""
        ids = self.model.ids(pixels)
        grid = tuple(ids.shape[1:])
        return [Tokens.discrete([each.ravel()], grid=grid) for each in ids.to("cpu", torch.int32).numpy()]


@dataclass(slots=True, kw_only=True, eq=False)
class VqAutoencoderTokenizer(PicturesAndBack, VqTokenizer):
    """A model that also decodes."""

    model: VqDecoder

    def pixels_of(self, tokens: Sequence[Tokens], layout: Layout) -> Tensor:
        """float [n, 3, *canvas]. Raises ItemError where these are not the ids of such a picture."""
        ids = torch.from_numpy(np.stack([self._ids(each, layout) for each in tokens])).to(self.device)
        return self.model.pixels(ids)

    def _ids(self, tokens: Tokens, layout: Layout) -> "NDArray[np.int64]":
        """[rows, columns]."""
        (ids,) = tokens.streams
        n_codes = self.model.n_codes
        if len(ids) != layout.n_tokens or not 0 <= int(ids.min()) <= int(ids.max()) < n_codes:
            raise ItemError(
                "corrupt",
                "these are not the ids of a picture of this size",
                got=f"{len(ids)} ids from {ids.min(initial=0)} to {ids.max(initial=0)}",
                expected=f"{layout.n_tokens} ids below {n_codes}",
            )
        return ids.astype(np.int64).reshape(layout.grid or (-1,))
