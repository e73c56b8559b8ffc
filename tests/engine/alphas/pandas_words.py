"""The functions of the 101 Formulaic Alphas in pandas, on wide frames float32 (days, assets).

NaN marks a gap. The value of a window that is not full or has a NaN is NaN. Every function computes in
float64 and rounds its value to float32, like the engine, so that values that only differ by rounding are
equal when they are ranked or compared. Values that are not finite become NaN.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

Frame = pd.DataFrame
Value = pd.DataFrame | float


def stored(x: Frame) -> Frame:
    """Round to float32; NaN where not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(np.float32).where(lambda values: np.isfinite(values))


def wide(x: Frame) -> Frame:
    """Convert to float64; NaN where not finite in float32."""
    return stored(x).astype(np.float64)


class Bars:
    """Fields as frames, groups as labels of the assets, and the derived data of the paper."""

    def __init__(self, fields: dict[str, np.ndarray], groups: dict[str, list[str | None]]) -> None:
        self.open, self.high, self.low, self.close, self.volume, self.vwap, self.cap = (
            pd.DataFrame(np.asarray(fields[name], np.float32))
            for name in ("open", "high", "low", "close", "volume", "vwap", "cap")
        )
        self.sector, self.industry, self.subindustry = (
            pd.Series(groups[name], dtype=object) for name in ("sector", "industry", "subindustry")
        )
        self.returns = stored(self.close / delay(self.close, 1)) - 1

    def adv(self, days: int) -> Frame:
        """Average daily dollar volume."""
        return stored(wide(self.vwap * self.volume).rolling(days).mean())


# One day -------------------------------------------------------------------------------------------


def rank(x: Frame) -> Frame:
    return stored(stored(x).rank(axis=1, pct=True))


def scale(x: Frame) -> Frame:
    x = wide(x)
    return stored(x.div(x.abs().sum(axis=1).replace(0, np.nan), axis=0))


def indneutralize(x: Frame, group: pd.Series) -> Frame:
    columns = wide(x).T
    return stored((columns - columns.groupby(group).transform("mean")).T)


# One cell ------------------------------------------------------------------------------------------


def _present(*args: Value) -> Frame:
    here = [arg.notna() for arg in args if isinstance(arg, pd.DataFrame)]
    return pd.concat(here).groupby(level=0).all()


def less(x: Value, y: Value) -> Frame:
    """1 where x < y, else 0."""
    smaller = x < y if isinstance(x, pd.DataFrame) else y > x
    return smaller.astype(np.float32).where(_present(x, y))


def equal(x: Frame, y: Value) -> Frame:
    return (x == y).astype(np.float32).where(_present(x, y))


def either(x: Frame, y: Frame) -> Frame:
    return ((x != 0) | (y != 0)).astype(np.float32).where(_present(x, y))


def choose(condition: Frame, x: Value, y: Value) -> Frame:
    """x where the condition is true, else y; NaN where it is NaN."""
    chosen = np.where(condition != 0, x, y)
    return stored(pd.DataFrame(chosen, condition.index, condition.columns).where(condition.notna()))


def power(x: Frame, y: Value) -> Frame:
    """x to the power y; NaN where either is NaN, while NumPy gives 1 for 1 to the power NaN."""
    exponent = wide(y) if isinstance(y, pd.DataFrame) else y
    return stored((wide(x) ** exponent).where(_present(x, y)))


def signedpower(x: Frame, y: Value) -> Frame:
    return np.sign(stored(x)) * power(x.abs(), y)


def log(x: Frame) -> Frame:
    return stored(np.log(wide(x).where(x > 0)))


def sign(x: Frame) -> Frame:
    return np.sign(stored(x))


def smaller(x: Frame, y: Frame) -> Frame:
    return np.minimum(stored(x), stored(y))


def larger(x: Frame, y: Frame) -> Frame:
    return np.maximum(stored(x), stored(y))


# The last days of one asset ------------------------------------------------------------------------


def delay(x: Frame, days: int) -> Frame:
    return stored(x).shift(days)


def delta(x: Frame, days: int) -> Frame:
    return stored(x) - delay(x, days)


def total(x: Frame, days: int) -> Frame:
    return stored(wide(x).rolling(days).sum())


def stddev(x: Frame, days: int) -> Frame:
    return _over(lambda windows: windows.std(-1, ddof=1), days, x)


def ts_min(x: Frame, days: int) -> Frame:
    return stored(wide(x).rolling(days).min())


def ts_max(x: Frame, days: int) -> Frame:
    return stored(wide(x).rolling(days).max())


def ts_rank(x: Frame, days: int) -> Frame:
    return stored(wide(x).rolling(days).rank(pct=True))


def _over(formula: Callable[..., np.ndarray], days: int, *series: Frame) -> Frame:
    """Apply a formula to windows (days, assets, w); NaN where a window is not full."""
    shape = series[0]
    windows = [sliding_window_view(wide(x).to_numpy(), days, axis=0) for x in series]
    full = ~np.logical_or.reduce([np.isnan(each).any(-1) for each in windows])
    out = np.full(shape.shape, np.nan)
    with np.errstate(all="ignore"):
        out[days - 1 :] = np.where(full, formula(*windows), np.nan)
    return stored(pd.DataFrame(out, shape.index, shape.columns))


def ts_argmax(x: Frame, days: int) -> Frame:
    return _over(lambda windows: windows.argmax(-1) + 1.0, days, x)


def ts_argmin(x: Frame, days: int) -> Frame:
    return _over(lambda windows: windows.argmin(-1) + 1.0, days, x)


def product(x: Frame, days: int) -> Frame:
    return _over(lambda windows: windows.prod(-1), days, x)


def decay_linear(x: Frame, days: int) -> Frame:
    weights = np.arange(1.0, days + 1)
    return _over(lambda windows: (windows * (weights / weights.sum())).sum(-1), days, x)


def _centred(windows: np.ndarray) -> np.ndarray:
    return windows - windows.mean(-1, keepdims=True)


def covariance(x: Frame, y: Frame, days: int) -> Frame:
    return _over(lambda a, b: (_centred(a) * _centred(b)).sum(-1) / (days - 1), days, x, y)


def correlation(x: Frame, y: Frame, days: int) -> Frame:
    """Pearson correlation; NaN where a window is constant."""

    def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        still = (np.ptp(a, -1) == 0) | (np.ptp(b, -1) == 0)
        a, b = _centred(a), _centred(b)
        value = (a * b).sum(-1) / np.sqrt((a * a).sum(-1)) / np.sqrt((b * b).sum(-1))
        return np.where(still, np.nan, value)

    return _over(pearson, days, x, y)
