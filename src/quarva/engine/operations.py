"""How much arithmetic a formula asks for: what a rate is held against when it is compared with a peak.

A count is that of the definition with the window's work shared between days: additions, multiplications,
divisions, roots and comparisons of a cell, each as one. A sum over a window costs 3 whatever the window
(a prefix, a suffix, their sum), what is ordered costs the comparisons of a binary search or of a merge
sort. What a kernel does beside that (loads, stores, conversions, a second pass) is not counted: it is the
difference to the peak. A formula counts alone, also where it shares its parts with others.
"""

from math import log2

import numpy as np
from numpy.typing import NDArray

from quarva.karva.expression import Expression, Symbol
from quarva.karva.genes import Population
from quarva.karva.operators import BY_NAME

__all__ = ["expression_operations", "population_operations", "scoring_operations", "symbol_operations"]

# Operations of a cell, and how many more for each doubling of the window, for each doubling of the number
# of assets, and for each day of the window.
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
    """Operations of one cell of one node; 0 for a field or a number."""
    if symbol.operator is None:
        return 0.0
    name, window = symbol.operator.name, symbol.window or 1
    own = _FIXED.get(name, 1)  # what is not in the table is one instruction: a comparison, an addition
    return (
        own
        + _BY_WINDOW.get(name, 0) * log2(window)
        + _BY_ASSETS.get(name, 0) * log2(max(n_assets, 2))
        + _BY_DAY.get(name, 0) * window
    )


def expression_operations(expression: Expression, n_assets: int) -> float:
    """Operations of one cell of a formula's root, with all that leads to it."""
    return sum(symbol_operations(node.symbol, n_assets) for node in expression.walk())


def population_operations(population: Population, n_assets: int) -> NDArray[np.float64]:
    """The same for every chromosome, its linking operators among them; float64 of shape (P,)."""
    by_letter = np.array([symbol_operations(symbol, n_assets) for symbol in population.alphabet.symbols])
    inside = np.arange(population.symbols.shape[2]) < population.lengths()[:, :, None]
    links = population.shape.genes - 1
    link = symbol_operations(Symbol(BY_NAME[population.shape.link]), n_assets)
    return (by_letter[population.symbols] * inside).sum(axis=(1, 2)) + links * link


def scoring_operations(statistic: str, n_assets: int) -> float:
    """Operations of one cell of a signal that is scored by one of `engine.Statistic`."""
    own = float(_SCORING[statistic])
    return own + log2(max(n_assets, 2)) if statistic == "rank_ic" else own
