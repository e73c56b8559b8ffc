"""What signals are scored against, as the kernel reads it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quarva.engine.kernel.run.score import FLAT
from quarva.engine.tiles import Tiles
from quarva.panel import Panel

__all__ = ["Statistic", "Target"]

Statistic = Literal["ic", "rank_ic", "sse", "corr"]

_LEAST_ASSETS = 3  # a correlation of fewer pairs says nothing


@dataclass(frozen=True, eq=False)
class Target:
    """M targets over T days.

    Attributes:
        values: shape (M, T, width), in the panel's precision, NaN = not there or outside the universe: for
            `ic` and `corr` about `centre`, for `rank_ic` the ranks within the day, in (0, 1], about ½.
        known: float64 of shape (M, T, tiles, 3): cells of a tile, Σ and Σ² of its values.
        totals: float64 of shape (M, T, 3): the same of the whole day.
        least: float64 of shape (M, T): fewest cells with which a day counts, or the number of its cells
            for a pooled statistic; −1 where there is nothing to correlate with: fewer than 3 cells, or a
            target that is the same in all of them.
        centre: float64 of shape (M, T): what was taken off the day's values.
        segments: int8 of shape (T,).
        days: days that have to be walked.
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
        """Lay the targets out for signals on `panel`; targets of shape (M, T, N), segments of shape (T,).

        A cell outside the panel's universe counts as one without a target.
        """
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
        """No target."""
        nothing = np.empty((0, n_days))
        return cls(
            np.empty((0, n_days, 0), np.float32), np.empty((0, n_days, 0, 3)), np.empty((0, n_days, 3)),
            nothing, nothing, np.empty(n_days, np.int8), n_days,
        )  # fmt: skip

    @property
    def arrays(self) -> tuple:
        """What the kernel takes, in its order."""
        return self.values, self.known, self.totals, self.least, self.centre, self.segments


def _centre(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The day's mean, rounded to float32, where all values are near it, else 0.

    Of values between half and twice the mean the difference is exact in float32, and squares of it do not
    cancel; of others it would be rounded, and their squares do not cancel anyway.
    """
    there = np.isfinite(values)
    mean = np.where(there, values, 0.0).sum(axis=-1) / np.maximum(there.sum(axis=-1), 1)
    mean = mean.astype(np.float32).astype(np.float64)
    furthest = np.where(there, np.abs(values - mean[..., None]), 0.0).max(axis=-1, initial=0.0)
    return np.where(furthest <= np.abs(mean) / 2, mean, 0.0)


def _is_flat(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Days whose values hardly vary, by the rule for signals (`kernel.score.is_flat`)."""
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
    """Average ranks along the last axis over the number of cells, NaN stays NaN."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=-1, nan_policy="omit")
    return ranks / np.maximum(np.isfinite(values).sum(axis=-1, keepdims=True), 1)
