"""Sums from which weights are fitted: products of the signals with each other and with the target."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from quarva._runtime.threads import share
from quarva.engine import Program, signals, threads_to_use
from quarva.engine.kernel.cross_section.standardised import multiply_by_target, standardise_days
from quarva.errors import TaskError
from quarva.karva.expression import Expression
from quarva.panel import Panel
from quarva.tasks import TRAIN, Task

__all__ = ["SufficientStatistics", "long_run_variance", "measure"]

Floats = NDArray[np.float64]

_SIGNAL_BYTES = 64 * 2**20  # memory for the signals of one chunk of formulas
_STORED_BYTES = 128 * 2**20  # memory for the standardised signals of all formulas on the days kept
_LEAST_DAYS = 10  # shortest fold, after purging


@dataclass(frozen=True, eq=False)
class SufficientStatistics:
    """Sums over the training days, in F folds, of K standardised signals x and the standardised target y.

    Attributes
    ----------
    gram : ndarray of float64, shape (F, K, K)
        Σ x xᵀ over the cells with a target in each fold. If the signals of all training days exceed 128 MiB,
        it is estimated from equally spaced days.
    product : ndarray of float64, shape (F, K)
        Σ x y of each fold.
    squares : ndarray of float64, shape (F,)
        Σ y² of each fold.
    noise : float
        Variance of the noise in Σ x y relative to that of independent cells of unit variance: 1 if cells are
        independent, more if they are correlated.
    """

    gram: Floats
    product: Floats
    squares: Floats
    noise: float
    daily: Floats

    @property
    def whole(self) -> tuple[Floats, Floats]:
        """The Gram matrix, shape (K, K), and the products, shape (K,), summed over the folds."""
        return self.gram.sum(axis=0), self.product.sum(axis=0)

    @property
    def cells(self) -> float:
        """Number of cells with a target in all folds, which is Σ y² of a standardised target."""
        return float(self.squares.sum())


def measure(
    task: Task, expressions: Sequence[Expression], folds: int = 5, threads: int | None = None
) -> SufficientStatistics:
    """Compute the statistics of formulas on the training part of a task.

    Signals and target are standardised over the assets of each day, and signals are cut at ±8. Missing
    signals are 0. The folds are contiguous and purged: the last days of each fold, whose targets reach into
    the next fold, are left out.

    Parameters
    ----------
    task : Task
        The task. Only its training days and its first target are used.
    expressions : sequence of Expression, length K
        The formulas.
    folds : int, default 5
        Number F of folds.
    threads : int, optional
        Maximum number of threads. Defaults to one per core. The result does not depend on it.

    Returns
    -------
    SufficientStatistics
        The sums by fold, and the noise variance.

    Raises
    ------
    TaskError
        The training part is too short for the folds.
    """
    panel, span = task.panel, task.horizon + task.delay
    days = np.flatnonzero((task.segments == TRAIN) & np.isfinite(task.targets[0]).any(axis=1))
    if len(days) < folds * (_LEAST_DAYS + span):
        raise TaskError(
            f"the training part has {len(days)} days with a target, but {folds} folds need "
            f"{folds * (_LEAST_DAYS + span)}; move the split, or use more days"
        )
    panel = _until(panel, int(days[-1]))
    cells = len(days) * len(panel.assets)
    target = np.zeros((1, cells), np.float32)
    standardise_days(np.ascontiguousarray(task.targets[:1], np.float32), days, np.inf, target)
    y = target.reshape(len(days), -1)
    known = np.isfinite(task.targets[0][days])
    fold = _folds(len(days), folds, span)
    stride = max(1, -(-4 * cells * len(expressions) // _STORED_BYTES))
    kept = np.arange(0, len(days), stride)
    places = np.full(len(days), -1)
    places[kept] = np.arange(len(kept))
    stored = np.empty((len(expressions), len(kept), len(panel.assets)), np.float32)
    daily, lengths = np.empty((len(expressions), len(days))), np.empty(len(expressions))
    size = max(1, _SIGNAL_BYTES // (4 * panel.shape[0] * panel.shape[1]))
    for at in range(0, len(expressions), size):
        values = signals(Program.from_expressions(expressions[at : at + size]), panel, threads)

        def multiply(first: int, last: int, at: int = at, values: NDArray = values) -> None:
            row = np.empty(len(panel.assets), np.float32)
            for k in range(first, last):
                lengths[at + k] = multiply_by_target(
                    values[k], days, y, known, places, row, stored[at + k], daily[at + k]
                )

        share(multiply, len(values), threads_to_use(threads))
    gram = np.empty((folds, len(expressions), len(expressions)))
    with threadpool_limits(1, "blas"):  # the result must not depend on the number of threads
        for k in range(folds):
            inside = np.flatnonzero(fold[kept] == k)
            some = stored[:, inside].reshape(len(expressions), -1)
            gram[k] = (some @ some.T) * ((fold == k).sum() / max(len(inside), 1))
    product = np.stack([daily[:, fold == k].sum(axis=1) for k in range(folds)])
    squares = np.array([float((y[fold == k].astype(np.float64) ** 2).sum()) for k in range(folds)])
    return SufficientStatistics(gram, product, squares, _noise(daily, lengths, task.horizon), daily)


def _until(panel: Panel, day: int) -> Panel:
    """The panel up to and including a day."""
    return replace(
        panel,
        values=np.ascontiguousarray(panel.values[:, : day + 1]),
        dates=panel.dates[: day + 1],
        universe=None if panel.universe is None else panel.universe[: day + 1],
    )


def _folds(days: int, folds: int, span: int) -> NDArray[np.int64]:
    """Fold of each day; −1 for the last `span` days of each fold except the last fold."""
    cuts = np.linspace(0, days, folds + 1).astype(np.int64)
    out = np.repeat(np.arange(folds), np.diff(cuts))
    for cut in cuts[1:-1]:
        out[cut - span : cut] = -1
    return out


def long_run_variance(daily: Floats, horizon: int) -> Floats:
    """Variance of the sum over days of each row of daily products, shape (K,).

    Overlapping targets make the daily products dependent over `horizon` − 1 days, hence the estimator of
    Hansen and Hodrick (1980) with that many lags. (The weights of Newey and West would make it too small by a
    third for signals that change slowly.) It is at least the variance without dependence.
    """
    centred = daily - daily.mean(axis=1, keepdims=True)
    alone = (centred**2).sum(axis=1)
    variance = alone.copy()
    for lag in range(1, horizon):
        variance += 2 * (centred[:, lag:] * centred[:, :-lag]).sum(axis=1)
    return np.asarray(np.maximum(variance, alone), np.float64)


def _noise(daily: Floats, lengths: Floats, horizon: int) -> float:
    """Median over the formulas of the long-run variance of Σ x y, relative to Σ x²; 1 if no signal varies."""
    variance = long_run_variance(daily, horizon)
    there = lengths > 0
    return float(np.median(variance[there] / lengths[there])) if there.any() else 1.0
