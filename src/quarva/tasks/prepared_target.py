"""What a task holds signals against."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.panel import Panel
from quarva.tasks.split import UNUSED

__all__ = ["PreparedTarget"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PreparedTarget:
    """Targets as the engine reads them, and what turns its sums into figures.

    Attributes:
        target: M targets over T days in S segments.
        warm_up: float64 [T + 1, S, M], days with a target (pooled: cells of it) among the first L days.
        variance: float64 [M], of each target (n), for squared errors.
        spread: float64 [T + 1, S, M], Σ (y − mean y)² over a target's cells after the first L days, for the
            pooled correlation; None for other statistics.
    """

    target: engine.Target
    warm_up: Floats
    variance: Floats
    spread: Floats | None = None

    @classmethod
    def of(
        cls,
        panel: Panel,
        targets: NDArray[np.floating],
        segments: NDArray[np.int8],
        count: int,
        statistic: engine.Statistic,
    ) -> "PreparedTarget":
        """Lay out targets (M, T, N) whose days are in one of `count` segments, int8 (T,), or in none."""
        target = engine.Target.prepare(panel, targets, segments, count, statistic)
        daily = statistic in ("ic", "rank_ic")
        inside = segments[:, None] == np.arange(count)
        weight = np.where(target.least >= 0, 1.0 if daily else target.least, 0.0).T[:, None, :]
        by_part = weight * inside[:, :, None]
        warm_up = np.concatenate([np.zeros((1, *by_part.shape[1:])), by_part.cumsum(axis=0)])
        flat = targets.reshape(len(targets), -1).astype(np.float64)
        variance = np.nanvar(flat, axis=1) if statistic == "sse" else np.ones(len(flat))
        spread = _spread_after(target, inside, warm_up) if statistic == "corr" else None
        return cls(target, warm_up, variance, spread)

    def first_part(self) -> "PreparedTarget":
        """The same of segment 0 alone: no day behind its last one has to be walked."""
        first = self.target.segments == 0
        target = replace(
            self.target,
            segments=np.where(first, 0, UNUSED).astype(np.int8),
            days=int(np.flatnonzero(first)[-1]) + 1,
        )
        spread = None if self.spread is None else self.spread[:, :1]
        return replace(self, target=target, warm_up=self.warm_up[:, :1], spread=spread)

    @property
    def possible(self) -> Floats:
        """Days with a target (pooled: cells of it) of each part and target, float64 [S, M]."""
        return self.warm_up[-1]

    def before(self, lookback: NDArray[np.integer]) -> Floats:
        """Those of them that fall into the warm-up of P signals that look back so many days, [P, S, M]."""
        return self.warm_up[np.minimum(lookback, len(self.warm_up) - 1)]

    def settled(self, acc: Floats, lookback: NDArray[np.integer]) -> Floats:
        """The engine's sums, with what a signal leaves out after its warm-up counted as no opinion.

        Otherwise it would gain by being silent wherever it is wrong. A day on which too few assets have a
        signal counts with a coefficient of 0. In the pooled correlation a cell without a signal is at the
        signal's mean, so that Σ (y − mean y)² is that of all cells with a target. (Within a day the engine
        does the same.) A signal without any value has no figure to begin with.

        Parameters
        ----------
        acc : ndarray of float64, shape (P, S, M, 4)
            As `engine.evaluate` returns it for `ic`, `rank_ic` or `corr`. It is not changed.
        lookback : ndarray of int, shape (P,)
            Days before its own that a signal is computed from: its first days, on which nothing can be asked
            of it. An asset that is listed later, or lacks a value in between, has no warm-up of its own.

        Returns
        -------
        ndarray of float64, shape (P, S, M, 4)
        """
        asked = self.possible - self.before(lookback)
        out = acc.copy()
        if self.spread is None:
            silent = np.maximum(asked - acc[..., 3], 0.0)
            out[..., 0] += np.where(acc[..., 0] > 0, silent, 0.0)
            return out
        whole = self.spread[np.minimum(lookback, len(self.spread) - 1)]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.sqrt(np.minimum(acc[..., 2] / whole, 1.0))
        out[..., 1] = np.where(acc[..., 0] < asked, acc[..., 1] * share, acc[..., 1])
        return out


def _spread_after(target: engine.Target, inside: NDArray[np.bool_], warm_up: Floats) -> Floats:
    """Σ (y − mean y)² of each target's cells after the first L days of each part, float64 [T + 1, S, M]."""
    cells, total, squares = np.moveaxis(target.totals, -1, 0)  # about a centre of the day's own
    mean = target.centre + total / np.maximum(cells, 1.0)
    own = squares - total**2 / np.maximum(cells, 1.0)
    about = (cells * mean).sum(axis=1, keepdims=True) / np.maximum(cells.sum(axis=1, keepdims=True), 1.0)
    shifted = mean - about

    def after(values: Floats) -> Floats:
        by_part = values.T[:, None, :] * inside[:, :, None]
        summed = by_part[::-1].cumsum(axis=0)[::-1]
        return np.concatenate([summed, np.zeros((1, *summed.shape[1:]))])

    many = warm_up[-1] - warm_up
    first = after(cells * shifted)
    return after(own + cells * shifted**2) - first**2 / np.maximum(many, 1.0)
