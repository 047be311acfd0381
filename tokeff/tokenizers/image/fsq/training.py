"""Training: random crops, root mean squared error, Muon, a cosine schedule, averaged weights; it resumes exactly.

Leaves out finding pictures, and everything around the weights in the output directory (`output`).
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from tokeff.errors import TokeffError
from tokeff.tokenizers.image.fsq.model import FsqAutoencoder
from tokeff.tokenizers.image.fsq.optimiser import Muon
from tokeff.tokenizers.image.fsq.pictures import Pictures
from tokeff.tokenizers.image.fsq.plan import Plan, Report

State = dict[str, Tensor]
MAX_GRADIENT_NORM = 1.0
ROOT_FLOOR = 1e-8
"""Keeps the root differentiable at an exact copy."""


class Trainer:
    """One run: what it has fitted so far, and how to go on."""

    def __init__(self, plan: Plan, pictures: Pictures) -> None:
        self.plan, self.pictures = plan, pictures
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            model = FsqAutoencoder(plan.config)
        self.model = _placed(model, plan.device)
        self.optimiser = Muon(self.model.named_parameters())
        self.averaged: State = {name: weight.detach().clone() for name, weight in self.model.named_parameters()}
        self.generator = torch.Generator().manual_seed(plan.seed)
        self.step, self.seconds = 0, 0.0

    @property
    def progress(self) -> float:
        """0 to 1."""
        return self.plan.progress(self.step, self.seconds)

    def run(self, report: Callable[[Report], None]) -> Report:
        """Train to the end; `report` is called at every `report_steps` and at the end. Raises TokeffError for NaN."""
        losses: list[Tensor] = []
        while True:
            start = perf_counter()
            losses.append(self._one_step())
            finished = self.plan.progress(self.step, self.seconds + perf_counter() - start) >= 1
            is_due = finished or self.step % self.plan.report_steps == 0
            loss = float(torch.stack(losses).mean()) if is_due else 0.0  # waits for the device: the seconds are true
            self.seconds += perf_counter() - start
            if is_due:
                losses = []
                self._refuse_divergence(loss)
                report(news := self._report(loss))
                if finished:
                    return news

    def _refuse_divergence(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise TokeffError(
                "training has diverged: the loss is no number any more",
                got=f"step {self.step}, learning rate {self.plan.learning_rate}",
                fix="Begin anew with a smaller --learning-rate. What was saved last is still whole.",
            )

    def _one_step(self) -> Tensor:
        crops = self.pictures.crops(self.plan.batch, self.plan.crop, self.generator).to(self.plan.device)
        pixels = to_unit(crops).contiguous(memory_format=torch.channels_last)
        with self._autocast():
            rebuilt = self.model(pixels)
        # The root of each crop's squared error: what PSNR averages over pictures, not ruled by the busiest crops.
        loss = (rebuilt.float() - pixels).square().mean((1, 2, 3)).add(ROOT_FLOOR).sqrt().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM)
        self.optimiser.step(self.plan.learning_rate_at(self.step, self.progress), self.step)
        self.step += 1
        self._average()
        done: Tensor = loss.detach()
        return done

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.plan.average, self.step / (10 + self.step))
        for name, weight in self.model.named_parameters():
            self.averaged[name].lerp_(weight, 1 - decay)

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
            with self._autocast():
                ids = model.ids(to_unit(original))
                rebuilt = model.pixels(ids)
            used[ids.flatten().cpu()] = True
            error = (to_bytes(rebuilt.float()).float() - original.float()).square().mean().item()
            total += 10 * math.log10(255**2 / max(error, 1e-9))
        return total / len(self.pictures.held_out), used.float().mean().item()

    def _autocast(self) -> Any:
        if self.plan.precision == "fp32":
            return nullcontext()
        return torch.autocast(torch.device(self.plan.device).type, torch.bfloat16)

    def state(self) -> State:
        """Everything that `restore` needs, as tensors."""
        return {
            **{f"model.{name}": weight.detach().contiguous() for name, weight in self.model.named_parameters()},
            **{f"averaged.{name}": weight.contiguous() for name, weight in self.averaged.items()},
            **{f"optimiser.{name}": tensor.contiguous() for name, tensor in self.optimiser.state.items()},
            "generator": self.generator.get_state(),
            "step": torch.tensor(self.step),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
        }

    def restore(self, state: State) -> None:
        """Go on where `state` was taken."""
        self.model.load_state_dict(_below("model.", state))
        self.averaged = {name: tensor.to(self.plan.device) for name, tensor in _below("averaged.", state).items()}
        self.optimiser.load(_below("optimiser.", state))
        self.generator.set_state(state["generator"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


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


def _below(prefix: str, state: State) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
