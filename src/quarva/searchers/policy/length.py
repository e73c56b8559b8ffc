"""The soft prior over the length of expressions (Landajuela et al. 2021), in level order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.errors import RecipeError

__all__ = ["LengthPrior", "lean"]


@dataclass(frozen=True)
class LengthPrior:
    """What is added to logits, so that most expressions have about `mean` nodes.

    In level order the nodes that an expression will have at least are known at every place. A function that
    raises them above `mean`, and a terminal that ends the expression below, lose (nodes − mean)² / 2 spread².
    A spread of 0 is no prior.
    """

    mean: float
    spread: float

    def __post_init__(self) -> None:
        if not (self.mean >= 1 and self.spread >= 0):
            raise RecipeError(
                f"policy: length must be at least 1 and spread at least 0, not {self.mean} and {self.spread}"
            )

    @property
    def weight(self) -> float:
        """1 / 2 spread², 0 for none."""
        return 0.5 / self.spread**2 if self.spread else 0.0

    def of(self, symbols: NDArray[np.int16], arity: NDArray[np.int8]) -> NDArray[np.float32]:
        """What is added at every position of whole genes: float32 of shape (B, L, V), 0 behind the end."""
        added = np.zeros((*symbols.shape, len(arity)), np.float32)
        lean_all(symbols, arity, self.mean, self.weight, added)
        return added


@compiled(inline="always")
def lean(nodes, i, arity, mean, weight):
    """What the prior adds to a letter at position i of an expression that has `nodes` places so far."""
    after = nodes + arity
    off = after - mean
    ends = arity == 0 and after == i + 1
    return -off * off * weight if (ends and off < 0) or (arity > 0 and off > 0) else 0.0


@compiled
def lean_all(symbols, arity, mean, weight, added):
    """Write `LengthPrior.of` into added."""
    for b in range(symbols.shape[0]):
        nodes = 1
        for i in range(symbols.shape[1]):
            if i >= nodes:
                break
            for v in range(arity.size):
                added[b, i, v] = lean(nodes, i, arity[v], mean, weight)
            nodes += arity[symbols[b, i]]
