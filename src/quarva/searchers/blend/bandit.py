"""Allocation of the budget to several proposers, learned from the success of their proposals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bandit"]

_DECAY = 0.9  # of past rewards and costs, per batch of an arm


class Bandit:
    """Allocates a budget to several proposers, called arms.

    A proposal earns a reward of 1 if it enters the elite, the best formulas so far. Above a minimum share, an
    arm's share of the evaluations is proportional to its recent rewards per evaluation.

    Parameters
    ----------
    min_shares : sequence of float
        Minimum share of each arm; their sum is at most 1.
    elite : int
        Formulas of the elite.

    Attributes
    ----------
    spent : float64 array, shape (arms,)
        Proposals so far.
    """

    def __init__(self, min_shares: Sequence[float], elite: int) -> None:
        arms = len(min_shares)
        self.spent = np.zeros(arms)
        self._min_shares = np.array(min_shares)
        self._rewards, self._costs = np.zeros(arms), np.zeros(arms)  # decaying sums
        self._elite = np.full(elite, -np.inf)  # fitness, ascending
        self._keys = np.zeros(elite, np.uint64)
        self._since = np.zeros(arms)  # decaying sum of proposals, to compare with the allocation

    def allocation(self) -> NDArray[np.float64]:
        """Return the share of each arm, float64 of shape (arms,), with sum 1."""
        rate = (self._rewards + 1.0) / (self._costs + 1.0)  # adding 1 makes untried arms attractive
        return self._min_shares + (1 - self._min_shares.sum()) * rate / rate.sum()

    def next_arm(self) -> int:
        """Return the arm that is furthest below its share."""
        return int(np.argmin(self._since / np.maximum(self.allocation(), 1e-12)))

    def credit(self, arm: int, keys: NDArray[np.uint64], fitness: NDArray[np.float64]) -> None:
        """Record a batch of an arm.

        Parameters
        ----------
        arm : int
            Index of the arm.
        keys : uint64 array, shape (P,)
            Keys of the formulas of the batch, which may repeat.
        fitness : float64 array, shape (P,)
            Their fitness. NaN means no score.
        """
        n = len(fitness)
        better = np.flatnonzero(fitness > self._elite[0])
        reward = 0
        if len(better):
            better = better[np.unique(keys[better], return_index=True)[1]]
            new = better[~np.isin(keys[better], self._keys)]
            all_fitness = np.concatenate([self._elite, fitness[new]])
            all_keys = np.concatenate([self._keys, keys[new]])
            kept = np.argsort(all_fitness, kind="stable")[-len(self._elite) :]
            reward = int((kept >= len(self._elite)).sum())
            self._elite, self._keys = all_fitness[kept], all_keys[kept]
        self.spent[arm] += n
        self._since *= _DECAY
        self._since[arm] += n
        self._rewards[arm] = _DECAY * self._rewards[arm] + reward
        self._costs[arm] = _DECAY * self._costs[arm] + n

    def clear(self) -> None:
        """Forget the elite, because the fitness has changed."""
        self._elite[:], self._keys[:] = -np.inf, 0

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the state as arrays."""
        return {
            "spent": self.spent, "rewards": self._rewards, "costs": self._costs, "since": self._since,
            "elite": self._elite, "keys": self._keys,
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned."""
        self.spent, self._since = np.array(state["spent"]), np.array(state["since"])
        self._rewards, self._costs = np.array(state["rewards"]), np.array(state["costs"])
        self._elite, self._keys = np.array(state["elite"]), np.array(state["keys"])
