"""Targets prepared for the engine, with the quantities that convert its sums to objectives."""

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
    """M targets prepared for the engine, over T days in S segments.

    Attributes
    ----------
    target : engine.Target
        The targets as the engine reads them.
    warm_up : ndarray of float64, shape (T + 1, S, M)
        Row L: number of days with a target (for pooled statistics: cells) among the first L days.
    variance : ndarray of float64, shape (M,)
        Variance (n) of each target, for squared errors. 1 for other statistics.
    spread : ndarray of float64, shape (T + 1, S, M), or None
        Row L: Σ (y − mean y)² over a target's cells after the first L days, for the pooled correlation. None
        for other statistics.
    """

    target: engine.Target
    warm_up: Floats
    variance: Floats
    spread: Floats | None = None

    @classmethod
    def prepare(
        cls,
        panel: Panel,
        targets: NDArray[np.floating],
        segments: NDArray[np.int8],
        count: int,
        statistic: engine.Statistic,
    ) -> "PreparedTarget":
        """Prepare targets for a statistic.

        Parameters
        ----------
        panel : Panel
            The data.
        targets : ndarray of float32, shape (M, T, N)
            The targets. NaN means no target.
        segments : ndarray of int8, shape (T,)
            Segment of each day, from 0 to `count` − 1, or another number for days without a segment.
        count : int
            Number S of segments.
        statistic : str
            Statistic to accumulate; see `engine.evaluate`.

        Returns
        -------
        PreparedTarget
        """
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
        """Restrict to segment 0, so that later days need not be evaluated."""
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
        """Number of days with a target (pooled: cells) by segment and target, float64, shape (S, M)."""
        return self.warm_up[-1]

    def in_warm_up(self, lookback: NDArray[np.integer]) -> Floats:
        """The part of `possible` in the warm-up of P signals with the given lookbacks, shape (P, S, M)."""
        return self.warm_up[np.minimum(lookback, len(self.warm_up) - 1)]

    def count_missing_as_neutral(self, acc: Floats, lookback: NDArray[np.integer]) -> Floats:
        """Correct the engine's sums for values that a signal lacks after its warm-up.

        Missing values count as no opinion. Otherwise a signal could gain by being missing where it is wrong.
        A day on which too few assets have a signal counts with coefficient 0. In the pooled correlation, a
        cell without a signal is at the mean of the signal, so Σ (y − mean y)² is that of all cells with a
        target. Within a day, the engine does the same. A signal without any value remains undefined.

        Parameters
        ----------
        acc : ndarray of float64, shape (P, S, M, 4)
            Sums from `engine.evaluate` for "ic", "rank_ic" or "corr". Not modified.
        lookback : ndarray of int, shape (P,)
            Number of earlier days from which each signal is computed. The first `lookback` days do not count.
            An asset that is listed later, or has missing values, has no warm-up of its own.

        Returns
        -------
        ndarray of float64, shape (P, S, M, 4)
        """
        required = self.possible - self.in_warm_up(lookback)
        out = acc.copy()
        if self.spread is None:
            missing = np.maximum(required - acc[..., 3], 0.0)
            out[..., 0] += np.where(acc[..., 0] > 0, missing, 0.0)
            return out
        total = self.spread[np.minimum(lookback, len(self.spread) - 1)]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.sqrt(np.minimum(acc[..., 2] / total, 1.0))
        out[..., 1] = np.where(acc[..., 0] < required, acc[..., 1] * share, acc[..., 1])
        return out


def _spread_after(target: engine.Target, inside: NDArray[np.bool_], warm_up: Floats) -> Floats:
    """Σ (y − mean y)² of each target after the first L days, by segment, float64, shape (T + 1, S, M)."""
    cells, total, squares = np.moveaxis(target.totals, -1, 0)  # relative to the centre of each day
    mean = target.centre + total / np.maximum(cells, 1.0)
    within = squares - total**2 / np.maximum(cells, 1.0)
    about = (cells * mean).sum(axis=1, keepdims=True) / np.maximum(cells.sum(axis=1, keepdims=True), 1.0)
    shifted = mean - about

    def after(values: Floats) -> Floats:
        by_part = values.T[:, None, :] * inside[:, :, None]
        summed = by_part[::-1].cumsum(axis=0)[::-1]
        return np.concatenate([summed, np.zeros((1, *summed.shape[1:]))])

    count = warm_up[-1] - warm_up
    sums = after(cells * shifted)
    return after(within + cells * shifted**2) - sums**2 / np.maximum(count, 1.0)
