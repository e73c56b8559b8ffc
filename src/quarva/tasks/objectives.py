"""The one table of objectives: how a formula's figures become one number.

Cross-sectional figures are computed day by day and averaged over days. They are over all assets with a
target: one without a signal is neutral, and a day after the warm-up without enough signals counts as 0. A day
on which the target or the signal is the same for all assets does not count. A formula that has a value on too
few days is invalid, and its figure NaN, see `COVERAGE`.
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

__all__ = ["BY_NAME", "COVERAGE", "LEAST_SHARE", "OBJECTIVES", "Objective", "covered", "objective_named"]

COVERAGE = 0.8
"""Share of the possible days (of pooled figures: cells) that a formula must have an opinion on to be valid.

Possible are the days that have a target, less those a formula needs to look back on at the beginning. What a
valid formula leaves out counts as no opinion (`Yardstick.settled`), so that silence does not pay. For tables
every row must have a value.
"""

LEAST_SHARE = 0.5
"""Share of all possible days, those of the warm-up among them, that must count.

Without it a formula with windows nearly as long as the training part would be scored on a handful of days,
and the luckiest of many such formulas would win.
"""

Accumulators = NDArray[np.float64]
Figure = Callable[[Accumulators, NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Objective:
    """One entry of the table.

    Attributes:
        name: as in `Task(objective=...)`.
        meaning: the definition.
        kind: what it is for, a panel or a table.
        statistic: what the engine accumulates, see `engine.evaluate`.
        figure: accumulators [..., 4] and target variances [...] → figures [...].
        sign_free: whether a formula and its negative are one finding; the score is then the absolute value.
        least_assets: assets that a day needs.
        parsimony: taken off the fitness for each node, unless the task says otherwise.
        minimised: whether less is better; the fitness is then the negative.
        positions: for an objective that trades the signal, the rule; the simulation of `strategies` then
            gives the figure, and `statistic` serves only to compare horizons.
        source: where the definition comes from.
    """

    name: str
    meaning: str
    kind: Literal["panel", "table"]
    statistic: Statistic
    figure: Figure
    sign_free: bool
    least_assets: int
    parsimony: float
    minimised: bool = False
    positions: RowRule | None = None
    source: str = "usual"


def _mean(acc: Accumulators, _: NDArray[np.float64]) -> NDArray[np.float64]:
    return acc[..., 1] / acc[..., 0]


def _information_ratio(acc: Accumulators, _: NDArray[np.float64]) -> NDArray[np.float64]:
    n, total, squares = acc[..., 0], acc[..., 1], acc[..., 2]
    spread = squares - total**2 / n
    # Below 1e-12 of the squares the difference is rounding: daily values that are all equal have no ratio.
    deviation = np.sqrt(np.where(spread > 1e-12 * squares, spread, np.nan) / (n - 1))
    return total / n / deviation


def _correlation(acc: Accumulators, _: NDArray[np.float64]) -> NDArray[np.float64]:
    return acc[..., 1]


def _r2(acc: Accumulators, variance: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 - acc[..., 1] / acc[..., 0] / variance


def _nrmse(acc: Accumulators, variance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(acc[..., 1] / acc[..., 0] / variance)


_GRINOLD = "Grinold and Kahn 1999, Active Portfolio Management"

# Parsimony: ten nodes cost about a fiftieth of what a good formula of that objective reaches.
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


def objective_named(name: str | None, kind: Literal["panel", "table"], assets: tuple[str, ...]) -> Objective:
    """The objective `name` for a panel with these assets, or for a table.

    None gives `ic` (with fewer than 3 assets `ts_corr`), and `r2` for a table.

    Raises:
        TaskError: an unknown name, one of the other kind, or fewer assets than it compares.
    """
    if name is None:
        name = "r2" if kind == "table" else ("ic" if len(assets) >= BY_NAME["ic"].least_assets else "ts_corr")
    if name not in BY_NAME:
        raise TaskError(f"unknown objective '{name}'; {nearest(str(name), BY_NAME)}")
    objective = BY_NAME[name]
    if objective.kind != kind:
        fitting = ", ".join(each.name for each in OBJECTIVES if each.kind == kind)
        raise TaskError(f"objective '{name}' is for a {objective.kind}; for a {kind} choose {fitting}")
    if kind == "panel" and len(assets) < objective.least_assets:
        have = f"1 ({assets[0]})" if len(assets) == 1 else str(len(assets))
        raise TaskError(
            f"objective '{name}' compares at least {objective.least_assets} assets a day and the panel has "
            f"{have}; choose ts_corr or timing_sharpe"
        )
    return objective


def covered(counted: Accumulators, possible: Accumulators, warm_up: Accumulators) -> NDArray[np.bool_]:
    """Whether enough days (or cells) count: `COVERAGE` of those after the warm-up, `LEAST_SHARE` of all."""
    enough = (counted >= COVERAGE * (possible - warm_up)) & (counted >= LEAST_SHARE * possible)
    return enough & (counted > 0)
