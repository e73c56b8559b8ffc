"""Strategies: positions from a signal, and their returns after delay and costs.

This package must not depend on how a function was found, or on the split of the days.
"""

from quarva.strategies.holding import HoldingReturns, check_delisting_return, holding_returns
from quarva.strategies.performance import PERIODS_PER_YEAR, Performance, check_periods, sharpe_ratio
from quarva.strategies.positions import LongShort, Positions, RankWeights, SignTiming, VolatilityScaled
from quarva.strategies.returns import closes, daily_returns
from quarva.strategies.strategy import Simulated, Strategy, backtest, check_delay_and_cost, simulate

__all__ = [
    "PERIODS_PER_YEAR",
    "HoldingReturns",
    "LongShort",
    "Performance",
    "Positions",
    "RankWeights",
    "SignTiming",
    "Simulated",
    "Strategy",
    "VolatilityScaled",
    "backtest",
    "check_delay_and_cost",
    "check_delisting_return",
    "check_periods",
    "closes",
    "daily_returns",
    "holding_returns",
    "sharpe_ratio",
    "simulate",
]
