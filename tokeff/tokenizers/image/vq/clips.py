"""A model over space and time, put to frames: windows of frames in a row to ids, and back. transformers' Emu3VQVAE.

Pictures go through it as every other model's; this adds windows, in batches that fit into memory. Leaves out which
frames of a clip are looked at and how they are cut into windows (the video family `vq`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tokeff.tokenizers.image.layouts import Size
from tokeff.tokenizers.image.vq.pictures import BATCH_PIXELS, Pictures
from tokeff.tokenizers.image.vq.pixels import canvas_of, pictures_from
from tokeff.tokenizers.image.vq.tokenizer import VqAutoencoderTokenizer
from tokeff.tokenizers.image.vq.transformers_models import Emu3Model


@dataclass(slots=True, kw_only=True, eq=False)
class Windows(Pictures):
    """A model and the number of frames that it gets at once."""

    model: Emu3Model
    n_frames: int

    def __post_init__(self) -> None:
        """What is counted as one picture here is a window."""
        self.max_pixels = max(1, BATCH_PIXELS[self.device.partition(":")[0]] // self.n_frames)

    @property
    def n_times(self) -> int:
        """Times of ids of a window."""
        return self.n_frames // self.model.n_frames

    @property
    def n_codes(self) -> int:
        """Number of ids."""
        return self.model.n_codes

    def grid(self, height: int, width: int) -> Size:
        """(rows, columns) of ids of a frame. Raises ItemError where it cannot be fitted."""
        layout = self.fit(height, width)
        assert layout.grid is not None
        return layout.grid

    def ids(self, frames: Tensor) -> Tensor:
        """uint8 [n x n_frames, 3, height, width] -> int32 [n, n_times, rows, columns], on the CPU."""
        layout = self.fit(frames.shape[2], frames.shape[3])

        def run(windows: Sequence[Tensor]) -> list[Tensor]:
            canvas = canvas_of(torch.cat(list(windows)).to(self.device), layout.views[0], self.fit, self.scale)
            pixels = self.scale.apply(canvas).to(getattr(torch, self.dtype))
            with self._exact():
                ids = self.model.clip_ids(pixels.view(len(windows), self.n_frames, *pixels.shape[1:]))
            return list(ids.to("cpu", torch.int32))

        return torch.stack(self._batched(torch.split(frames, self.n_frames), layout, run))

    def frames(self, ids: Tensor, size: Size) -> Tensor:
        """int [n, n_times, rows, columns] -> uint8 [n x n_frames, 3, *size], on the CPU."""
        layout = self.fit(*size)

        def run(windows: Sequence[Tensor]) -> list[Tensor]:
            with self._exact():
                canvas = self.scale.undo(self.model.pixels(torch.stack(list(windows)).long().to(self.device)))
            frames = pictures_from(canvas.flatten(0, 1), layout.views[0], size, 3, self.fit).cpu()
            return list(torch.split(frames, self.n_frames))

        return torch.cat(self._batched(list(ids), layout, run))


@dataclass(slots=True, kw_only=True, eq=False)
class ClipVqTokenizer(VqAutoencoderTokenizer):
    """A model whose pictures are clips of one repeated frame, and which takes real clips, too."""

    model: Emu3Model

    @property
    def window_frames(self) -> int:
        """Frames that become one time of ids."""
        return self.model.n_frames

    def windows(self, n_frames: int) -> Windows:
        """The model for windows of so many frames, a multiple of `window_frames`."""
        return Windows(card=self.card, model=self.model, fit=self.fit, scale=self.scale, device=self.device,
                       dtype=self.dtype, n_frames=n_frames)  # fmt: skip
