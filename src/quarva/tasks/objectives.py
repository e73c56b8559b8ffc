"""Objectives: how the accumulated statistics of a formula become one number.

Cross-sectional statistics are computed for each day and averaged over days. They include all assets with a
target: an asset without a signal is neutral, and a day after the warm-up without enough signals counts as 0.
A day on which the target or the signal is constant is ignored. A formula with values on too few days is
invalid, and its objective is NaN (see `COVERAGE`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Statistic
from quarva.errors import TaskError
from quarva.panel.names import nearest
from quarva.strategies.positions import LongShort, RowRule, SignTiming

__all__ = ["BY_NAME", "COVERAGE", "LEAST_SHARE", "OBJECTIVES", "Objective", "covered", "find_objective"]

COVERAGE = 0.8
"""Minimum share of the days (for pooled statistics: cells) on which a valid formula has values.

The share refers to the days with a target, without the warm-up of the formula. Values that a valid formula
lacks count as no opinion (`PreparedTarget.count_missing_as_neutral`), so that missing values cannot improve
its score. In a table, every row must have a value.
"""

LEAST_SHARE = 0.5
"""Minimum share of the days with a target that count, including the warm-up.

Without it, a formula with windows nearly as long as the training part would be scored on a few days, and the
luckiest of many such formulas would win.
"""

Accumulators = NDArray[np.float64]
Value = Callable[[Accumulators, NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Objective:
    """Definition of an objective, the score of a formula on a part of the data.

    Attributes
    ----------
    name : str
        Name, as in `Task(objective=...)`.
    meaning : str
        Definition.
    kind : {"panel", "table"}
        Kind of data.
    statistic : str
        Statistic that the engine accumulates; see `engine.evaluate`.
    value : callable
        Function of the accumulators, shape (..., 4), and the variances of the targets, shape (...), that
        returns the objective, shape (...).
    sign_free : bool
        Whether a formula and its negative count as one. The score is then the absolute value.
    min_assets : int
        Minimum number of assets on a day.
    parsimony : float
        Default penalty of the fitness per node.
    minimised : bool
        Whether lower is better. The fitness is then the negative.
    positions : RowRule or None
        The rule of an objective that trades the signal. The objective is then computed by
        `strategies.simulate`, and `statistic` only serves to compare horizons.
    source : str
        Reference of the definition.
    """

    name: str
    meaning: str
    kind: Literal["panel", "table"]
    statistic: Statistic
    value: Value
    sign_free: bool
    min_assets: int
    parsimony: float
    minimised: bool = False
    positions: RowRule | None = None
    source: str = "usual"


def _mean(acc: Accumulators, _: NDArray[np.float64]) -> NDArray[np.float64]:
    return acc[..., 1] / acc[..., 0]


def _information_ratio(acc: Accumulators, _: NDArray[np.float64]) -> NDArray[np.float64]:
    n, total, squares = acc[..., 0], acc[..., 1], acc[..., 2]
    spread = squares - total**2 / n
    # A difference below 1e-12 of the squares is rounding: the ratio of constant daily values is undefined.
    deviation = np.sqrt(np.where(spread > 1e-12 * squares, spread, np.nan) / (n - 1))
    return total / n / deviation


def _correlation(acc: Accumulators, _: NDArray[np.float64]) -> NDArray[np.float64]:
    return acc[..., 1]


def _r2(acc: Accumulators, variance: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 - acc[..., 1] / acc[..., 0] / variance


def _nrmse(acc: Accumulators, variance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(acc[..., 1] / acc[..., 0] / variance)


_GRINOLD = "Grinold and Kahn 1999, Active Portfolio Management"

# Parsimony: ten nodes cost about 2 % of the objective of a good formula.
# fmt: off
OBJECTIVES: tuple[Objective, ...] = (
    Objective("ic", "mean over days of the Pearson correlation of signal and target across assets",
              "panel", "ic", _mean, True, 3, 1e-4, source=_GRINOLD),
    Objective("rank_ic", "mean over days of the Spearman correlation of signal and target across assets",
              "panel", "rank_ic", _mean, True, 3, 1e-4, source=_GRINOLD),
    Objective("icir", "mean of the daily IC / its standard deviation (n − 1), not annualised",
              "panel", "ic", _information_ratio, True, 3, 1e-3),
    Objective("rank_icir", "mean of the daily rank IC / its standard deviation (n − 1), not annualised",
              "panel", "rank_ic", _information_ratio, True, 3, 1e-3),
    Objective("ts_corr", "Pearson correlation of signal and target over all days and assets at once",
              "panel", "corr", _correlation, True, 1, 1e-4),
    Objective("sharpe", "annualised Sharpe ratio after costs, long the highest fifth, short the lowest",
              "panel", "ic", _mean, False, 2, 2e-3, positions=LongShort(0.2), source="Sharpe 1994"),
    Objective("timing_sharpe", "annualised Sharpe ratio after costs, each asset held by its signal's sign",
              "panel", "corr", _correlation, False, 1, 2e-3, positions=SignTiming(), source="Sharpe 1994"),
    Objective("r2", "1 − Σ(y − f)² / Σ(y − mean y)²",
              "table", "sse", _r2, False, 1, 0.0),
    Objective("nrmse", "√(mean (y − f)²) / standard deviation (n) of y; less is better",
              "table", "sse", _nrmse, False, 1, 0.0, minimised=True),
)
# fmt: on

BY_NAME: dict[str, Objective] = {objective.name: objective for objective in OBJECTIVES}


def find_objective(name: str | None, kind: Literal["panel", "table"], assets: tuple[str, ...]) -> Objective:
    """Find an objective by name.

    Parameters
    ----------
    name : str or None
        Name of the objective. None selects "ic", "ts_corr" with fewer than 3 assets, and "r2" for a table.
    kind : {"panel", "table"}
        Kind of data.
    assets : tuple of str
        Assets of the panel.

    Returns
    -------
    Objective

    Raises
    ------
    TaskError
        The name is unknown, the objective is for the other kind of data, or it needs more assets.
    """
    if name is None:
        name = "r2" if kind == "table" else ("ic" if len(assets) >= BY_NAME["ic"].min_assets else "ts_corr")
    if name not in BY_NAME:
        raise TaskError(f"unknown objective '{name}'; {nearest(str(name), BY_NAME)}")
    objective = BY_NAME[name]
    if objective.kind != kind:
        fitting = ", ".join(each.name for each in OBJECTIVES if each.kind == kind)
        raise TaskError(f"objective '{name}' is for a {objective.kind}; for a {kind} choose {fitting}")
    if kind == "panel" and len(assets) < objective.min_assets:
        have = f"1 ({assets[0]})" if len(assets) == 1 else str(len(assets))
        raise TaskError(
            f"objective '{name}' needs at least {objective.min_assets} assets per day, but the panel has "
            f"{have}; choose ts_corr or timing_sharpe"
        )
    return objective


def covered(counted: Accumulators, possible: Accumulators, warm_up: Accumulators) -> NDArray[np.bool_]:
    """Check whether enough days (or cells) count.

    Parameters
    ----------
    counted, possible, warm_up : ndarray of float64
        Numbers of days that count, that have a target, and that have a target during the warm-up.

    Returns
    -------
    ndarray of bool
        True where `COVERAGE` of the days after the warm-up and `LEAST_SHARE` of all days count.
    """
    enough = (counted >= COVERAGE * (possible - warm_up)) & (counted >= LEAST_SHARE * possible)
    return enough & (counted > 0)
