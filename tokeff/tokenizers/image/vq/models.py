"""What the tokenizer asks of a model, and tokeff's own model as one."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from tokeff.tokenizers.image.fsq.model import FsqAutoencoder


class VqEncoder(Protocol):
    """A model from scaled pixels to ids."""

    @property
    def network(self) -> Any:
        """The module that computes."""
        ...

    @property
    def n_codes(self) -> int:
        """Number of ids."""
        ...

    @property
    def levels(self) -> tuple[int, ...]:
        """Where an id is a number of several digits: how many values each has, the first counting least."""
        ...

    def ids(self, pixels: Tensor) -> Tensor:
        """float [n, 3, height, width] -> int64 [n, rows, columns]."""
        ...


@runtime_checkable
class VqDecoder(VqEncoder, Protocol):
    """A model that also knows the way back."""

    def pixels(self, ids: Tensor) -> Tensor:
        """int64 [n, rows, columns] -> float [n, 3, height, width], scaled as the pixels that were encoded."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FsqModel:
    """tokeff's own autoencoder."""

    network: FsqAutoencoder

    @property
    def n_codes(self) -> int:
        """Number of ids."""
        return self.network.config.n_codes

    @property
    def levels(self) -> tuple[int, ...]:
        """Of each dimension."""
        return self.network.config.levels

    def ids(self, pixels: Tensor) -> Tensor:
        """float [n, 3, height, width] -> int64 [n, rows, columns]."""
        return self.network.ids(pixels)

    def pixels(self, ids: Tensor) -> Tensor:
        """int64 [n, rows, columns] -> float [n, 3, height, width] in about [-1, 1]."""
        return self.network.pixels(ids)
