"""The optimiser of a stack: AdamW (Loshchilov and Hutter 2019), with a rate and a decay for each network."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["Optimiser"]


class Optimiser:
    """torch's AdamW for networks that differ in their rate and decay.

    torch's has one rate for all weights. But its step is a direction times the rate, and its decay is apart
    from that: w ← w · (1 − rate · decay) + rate · direction. So torch finds the direction, as a step from 0
    at the rate 1 and without decay, and each network goes it at its own rate.
    """

    def __init__(self, weights: Sequence[Tensor], rate: Tensor, decay: Tensor) -> None:
        """weights: float32 [M, …] each, with gradients. rate, decay: float [M]."""
        self._weights = list(weights)
        self._direction = [torch.zeros_like(each) for each in weights]
        self._adam = torch.optim.AdamW(self._direction, 1.0, weight_decay=0.0)
        kept = 1.0 - rate.double() * decay.double()
        self._rate = [_along(rate, each) for each in weights]
        self._kept = [_along(kept, each) for each in weights]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for each in self._weights:
            each.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Go a step; a weight without a gradient stays what it is."""
        for weight, direction in zip(self._weights, self._direction, strict=True):
            direction.zero_()
            direction.grad = weight.grad
        self._adam.step()
        parts = zip(self._weights, self._direction, self._rate, self._kept, strict=True)
        for weight, direction, rate, kept in parts:
            if weight.grad is not None:
                weight.mul_(kept).addcmul_(direction, rate)

    def state(self) -> dict[str, Tensor]:
        """Its moments, by weight and name."""
        moments = self._adam.state_dict()["state"]
        return {f"{k}/{name}": value for k, each in moments.items() for name, value in each.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up a `state`."""
        moments: dict[int, dict[str, Any]] = {}
        for name, value in state.items():
            number, _, key = name.partition("/")
            moments.setdefault(int(number), {})[key] = value
        groups = self._adam.state_dict()["param_groups"]
        self._adam.load_state_dict({"state": moments, "param_groups": groups})


def _along(numbers: Tensor, weight: Tensor) -> Tensor:
    """Numbers [M] in a weight's precision, to be multiplied along its first axis."""
    return numbers.to(weight).reshape(-1, *[1] * (weight.dim() - 1))
