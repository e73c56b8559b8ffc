"""`Target`: targets prepared for the kernels."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quarva.engine.kernel.run.score import FLAT
from quarva.engine.tiles import Tiles
from quarva.panel import Panel

__all__ = ["Statistic", "Target"]

Statistic = Literal["ic", "rank_ic", "sse", "corr"]

_LEAST_ASSETS = 3  # minimal number of pairs of a correlation


@dataclass(frozen=True, eq=False)
class Target:
    """M targets over T days.

    Attributes
    ----------
    values : ndarray of float, shape (M, T, width)
        The targets in the precision of the panel, NaN if missing or outside the universe. For "ic" and
        "corr", `centre` is subtracted. For "rank_ic", the values are the ranks of the day in (0, 1] minus ½.
    known : ndarray of float64, shape (M, T, tiles, 3)
        Number of cells, sum and sum of squares of the values of each tile.
    totals : ndarray of float64, shape (M, T, 3)
        The same for the whole day.
    least : ndarray of float64, shape (M, T)
        Minimal number of cells with which a day counts. For a pooled statistic, the number of cells of the
        day. −1 for a day that cannot be scored: fewer than 3 cells, or a constant target.
    centre : ndarray of float64, shape (M, T)
        The value that was subtracted from the values of the day.
    segments : ndarray of int8, shape (T,)
        The segment of each day.
    days : int
        Number of days to compute: up to the last day that is scored.
    """

    values: NDArray[np.floating]
    known: NDArray[np.float64]
    totals: NDArray[np.float64]
    least: NDArray[np.float64]
    centre: NDArray[np.float64]
    segments: NDArray[np.int8]
    days: int

    @classmethod
    def prepare(
        cls,
        panel: Panel,
        targets: NDArray,
        segments: NDArray[np.integer],
        n_segments: int,
        statistic: Statistic,
    ) -> "Target":
        """Prepare targets for signals on a panel.

        Parameters
        ----------
        panel : Panel
            The panel of T days and N assets. Cells outside its universe have no target.
        targets : ndarray of float, shape (M, T, N)
            The targets. NaN marks a missing value.
        segments : ndarray of int, shape (T,)
            The segment of each day.
        n_segments : int
            Number of segments.
        statistic : {"ic", "rank_ic", "sse", "corr"}
            The statistic.

        Returns
        -------
        Target

        Raises
        ------
        ValueError
            The shapes of `targets` and `segments` do not fit the panel. The kernels do not check bounds.
        """
        if targets.shape[1:] != panel.shape or segments.shape != panel.shape[:1]:
            raise ValueError(
                f"targets {targets.shape} and segments {segments.shape} do not fit a panel {panel.shape}"
            )
        there = np.isfinite(targets)
        if panel.universe is not None:
            there &= panel.universe
        cells = there.sum(axis=2).astype(np.float64)
        values = np.where(there, targets, np.nan).astype(np.float64)
        if statistic in ("ic", "rank_ic"):
            enough = (cells >= _LEAST_ASSETS) & ~_is_flat(values)
            least = np.where(enough, np.maximum(_LEAST_ASSETS, np.ceil(cells / 2)), -1.0)
        else:
            least = np.where(cells > 0, cells, -1.0)
        centre = np.zeros(cells.shape)
        if statistic == "rank_ic":
            values = _ranks(values) - 0.5
        elif statistic != "sse":
            centre = _centre(values)
            values -= centre[..., None]
        counted = np.flatnonzero((segments >= 0) & (segments < n_segments))
        days = int(counted[-1]) + 1 if counted.size else 0
        tiles = Tiles.of(panel)
        padded = tiles.pad(values, np.float64 if panel.precision == "float64" else np.float32)
        by_tile = padded.reshape(*padded.shape[:2], tiles.count, tiles.lanes).astype(np.float64)
        known = np.stack([f(by_tile) for f in (_count, _sum, _squares)], axis=-1)
        return cls(
            padded, known, known.sum(axis=2), least, centre, np.ascontiguousarray(segments, np.int8), days
        )

    @classmethod
    def none(cls, n_days: int) -> "Target":
        """Return a Target without targets, for writing signals."""
        nothing = np.empty((0, n_days))
        return cls(
            np.empty((0, n_days, 0), np.float32), np.empty((0, n_days, 0, 3)), np.empty((0, n_days, 3)),
            nothing, nothing, np.empty(n_days, np.int8), n_days,
        )  # fmt: skip

    @property
    def arrays(self) -> tuple:
        """The arrays that a kernel takes, in order."""
        return self.values, self.known, self.totals, self.least, self.centre, self.segments


def _centre(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each day, rounded to float32, or 0 if not all values are near it.

    If all values are between half and twice the mean, the differences are exact in float32, and their squares
    do not cancel. Otherwise the differences would be rounded, and the squares of the values do not cancel.
    """
    there = np.isfinite(values)
    mean = np.where(there, values, 0.0).sum(axis=-1) / np.maximum(there.sum(axis=-1), 1)
    mean = mean.astype(np.float32).astype(np.float64)
    furthest = np.where(there, np.abs(values - mean[..., None]), 0.0).max(axis=-1, initial=0.0)
    return np.where(furthest <= np.abs(mean) / 2, mean, 0.0)


def _is_flat(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the days whose values are constant by the rule for signals (`kernel.run.score.is_flat`)."""
    there = np.isfinite(values)
    many = np.maximum(there.sum(axis=-1), 1)
    mean = np.where(there, values, 0.0).sum(axis=-1) / many
    squares = np.where(there, (values - mean[..., None]) ** 2, 0.0).sum(axis=-1)
    return squares <= FLAT * mean**2 * many


def _count(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.isfinite(values).sum(axis=-1).astype(np.float64)


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nansum(values, axis=-1)


def _squares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nansum(values**2, axis=-1)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return average ranks along the last axis, divided by the number of values; NaN stays NaN."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=-1, nan_policy="omit")
    return ranks / np.maximum(np.isfinite(values).sum(axis=-1, keepdims=True), 1)
