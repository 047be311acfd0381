"""The family `latent`: pictures as vectors of a continuous autoencoder (diffusers' AutoencoderTiny, AutoencoderKL).

Continuous tokens: a count and vectors, no ids, no vocabulary, so no bits of capacity and no token entropy; distortion
and missing bits are those of the decoder. Needs the extra `diffusers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.errors import ItemError
from tokeff.records.cards import Card
from tokeff.records.tokens import Tokens
from tokeff.tokenizers.image.layouts import Layout
from tokeff.tokenizers.image.vq.diffusers_models import LatentModel
from tokeff.tokenizers.image.vq.diffusers_opening import open_network
from tokeff.tokenizers.image.vq.pictures import PicturesAndBack
from tokeff.tokenizers.image.vq.sources import Source
from tokeff.tokenizers.protocols import LoadContext

CLASSES = ("AutoencoderTiny", "AutoencoderKL")


@dataclass(slots=True, kw_only=True, eq=False)
class LatentTokenizer(PicturesAndBack):
    """An autoencoder whose tokens are vectors; they travel in the payload as float32 [width, rows, columns]."""

    model: LatentModel

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """None: tokens are continuous."""
        return ()

    def tokens_of(self, pixels: Tensor) -> list[Tokens]:
        """One token per place of the grid."""
        vectors = self.model.vectors(pixels).float().cpu()
        rows, columns = vectors.shape[2:]
        return [Tokens.continuous(rows * columns, grid=(rows, columns), payload=each) for each in vectors]

    def pixels_of(self, tokens: Sequence[Tokens], layout: Layout) -> Tensor:
        """float [n, 3, *canvas]. Raises ItemError where these are not the vectors of such a picture."""
        for each in tokens:
            if each.grid != layout.grid or not isinstance(each.payload, Tensor):
                raise ItemError(
                    "corrupt", "these are not the vectors of such a picture", got=each.grid, expected=layout.grid
                )
        vectors = torch.stack([each.payload for each in tokens])
        return self.model.pixels(vectors.to(self.device, getattr(torch, self.dtype)))


def load(card: Card, context: LoadContext) -> LatentTokenizer:
    """Opens a tokenizer of the family. Raises ArtefactMissing, ArtefactInvalid, ExtraMissing."""
    opened = open_network(Source.of(card), card, CLASSES)
    dtype = opened.prepare(card, context.device)
    return LatentTokenizer(
        card=card,
        model=LatentModel(opened.network),
        fit=opened.fit,
        scale=opened.scale,
        device=context.device,
        dtype=dtype,
    )
