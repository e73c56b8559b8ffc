"""Number of arithmetic operations of a formula, to compare measured rates with the peak of a machine.

Additions, multiplications, divisions, roots and comparisons per cell count as one operation each. Rolling
operators count as if days shared the work of a window: a sum costs 3 operations for any window (prefix,
suffix, and their sum), and order statistics cost the comparisons of a binary search or a merge sort. Loads,
stores, conversions and second passes are not counted; they are the difference to the peak. Every formula is
counted separately, even if formulas share nodes.
"""

from math import log2

import numpy as np
from numpy.typing import NDArray

from quarva.karva.expression import Expression, Symbol
from quarva.karva.genes import Population
from quarva.karva.operators import BY_NAME

__all__ = ["expression_operations", "population_operations", "scoring_operations", "symbol_operations"]

# Operations per cell, and further ones per doubling of the window, per doubling of the number of assets, and
# per day of the window.
_FIXED = {
    "neg": 1, "abs": 1, "sign": 2, "log": 16, "exp": 13, "sqrt": 1, "square": 1, "inv": 1, "sin": 14,
    "cos": 14, "tanh": 17, "power": 30, "signed_power": 32, "if_else": 1, "ref": 0, "delta": 1,
    "pct_change": 2, "mean": 4, "sum": 3, "product": 3, "count": 4, "var": 11, "std": 12, "skew": 20,
    "kurt": 26, "ts_min": 3, "ts_max": 3, "ts_argmin": 4, "ts_argmax": 4, "days_since_min": 4,
    "days_since_max": 4, "drawdown": 5, "sign_changes": 6, "ts_zscore": 14, "ema": 4, "decay_linear": 6,
    "corr": 26, "cov": 14, "slope": 8, "rsquare": 19, "resi": 11, "ts_rank": 3, "median": 1, "quantile": 3,
    "mad": 4, "rank": 1, "zscore": 7, "demean": 2, "scale": 3, "winsorise": 2, "bucket": 3, "residual": 14,
    "of_asset": 0, "group_demean": 2, "group_rank": 1, "group_zscore": 7,
}  # fmt: skip
_BY_WINDOW = {"ts_rank": 2, "median": 2, "quantile": 2}
_BY_ASSETS = {"rank": 1, "winsorise": 1, "bucket": 1, "group_rank": 1}
_BY_DAY = {"mad": 2}
_SCORING = {"ic": 6, "rank_ic": 7, "sse": 3, "corr": 8}


def symbol_operations(symbol: Symbol, n_assets: int) -> float:
    """Return the number of operations per cell of a node; 0 for a field or a number."""
    if symbol.operator is None:
        return 0.0
    name, window = symbol.operator.name, symbol.window or 1
    own = _FIXED.get(name, 1)  # other operators are one instruction, such as an addition
    return (
        own
        + _BY_WINDOW.get(name, 0) * log2(window)
        + _BY_ASSETS.get(name, 0) * log2(max(n_assets, 2))
        + _BY_DAY.get(name, 0) * window
    )


def expression_operations(expression: Expression, n_assets: int) -> float:
    """Return the number of operations per cell of all nodes of a formula."""
    return sum(symbol_operations(node.symbol, n_assets) for node in expression.walk())


def population_operations(population: Population, n_assets: int) -> NDArray[np.float64]:
    """Return the operations per cell of each chromosome with its linking operators, float64 of shape (P,)."""
    by_symbol = np.array([symbol_operations(symbol, n_assets) for symbol in population.alphabet.symbols])
    inside = np.arange(population.symbols.shape[2]) < population.lengths()[:, :, None]
    links = population.shape.genes - 1
    link = symbol_operations(Symbol(BY_NAME[population.shape.link]), n_assets)
    return (by_symbol[population.symbols] * inside).sum(axis=(1, 2)) + links * link


def scoring_operations(statistic: str, n_assets: int) -> float:
    """Return the number of operations per cell to score a signal by a statistic of `engine.Statistic`."""
    own = float(_SCORING[statistic])
    return own + log2(max(n_assets, 2)) if statistic == "rank_ic" else own
