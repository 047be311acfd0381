"""Training: random crops of pictures and their root mean squared error, in the common loop.

Leaves out finding pictures, and the output directory (`output`).
"""

import math

import torch
from torch import Tensor

from tokeff.tokenizers.image.fsq.model import FsqAutoencoder
from tokeff.tokenizers.image.fsq.pictures import Pictures
from tokeff.tokenizers.image.fsq.plan import Plan, Report
from tokeff.tokenizers.training.trainer import Trainer as Loop

ROOT_FLOOR = 1e-8
"""Keeps the root differentiable at an exact copy."""


class Trainer(Loop[Report]):
    """One run: what it has fitted so far, and how to go on."""

    def __init__(self, plan: Plan, pictures: Pictures) -> None:
        self.plan, self.pictures = plan, pictures
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            model = FsqAutoencoder(plan.config)
        self.model = _placed(model, plan.device)
        super().__init__(plan, self.model)

    def _loss(self) -> Tensor:
        crops = self.pictures.crops(self.plan.batch, self.plan.crop, self.generator).to(self.plan.device)
        pixels = to_unit(crops).contiguous(memory_format=torch.channels_last)
        with self.autocast():
            rebuilt = self.model(pixels)
        # The root of each crop's squared error: what PSNR averages over pictures, not ruled by the busiest crops.
        return (rebuilt.float() - pixels).square().mean((1, 2, 3)).add(ROOT_FLOOR).sqrt().mean()  # type: ignore[no-any-return]

    def averaged_model(self) -> FsqAutoencoder:
        """The model with the averaged weights."""
        model = _placed(FsqAutoencoder(self.plan.config), self.plan.device)
        model.load_state_dict(self.averaged)
        return model.eval()

    def _report(self, loss: float) -> Report:
        psnr_db, utilisation = self._held_out(self.averaged_model())
        return Report(
            step=self.step,
            seconds=self.seconds,
            progress=self.progress,
            loss=loss,
            held_out_psnr_db=psnr_db,
            held_out_utilisation=utilisation,
        )

    def _held_out(self, model: FsqAutoencoder) -> tuple[float, float]:
        """Mean PSNR in dB and share of codes used, over the held-out pictures cut to whole blocks."""
        trunk, total = self.plan.config.trunk, 0.0
        used = torch.zeros(self.plan.config.n_codes, dtype=torch.bool)
        for picture in self.pictures.held_out:
            height, width = (side // trunk * trunk for side in picture.shape[1:])
            original = picture[None, :, :height, :width].to(self.plan.device)
            with self.autocast():
                ids = model.ids(to_unit(original))
                rebuilt = model.pixels(ids)
            used[ids.flatten().cpu()] = True
            error = (to_bytes(rebuilt.float()).float() - original.float()).square().mean().item()
            total += 10 * math.log10(255**2 / max(error, 1e-9))
        return total / len(self.pictures.held_out), used.float().mean().item()


def _placed(model: FsqAutoencoder, device: str) -> FsqAutoencoder:
    """On its device, channels last: the order that matrix units of processors and GPUs want."""
    model.to(device)
    for weight in model.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return model


def to_unit(pixels: Tensor) -> Tensor:
    """uint8 -> float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def to_bytes(pixels: Tensor) -> Tensor:
    """About [-1, 1] -> uint8, rounded and clamped."""
    return ((pixels + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
