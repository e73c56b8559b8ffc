"""What the generator learns from: each objective says how much it wants which formulas.

An objective hands out weights w, and learning climbs Σ w log p over the formulas. `risk_seeking` and `ranks`
weigh the best of a batch, `priority_queue` the best of all so far; several can be added ("pg+pqt").
`balance_targets` is of another kind: log p shall equal log reward − log Z. None depends on the scale of
fitness: that of an IC is a hundredth, an error has any.
"""

import numpy as np
from numpy.typing import NDArray

from quarva.errors import RecipeError

__all__ = ["OBJECTIVES", "balance_targets", "parts_of", "priority_queue", "ranks", "risk_seeking"]

OBJECTIVES: dict[str, str] = {
    "pg": "risk-seeking policy gradient (Petersen 2021)",
    "rank": "weights linear in rank (CADSR, 2024)",
    "pqt": "priority-queue training (Abolafia 2018)",
    "tb": "trajectory balance (Malkin 2022)",
}


def parts_of(objective: str) -> frozenset[str]:
    """The objectives that a text such as "pg+pqt" names. Raises RecipeError for one that is unknown."""
    names = frozenset(objective.split("+"))
    for name in sorted(names - set(OBJECTIVES)):
        raise RecipeError(
            f"policy: unknown objective '{name}'; known are {', '.join(OBJECTIVES)}, or several as 'pg+pqt'"
        )
    return names


def risk_seeking(fitness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the best share of a batch, best first, by how far each is above the last of them.

    The gradient of the expected fitness above a quantile (Petersen et al. 2021, equation 4); divided by the
    mean, so that a fitness of any scale gives weights of mean 1 / n. All 0 where all are equal.
    """
    above = fitness - fitness[-1]
    return above / max(above.sum(), 1e-300)


def ranks(fitness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that fall evenly from the best to the last (Bastiani et al. 2024, CADSR)."""
    falling = np.arange(len(fitness), 0.0, -1.0)
    return falling / falling.sum()


def priority_queue(fitness: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same weight for each of the best formulas so far (Abolafia et al. 2018)."""
    return np.full(len(fitness), 1.0 / max(len(fitness), 1))


def balance_targets(fitness: NDArray[np.float64], low: float, high: float, sharpness: float) -> NDArray:
    """Log rewards for trajectory balance (Malkin et al. 2022): 0 at `low` and below, `sharpness` at `high`.

    A gene can be written in one order only, so that the loss of one formula is
    (log Z + log p − log reward)²; at its optimum formulas are drawn in proportion to their rewards, many
    different ones among them (AlphaSAGE, 2025).
    """
    return sharpness * np.clip((fitness - low) / max(high - low, 1e-300), 0.0, 1.0)
