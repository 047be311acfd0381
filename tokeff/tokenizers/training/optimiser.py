"""The optimiser: Muon for the kernels of convolutions, Adam for biases. Its state is plain tensors by name.

Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) replaces the momentum of a matrix by the nearest
orthogonal one, through Newton-Schulz steps; its updates are scaled to the size of Adam's (Liu et al., arXiv
2502.16982), so that one learning rate serves both. torch's own takes matrices only; a kernel is one when it is
flattened behind its first axis. On small networks it needs about half the steps of Adam.
"""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
BETAS = (0.9, 0.95)
ADAM_EPSILON = 1e-8
RMS_OF_ADAM = 0.2
"""Root mean square of a typical Adam update, in learning rates."""
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


class Muon:
    """Updates named parameters in place."""

    def __init__(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        self._parameters = dict(parameters)
        self.state: dict[str, Tensor] = {}
        for name, weight in self._parameters.items():
            kinds = ("momentum",) if weight.ndim > 1 else ("mean", "square")
            self.state |= {f"{name}.{kind}": torch.zeros_like(weight) for kind in kinds}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take up a saved `state`."""
        for name, tensor in self.state.items():
            tensor.copy_(state[name])

    @torch.no_grad()
    def step(self, learning_rate: float, n_steps_done: int) -> None:
        """One update from the gradients, which are then dropped."""
        for name, weight in self._parameters.items():
            gradient = weight.grad
            if gradient is None:
                continue
            is_kernel = weight.ndim > 1
            update = self._kernel(name, gradient) if is_kernel else self._bias(name, gradient, n_steps_done + 1)
            weight.add_(update, alpha=-learning_rate)
            weight.grad = None

    def _kernel(self, name: str, gradient: Tensor) -> Tensor:
        momentum = self.state[f"{name}.momentum"]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        matrix = gradient.lerp(momentum, MOMENTUM).flatten(1)  # Nesterov
        scale = RMS_OF_ADAM * math.sqrt(max(matrix.shape))
        return orthogonal(matrix).view_as(gradient) * scale

    def _bias(self, name: str, gradient: Tensor, step: int) -> Tensor:
        mean, square = self.state[f"{name}.mean"], self.state[f"{name}.square"]
        mean.lerp_(gradient, 1 - BETAS[0])
        square.lerp_(gradient * gradient, 1 - BETAS[1])
        shrink, root = 1 - BETAS[0] ** step, (square / (1 - BETAS[1] ** step)).sqrt()
        return torch.div(mean / shrink, root + ADAM_EPSILON)


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix near U V' of [rows, columns] = U S V': singular values between about 0.7 and 1.2. In bfloat16."""
    a, b, c = NEWTON_SCHULZ
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if is_tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    near: Tensor = x.T if is_tall else x
    return near.to(matrix.dtype)
