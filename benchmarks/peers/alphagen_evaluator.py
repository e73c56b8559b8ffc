"""AlphaGen's evaluator on bars given as arrays, and random formulas with the same meaning in both tools.

`engine/panel_ic.py` uses it. AlphaGen's `StockData` accepts tensors that are already loaded, and a flag marks
Qlib as initialised, so that neither Qlib nor its data is needed. AlphaGen's classes are imported from the
user's checkout; none of its code is here.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from measuring.bars import FIELDS, HORIZON  # FIELDS: AlphaGen's order of features, too
from quarva.karva import Expression, Symbol

__all__ = ["BACKTRACK", "BINARY", "PAIR", "ROLLING", "UNARY", "AlphaGen", "draw"]

BACKTRACK = 100  # AlphaGen's default number of days before the first scored day that a formula may read

# Operators with the same meaning in both tools, by AlphaGen's names. The weights of AlphaGen's WMA start at
# 0, so that its WMA over w+1 days is `decay_linear` over w. Its CSRank counts from 0, so it is `rank` less
# 1/n; it is used only where a shift has no effect (at the root, or under SHIFT_BLIND).
UNARY = {"abs": "Abs", "log": "Log", "rank": "CSRank"}
BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Greater", "min": "Less"}
ROLLING = {
    "ref": "Ref", "delta": "Delta", "mean": "Mean", "sum": "Sum", "std": "Std", "var": "Var", "ts_max": "Max",
    "ts_min": "Min", "median": "Med", "ema": "EMA", "decay_linear": "WMA",
}  # fmt: skip
PAIR = {"corr": "Corr", "cov": "Cov"}
SHIFT_BLIND = ("delta", "std", "var", "corr", "cov")


def draw(rng: np.random.Generator, size: int, under: str = "root") -> Expression:
    """Return a random formula of `size` nodes over the common operators, with windows of 5 to 40 days."""
    if size == 1:
        return Expression(Symbol(field=str(rng.choice(FIELDS))))
    window = int(rng.integers(5, 41))
    if size == 2 or rng.random() < 0.45:
        shiftable = under == "root" or under in SHIFT_BLIND
        name = str(rng.choice([*ROLLING, *(n for n in UNARY if n != "rank" or shiftable)]))
        if name == "median":
            window = min(window | 1, 39)  # odd, so that the middle is one value
        symbol = Symbol.function(name, window if name in ROLLING else None)
        return Expression(symbol, (draw(rng, size - 1, name),))
    name = str(rng.choice(list(BINARY) + list(PAIR)))
    left = int(rng.integers(1, size - 1))
    symbol = Symbol.function(name, window) if name in PAIR else Symbol.function(name)
    return Expression(symbol, (draw(rng, left, name), draw(rng, size - 1 - left, name)))


class AlphaGen:
    """AlphaGen's classes, from a checkout at `place`, on bars given as arrays."""

    def __init__(self, place: Path) -> None:
        sys.path.insert(0, str(place))
        import alphagen_qlib.stock_data as stock_data
        from alphagen.data import expression
        from alphagen.utils.correlation import batch_pearsonr
        from alphagen.utils.pytorch_utils import normalize_by_day
        from alphagen_qlib.calculator import QLibStockDataCalculator

        stock_data._QLIB_INITIALIZED = True  # else its constructor would start Qlib
        self._stock_data, self._expression, self._calculator = stock_data, expression, QLibStockDataCalculator
        self._normalised, self._correlation = normalize_by_day, batch_pearsonr
        self.guarded = 0  # number of cells in which Corr replaced a small denominator by 1

    def calculator(self, bars: dict[str, np.ndarray], dtype: torch.dtype, backtrack: int = BACKTRACK) -> Any:
        """Return its calculator on the days after `backtrack`; the target is the return over HORIZON days."""
        import pandas as pd

        cube = torch.from_numpy(np.stack([bars[name] for name in FIELDS], axis=1)).to(dtype)
        dates = pd.bdate_range("2010-01-04", periods=len(cube))
        data = self._stock_data.StockData(
            "simulated", str(dates[backtrack]), str(dates[-1 - HORIZON]), max_backtrack_days=backtrack,
            max_future_days=HORIZON, device=torch.device("cpu"),
            preloaded_data=(cube, dates, pd.Index(range(cube.shape[2]))),
        )  # fmt: skip
        close = self._expression.Feature(self._stock_data.FeatureType.CLOSE)
        return self._calculator(data, self._expression.Ref(close, -HORIZON) / close - 1)

    def translate(self, formula: Expression) -> Any:
        """Return the same formula as a tree of AlphaGen's classes."""
        symbol, args = formula.symbol, [self.translate(arg) for arg in formula.args]
        if symbol.operator is None:
            return self._expression.Feature(self._stock_data.FeatureType[str(symbol.field).upper()])
        name = symbol.operator.name
        kind = getattr(self._expression, {**UNARY, **BINARY, **ROLLING, **PAIR}[name])
        if symbol.window is None:
            return kind(*args)
        return kind(*args, symbol.window + (name == "decay_linear"))

    def coefficient(self, calculator: Any, value: torch.Tensor) -> float:
        """Return the IC of a formula's values, as `calc_single_IC_ret` computes it from the formula."""
        return float(self._correlation(self._normalised(value), calculator.target).mean())

    def watch_corr(self) -> None:
        """Start to count the cells in which Corr replaces a small denominator (a deviation below 1e-3)."""
        usual = self._expression.Corr._apply

        def watched(node: Any, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            for side in (left, right):
                spread = (side - side.mean(dim=-1, keepdim=True)).square().sum(dim=-1)
                self.guarded += int((spread < 1e-6).sum())
            return usual(node, left, right)

        self._expression.Corr._apply = watched
        self._restore: Callable[[], None] = lambda: setattr(self._expression.Corr, "_apply", usual)

    def unwatch_corr(self) -> None:
        self._restore()
