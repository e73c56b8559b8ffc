"""Who proposes how much: learned from what proposals paid."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bandit"]

_FADE = 0.9  # of what batches paid, from one batch of an arm to its next


class Bandit:
    """Shares of a budget for several ways to propose, called arms.

    A proposal pays 1 when it enters the board of the best formulas so far. An arm's share of the evaluations
    is in proportion to what an evaluation of it paid of late, above a least share for each.

    Args:
        least: these shares, of a sum of at most 1.
        board: formulas on the board.

    Attributes:
        spent: float64[arms], proposals so far.
    """

    def __init__(self, least: Sequence[float], board: int) -> None:
        arms = len(least)
        self.spent = np.zeros(arms)
        self._least = np.array(least)
        self._gains, self._costs = np.zeros(arms), np.zeros(arms)  # fading sums
        self._board = np.full(board, -np.inf)  # fitness, ascending
        self._keys = np.zeros(board, np.uint64)
        self._since = np.zeros(arms)  # proposals counted against the shares of their time

    def shares(self) -> NDArray[np.float64]:
        """float64[arms], summing to 1; alike while nothing pays."""
        pay = (self._gains + 1.0) / (self._costs + 1.0)  # the ones: who was not tried yet is tried
        return self._least + (1 - self._least.sum()) * pay / pay.sum()

    def next(self) -> int:
        """The arm that lags farthest behind its share."""
        return int(np.argmin(self._since / np.maximum(self.shares(), 1e-12)))

    def paid(self, arm: int, keys: NDArray[np.uint64], fitness: NDArray[np.float64]) -> None:
        """Note a batch of an arm: keys uint64[P] and fitness float64[P] of its formulas, NaN is no score."""
        n = len(fitness)
        better = np.flatnonzero(fitness > self._board[0])
        entering = 0
        if len(better):
            better = better[np.unique(keys[better], return_index=True)[1]]  # a batch may repeat a formula
            fresh = better[~np.isin(keys[better], self._keys)]
            whole = np.concatenate([self._board, fitness[fresh]])
            named = np.concatenate([self._keys, keys[fresh]])
            kept = np.argsort(whole, kind="stable")[-len(self._board) :]
            entering = int((kept >= len(self._board)).sum())
            self._board, self._keys = whole[kept], named[kept]
        self.spent[arm] += n
        self._since *= _FADE
        self._since[arm] += n
        self._gains[arm] = _FADE * self._gains[arm] + entering
        self._costs[arm] = _FADE * self._costs[arm] + n

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on, as arrays."""
        return {
            "spent": self.spent, "gains": self._gains, "costs": self._costs, "since": self._since,
            "board": self._board, "keys": self._keys,
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take up a `state`."""
        self.spent, self._since = np.array(state["spent"]), np.array(state["since"])
        self._gains, self._costs = np.array(state["gains"]), np.array(state["costs"])
        self._board, self._keys = np.array(state["board"]), np.array(state["keys"])
