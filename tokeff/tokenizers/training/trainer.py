"""The loop: gradients of a loss, Muon, a cosine schedule, averaged weights; it resumes exactly.

Leaves out the network, its data and its loss (the modalities' trainers), and the directory of a run (`directory`).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from time import perf_counter
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from tokeff.errors import TokeffError
from tokeff.tokenizers.training.optimiser import Muon
from tokeff.tokenizers.training.plan import TrainingPlan

State = dict[str, Tensor]
Report = TypeVar("Report")
MAX_GRADIENT_NORM = 1.0


class Trainer(ABC, Generic[Report]):
    """One run: what it has fitted so far, and how to go on."""

    max_gradient_norm = MAX_GRADIENT_NORM

    def __init__(self, plan: TrainingPlan, network: nn.Module) -> None:
        self.settings, self.network = plan, network
        self.optimiser = Muon(network.named_parameters())
        self.averaged: State = {name: weight.detach().clone() for name, weight in network.named_parameters()}
        self.generator = torch.Generator().manual_seed(plan.seed)
        self.step, self.seconds = 0, 0.0

    @abstractmethod
    def _loss(self) -> Tensor:
        """The loss of one batch drawn with `generator`, differentiable."""

    @abstractmethod
    def _report(self, loss: float) -> Report:
        """How far the run is, with the averaged weights."""

    @property
    def progress(self) -> float:
        """0 to 1."""
        return self.settings.progress(self.step, self.seconds)

    def run(self, report: Callable[[Report], None]) -> Report:
        """Train to the end; `report` is called at every `report_steps` and at the end. Raises TokeffError for NaN."""
        losses: list[Tensor] = []
        while True:
            start = perf_counter()
            losses.append(self._one_step())
            finished = self.settings.progress(self.step, self.seconds + perf_counter() - start) >= 1
            is_due = finished or self.step % self.settings.report_steps == 0
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
                got=f"step {self.step}, learning rate {self.settings.learning_rate}",
                fix="Begin anew with a smaller --learning-rate. What was saved last is still whole.",
            )

    def _one_step(self) -> Tensor:
        loss = self._loss()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient_norm)
        self.optimiser.step(self.settings.learning_rate_at(self.step, self.progress), self.step)
        self.step += 1
        self._average()
        return loss.detach()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.settings.average, self.step / (10 + self.step))
        for name, weight in self.network.named_parameters():
            self.averaged[name].lerp_(weight, 1 - decay)

    def autocast(self) -> Any:
        """The context of the plan's precision."""
        if self.settings.precision == "fp32":
            return nullcontext()
        return torch.autocast(torch.device(self.settings.device).type, torch.bfloat16)

    def state(self) -> State:
        """Everything that `restore` needs, as tensors."""
        return {
            **{f"model.{name}": weight.detach().contiguous() for name, weight in self.network.named_parameters()},
            **{f"averaged.{name}": weight.contiguous() for name, weight in self.averaged.items()},
            **{f"optimiser.{name}": tensor.contiguous() for name, tensor in self.optimiser.state.items()},
            "generator": self.generator.get_state(),
            "step": torch.tensor(self.step),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
        }

    def restore(self, state: State) -> None:
        """Go on where `state` was taken."""
        with torch.no_grad():
            for name, weight in self.network.named_parameters():
                weight.copy_(state[f"model.{name}"])
        self.averaged = {name: tensor.to(self.settings.device) for name, tensor in below("averaged.", state).items()}
        self.optimiser.load(below("optimiser.", state))
        self.generator.set_state(state["generator"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


def below(prefix: str, state: State) -> State:
    """The entries whose names begin so, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
