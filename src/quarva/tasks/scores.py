"""What a task says about formulas."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scores"]


@dataclass(frozen=True, eq=False)
class Scores:
    """Figures of P formulas.

    Attributes:
        fitness: float64 [P], what a search maximises: larger is better whatever the objective, parsimony
            taken off; NaN = the formula is invalid.
        train: float64 [P], the objective on the training part, times `sign`. Not penalised.
        validation: float64 [P], the objective on the validation part, times the sign found in training;
            NaN where there is no validation part or the formula says too little there.
        sign: int8 [P], −1 where the negative of the formula is what scores, else 1.
    """

    fitness: NDArray[np.float64]
    train: NDArray[np.float64]
    validation: NDArray[np.float64]
    sign: NDArray[np.int8]

    def __getitem__(self, chosen: NDArray[np.integer]) -> "Scores":
        """The figures of the formulas at these places."""
        train, validation = self.train[chosen], self.validation[chosen]
        return Scores(self.fitness[chosen], train, validation, self.sign[chosen])

    def __len__(self) -> int:
        return len(self.fitness)
