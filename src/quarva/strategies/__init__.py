"""From a signal to money: positions, delay, costs, returns and their figures.

This room must not know how a function was found, nor which days are for training or sealed.
"""

from quarva.strategies.performance import TRADING_DAYS, Performance, sharpe_ratio
from quarva.strategies.positions import LongShort, Positions, RankWeights, SignTiming, VolatilityScaled
from quarva.strategies.returns import closes, daily_returns
from quarva.strategies.strategy import Simulated, Strategy, backtest, check_terms, simulate

__all__ = [
    "TRADING_DAYS",
    "LongShort",
    "Performance",
    "Positions",
    "RankWeights",
    "SignTiming",
    "Simulated",
    "Strategy",
    "VolatilityScaled",
    "backtest",
    "check_terms",
    "closes",
    "daily_returns",
    "sharpe_ratio",
    "simulate",
]
