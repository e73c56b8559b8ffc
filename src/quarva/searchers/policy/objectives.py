"""Training objectives of the generator.

Most objectives return weights w, and training maximises Σ w log p over formulas. `risk_seeking` and `ranks`
weight the best formulas of a batch, and `priority_queue` the best formulas so far; they can be combined
("pg+pqt"). `balance_targets` belongs to a different kind: it trains log p to equal log reward − log Z. No
objective depends on the scale of the fitness, which varies: an IC is a few hundredths, and an error can have
any magnitude.
"""

import numpy as np
from numpy.typing import NDArray

from quarva.errors import RecipeError

__all__ = ["OBJECTIVES", "balance_targets", "parse_objective", "priority_queue", "ranks", "risk_seeking"]

OBJECTIVES: dict[str, str] = {
    "pg": "risk-seeking policy gradient (Petersen 2021)",
    "rank": "weights linear in rank (CADSR, 2024)",
    "pqt": "priority-queue training (Abolafia 2018)",
    "tb": "trajectory balance (Malkin 2022)",
}
"""The objectives by name, with a description of each."""


def parse_objective(objective: str) -> frozenset[str]:
    """Return the objectives in a text such as "pg+pqt".

    Raises
    ------
    RecipeError
        If one is unknown.
    """
    names = frozenset(objective.split("+"))
    for name in sorted(names - set(OBJECTIVES)):
        raise RecipeError(
            f"policy: unknown objective '{name}'; known objectives: {', '.join(OBJECTIVES)}, "
            "or several such as 'pg+pqt'"
        )
    return names


def risk_seeking(fitness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights of the best formulas of a batch by their fitness above the worst of them.

    Parameters
    ----------
    fitness : float64 array, shape (n,)
        Fitness of the best formulas, best first.

    Returns
    -------
    float64 array, shape (n,)
        The weights, with sum 1; all 0 if all fitnesses are equal.

    Notes
    -----
    The weights are those of equation 4 of Petersen et al. (2021), the gradient of the expected fitness above
    a quantile, divided by their sum. They do not depend on the scale of the fitness.

    References
    ----------
    Petersen et al., "Deep Symbolic Regression", 2021.
    """
    above = fitness - fitness[-1]
    return above / max(above.sum(), 1e-300)


def ranks(fitness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights that decrease linearly from best to last, with sum 1 (Bastiani et al. 2024, CADSR)."""
    falling = np.arange(len(fitness), 0.0, -1.0)
    return falling / falling.sum()


def priority_queue(fitness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return equal weights with sum 1 for the best formulas so far (Abolafia et al. 2018)."""
    return np.full(len(fitness), 1.0 / max(len(fitness), 1))


def balance_targets(fitness: NDArray[np.float64], low: float, high: float, sharpness: float) -> NDArray:
    """Return log rewards for trajectory balance, from 0 at `low` to `sharpness` at `high`, clipped.

    A gene can be generated in one order only, so the loss of a formula is (log Z + log p − log reward)². At
    its optimum formulas are sampled in proportion to their rewards, which keeps them diverse (AlphaSAGE,
    2025).

    References
    ----------
    Malkin et al., "Trajectory Balance: Improved Credit Assignment in GFlowNets", 2022.
    """
    return sharpness * np.clip((fitness - low) / max(high - low, 1e-300), 0.0, 1.0)
