"""The soft prior on the length of expressions (Landajuela et al. 2021), for genes in level order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.errors import RecipeError

__all__ = ["LengthPrior", "length_penalty"]


@dataclass(frozen=True)
class LengthPrior:
    """A Gaussian prior on the number of nodes, added to logits.

    In level order the minimum number of nodes is known at every position. The logit of a function that raises
    it above `mean`, and of a terminal that ends the expression below, decreases by (nodes − mean)² / (2
    spread²).

    Attributes
    ----------
    mean : float
        Mean number of nodes, at least 1.
    spread : float
        Standard deviation; 0 means no prior.

    Raises
    ------
    RecipeError
        If a value is out of range.
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
        """1 / (2 spread²), or 0 if there is no prior."""
        return 0.5 / self.spread**2 if self.spread else 0.0

    def of(self, symbols: NDArray[np.int16], arity: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the term added to the logits of complete genes.

        Parameters
        ----------
        symbols : int16 array, shape (B, L)
            The genes.
        arity : int8 array, shape (V,)
            Arity of each symbol.

        Returns
        -------
        float32 array, shape (B, L, V)
            The term; 0 after the end of an expression.
        """
        penalties = np.zeros((*symbols.shape, len(arity)), np.float32)
        fill_penalties(symbols, arity, self.mean, self.weight, penalties)
        return penalties


@compiled(inline="always")
def length_penalty(n_nodes, i, arity, mean, weight):
    """Return the term added to the logit of a symbol at position i, with `n_nodes` nodes so far."""
    after = n_nodes + arity
    excess = after - mean
    ends = arity == 0 and after == i + 1
    return -excess * excess * weight if (ends and excess < 0) or (arity > 0 and excess > 0) else 0.0


@compiled
def fill_penalties(symbols, arity, mean, weight, penalties):
    """Write the result of `LengthPrior.of`."""
    for b in range(symbols.shape[0]):
        n_nodes = 1
        for i in range(symbols.shape[1]):
            if i >= n_nodes:
                break
            for v in range(arity.size):
                penalties[b, i, v] = length_penalty(n_nodes, i, arity[v], mean, weight)
            n_nodes += arity[symbols[b, i]]
