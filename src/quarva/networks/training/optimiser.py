"""AdamW for a stack of networks, with a learning rate and a weight decay for each network.

References
----------
Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization. ICLR.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["Optimiser"]


class Optimiser:
    """AdamW for networks that differ in learning rate and weight decay.

    Parameters
    ----------
    weights : sequence of Tensor of float32, shape (M, …)
        The weights of M networks, with gradients.
    rate, decay : Tensor of float, shape (M,)
        Learning rate and weight decay of each network.

    Notes
    -----
    torch's AdamW has one learning rate for all weights. Its update is w ← w · (1 − rate · decay) + rate ·
    direction, and the direction does not depend on rate or decay. The direction is therefore computed by
    torch, as a step from 0 with rate 1 and without decay, and is then scaled for each network.
    """

    def __init__(self, weights: Sequence[Tensor], rate: Tensor, decay: Tensor) -> None:
        self._weights = list(weights)
        self._direction = [torch.zeros_like(each) for each in weights]
        self._adam = torch.optim.AdamW(self._direction, 1.0, weight_decay=0.0)
        shrinkage = 1.0 - rate.double() * decay.double()
        self._rate = [_broadcast(rate, each) for each in weights]
        self._shrinkage = [_broadcast(shrinkage, each) for each in weights]

    def zero_grad(self) -> None:
        """Reset the gradients."""
        for each in self._weights:
            each.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the weights; those without a gradient remain unchanged."""
        for weight, direction in zip(self._weights, self._direction, strict=True):
            direction.zero_()
            direction.grad = weight.grad
        self._adam.step()
        parts = zip(self._weights, self._direction, self._rate, self._shrinkage, strict=True)
        for weight, direction, rate, shrinkage in parts:
            if weight.grad is not None:
                weight.mul_(shrinkage).addcmul_(direction, rate)

    def state(self) -> dict[str, Tensor]:
        """Moments by index of the weight and name."""
        moments = self._adam.state_dict()["state"]
        return {f"{k}/{name}": value for k, each in moments.items() for name, value in each.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore a state that `state` returned."""
        moments: dict[int, dict[str, Any]] = {}
        for name, value in state.items():
            number, _, key = name.partition("/")
            moments.setdefault(int(number), {})[key] = value
        groups = self._adam.state_dict()["param_groups"]
        self._adam.load_state_dict({"state": moments, "param_groups": groups})


def _broadcast(numbers: Tensor, weight: Tensor) -> Tensor:
    """Reshape numbers of shape (M,) and convert them so that they multiply a weight along its first axis."""
    return numbers.to(weight).reshape(-1, *[1] * (weight.dim() - 1))
