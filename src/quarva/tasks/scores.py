"""Scores of formulas."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scores"]


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of P formulas.

    Attributes
    ----------
    fitness : ndarray of float64, shape (P,)
        The quantity that a search maximises, after the parsimony penalty. NaN for an invalid formula.
    train : ndarray of float64, shape (P,)
        The objective on the training part, times `sign`, without a penalty.
    validation : ndarray of float64, shape (P,)
        The objective on the validation part, times `sign`. NaN if there is no validation part or the coverage
        there is too low.
    sign : ndarray of int8, shape (P,)
        −1 if the negative of the formula scores, otherwise 1. It is determined in training.
    """

    fitness: NDArray[np.float64]
    train: NDArray[np.float64]
    validation: NDArray[np.float64]
    sign: NDArray[np.int8]

    def __getitem__(self, chosen: NDArray[np.integer]) -> "Scores":
        """Scores of the formulas with the given indices."""
        train, validation = self.train[chosen], self.validation[chosen]
        return Scores(self.fitness[chosen], train, validation, self.sign[chosen])

    def __len__(self) -> int:
        return len(self.fitness)
