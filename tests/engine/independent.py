"""Independent implementations of all operators with pandas, SciPy and plain Python, and difficult panels."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats

from quarva.karva.expression import Expression, Symbol
from quarva.karva.operators import BY_NAME, Operator

Array = NDArray[np.float64]
FLOAT32_MAX = float(np.finfo(np.float32).max)
SECTORS = np.array([0, 1, 0, -1, 1, 2], np.int32)


@dataclass
class Group:
    codes: NDArray[np.int32]


@dataclass
class Bars:
    """A panel of two fields, x and y."""

    values: NDArray[np.float32]
    universe: NDArray[np.bool_] | None = None
    conventions: str = "quarva"
    fields: tuple[str, ...] = ("x", "y")
    groups: dict[str, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.groups = {"sector": Group(SECTORS[: self.values.shape[2]])}
        self.assets = tuple(f"a{n}" for n in range(self.values.shape[2]))


PARAMETERS: dict[str, dict[str, Any]] = {
    "quantile": {"share": 0.8},
    "winsorise": {"share": 0.15},
    "bucket": {"count": 3},
    "of_asset": {"asset": "a0"},
    **{name: {"group": "sector"} for name, operator in BY_NAME.items() if operator.kind == "group"},
}


def symbols_of(operator: Operator) -> list[Symbol]:
    """Symbols of an operator with a short and a long window and the other parameters."""
    given = PARAMETERS.get(operator.name, {})
    windows = (max(operator.min_window, 3), 10) if operator.windowed else (None,)
    return [Symbol.function(operator.name, window, **given) for window in windows]


def call(name: str, *args: Expression, **given: Any) -> Expression:
    return Expression(Symbol.function(name, **PARAMETERS.get(name, {}) | given), args)


def number(value: float) -> Expression:
    return Expression(Symbol(number=value))


X, Y, UNKNOWN = Expression(Symbol(field="x")), Expression(Symbol(field="y")), Expression(Symbol())
ARGS = (X, Y, X)


# Data ----------------------------------------------------------------------------------------------


def noise(days: int, assets: int, seed: int = 0, missing: float = 0.03) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, days, assets))
    values[rng.random(values.shape) < missing] = np.nan
    return values.astype(np.float32)


def constant_stretches() -> NDArray[np.float32]:
    values = noise(40, 6, seed=2, missing=0.01)
    values[:, 5:25, :3] = 0.1
    values[1, 15:35, 2:] = -1e4 / 3
    values[:, 30] = 0.7
    values[0, :, 5] = 0
    return values


def huge_and_tiny() -> NDArray[np.float32]:
    # Only x has the largest numbers, because the covariance of two such series cancels in float64.
    values = noise(40, 6, seed=3)
    choices = np.array([np.inf, -np.inf, 3e38, -3e38, 1e30, 1e-38, 1e-45, 0, -0.0, 90, -200], np.float32)
    rng = np.random.default_rng(4)
    spots = rng.random(values.shape) < 0.2
    values[0][spots[0]] = rng.choice(choices, int(spots[0].sum()))
    values[1][spots[1]] = rng.choice([*choices[:2], *choices[5:]], int(spots[1].sum()))
    return values


CASES: dict[str, NDArray[np.float32]] = {
    "noise": noise(40, 6),
    "ties": np.round(noise(40, 6, seed=1) * 1.5),
    "constants": constant_stretches(),
    "huge": huge_and_tiny(),
    "one asset": noise(30, 1, seed=5),
    "one day": noise(1, 6, seed=6),
    "short": noise(3, 6, seed=7),
    "empty": np.full((2, 12, 6), np.nan, np.float32),
}


# Independent implementations ------------------------------------------------------------------------


def by_cell(formula: Callable[..., float]) -> Callable[..., Array]:
    def everywhere(*args: Array) -> Array:
        out = np.full(args[0].shape, np.nan)
        for at in np.ndindex(out.shape):
            cells = [float(arg[at]) for arg in args]
            if not any(math.isnan(cell) for cell in cells):
                with suppress(ArithmeticError, ValueError):
                    out[at] = formula(*cells)
        return out

    return everywhere


def by_window(formula: Callable[..., Any]) -> Callable[..., Array]:
    def everywhere(*args: Array, w: int) -> Array:
        out = np.full(args[0].shape, np.nan)
        days, assets = args[0].shape
        for t in range(w - 1, days):
            for n in range(assets):
                windows = [arg[t - w + 1 : t + 1, n] for arg in args]
                if not any(np.isnan(window).any() for window in windows):
                    out[t, n] = formula(*windows)
        return out

    return everywhere


def by_row(formula: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Array], Array]:
    return lambda x: np.asarray(formula(pd.DataFrame(x)), float)


def unless_constant(formula: Callable[..., Any], otherwise: float = np.nan) -> Callable[..., float]:
    def value(*windows: Array) -> float:
        if any(window.min() == window.max() for window in windows):
            return otherwise
        return float(formula(*windows))

    return value


def pearson(x: Array, y: Array) -> float:
    return float(np.corrcoef(x / np.abs(x).max(), y / np.abs(y).max())[0, 1])


def row_zscore(frame: pd.DataFrame) -> pd.DataFrame:
    constant = frame.min(axis=1) == frame.max(axis=1)
    return frame.sub(frame.mean(axis=1), axis=0).div(frame.std(axis=1).mask(constant), axis=0)


def row_scale(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.div(frame.abs().sum(axis=1).replace(0, np.nan), axis=0)


def within_sector(formula: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """Apply a formula to the assets (rows) grouped by sector, with a column per day."""

    def value(x: Array) -> Array:
        sectors = pd.Series(SECTORS[: x.shape[1]]).replace(-1, np.nan)
        return np.asarray(formula(pd.DataFrame(x.T).groupby(sectors)).T, float)

    return value


def column_zscore(column: pd.Series) -> pd.Series:
    return (column - column.mean()) / (np.nan if column.nunique() < 2 else column.std())


def row_winsorise(frame: pd.DataFrame) -> pd.DataFrame:
    low, high = frame.quantile(0.15, axis=1), frame.quantile(1 - 0.15, axis=1)
    return frame.clip(low, high, axis=0)


def row_bucket(frame: pd.DataFrame) -> pd.DataFrame:
    ranks, n = frame.rank(axis=1), frame.count(axis=1)
    whole = [
        [
            math.nan if math.isnan(r) else math.floor((Fraction(r) - 1) * 3 / Fraction(int(n[day]))) + 1
            for r in row
        ]
        for day, row in enumerate(ranks.to_numpy())
    ]
    return pd.DataFrame(whole, ranks.index, ranks.columns, float)


def residual(y: Array, x: Array) -> Array:
    out = np.full(y.shape, np.nan)
    for day in range(len(y)):
        both = ~np.isnan(y[day]) & ~np.isnan(x[day])
        if both.sum() >= 3 and np.ptp(x[day, both]) > 0:
            line = stats.linregress(x[day, both], y[day, both])
            out[day, both] = y[day, both] - line.intercept - line.slope * x[day, both]
    return out


def line_of(x: Array) -> Any:
    return stats.linregress(np.arange(1.0, len(x) + 1), x)


def residual_today(x: Array) -> float:
    line = line_of(x)
    return float(x[-1] - line.intercept - line.slope * len(x))


def lagged(formula: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]) -> Callable[..., Array]:
    def value(x: Array, w: int) -> Array:
        frame = pd.DataFrame(x)
        return np.asarray(formula(frame, frame.shift(w)), float)

    return value


INDEPENDENT: dict[str, Callable[..., Array]] = {
    "add": by_cell(lambda x, y: x + y),
    "sub": by_cell(lambda x, y: x - y),
    "mul": by_cell(lambda x, y: x * y),
    "div": by_cell(lambda x, y: x / y),
    "power": by_cell(math.pow),
    "signed_power": by_cell(lambda x, y: math.copysign(abs(x) ** y, x) if x else 0 * 0**y),
    "min": by_cell(min),
    "max": by_cell(max),
    "neg": by_cell(lambda x: -x),
    "abs": by_cell(abs),
    "sign": by_cell(lambda x: (x > 0) - (x < 0)),
    "log": by_cell(math.log),
    "exp": by_cell(math.exp),
    "sqrt": by_cell(math.sqrt),
    "square": by_cell(lambda x: x * x),
    "inv": by_cell(lambda x: 1 / x),
    "sin": by_cell(math.sin),
    "cos": by_cell(math.cos),
    "tanh": by_cell(math.tanh),
    "lt": by_cell(lambda x, y: x < y),
    "le": by_cell(lambda x, y: x <= y),
    "gt": by_cell(lambda x, y: x > y),
    "ge": by_cell(lambda x, y: x >= y),
    "eq": by_cell(lambda x, y: x == y),
    "ne": by_cell(lambda x, y: x != y),
    "and": by_cell(lambda x, y: bool(x) and bool(y)),
    "or": by_cell(lambda x, y: bool(x) or bool(y)),
    "not": by_cell(lambda x: not x),
    "if_else": lambda c, x, y: np.where(np.isnan(c), np.nan, np.where(c != 0, x, y)),
    "ref": lagged(lambda now, then: then),
    "delta": lagged(lambda now, then: now - then),
    "pct_change": lagged(lambda now, then: now / then - 1),
    "mean": by_window(lambda x: math.fsum(x) / len(x)),
    "sum": by_window(math.fsum),
    "product": by_window(math.prod),
    "count": lambda x, w: pd.DataFrame(x).notna().rolling(w, min_periods=1).sum().to_numpy(),
    "std": by_window(unless_constant(lambda x: np.std(x, ddof=1), otherwise=0)),
    "var": by_window(unless_constant(lambda x: np.var(x, ddof=1), otherwise=0)),
    "skew": by_window(unless_constant(lambda x: stats.skew(x / np.abs(x).max(), bias=False))),
    "kurt": by_window(unless_constant(lambda x: stats.kurtosis(x / np.abs(x).max(), bias=False))),
    "mad": by_window(unless_constant(lambda x: np.mean(np.abs(x - np.mean(x))), otherwise=0)),
    "ts_min": by_window(min),
    "ts_max": by_window(max),
    "ts_argmin": by_window(lambda x: np.argmin(x) + 1),
    "ts_argmax": by_window(lambda x: np.argmax(x) + 1),
    "days_since_min": by_window(lambda x: len(x) - 1 - np.argmin(x)),
    "days_since_max": by_window(lambda x: len(x) - 1 - np.argmax(x)),
    "ts_rank": by_window(lambda x: stats.rankdata(x)[-1] / len(x)),
    "median": by_window(np.median),
    "quantile": by_window(lambda x: np.quantile(x, 0.8)),
    "sign_changes": by_window(lambda x: np.count_nonzero(np.diff(np.sign(x)))),
    "drawdown": by_window(lambda x: x[-1] / max(x) - 1),
    "ts_zscore": by_window(unless_constant(lambda x: (x[-1] - np.mean(x)) / np.std(x, ddof=1))),
    "ema": by_window(lambda x: pd.Series(x).ewm(span=len(x)).mean().iloc[-1]),
    "decay_linear": by_window(lambda x: np.average(x, weights=np.arange(1, len(x) + 1))),
    "slope": by_window(unless_constant(lambda x: line_of(x).slope, otherwise=0)),
    "rsquare": by_window(unless_constant(lambda x: line_of(x).rvalue ** 2)),
    "resi": by_window(unless_constant(residual_today, otherwise=0)),
    "corr": by_window(unless_constant(pearson)),
    "cov": by_window(unless_constant(lambda x, y: np.cov(x, y)[0, 1], otherwise=0)),
    "rank": by_row(lambda frame: frame.rank(axis=1, pct=True)),
    "zscore": by_row(row_zscore),
    "demean": by_row(lambda frame: frame.sub(frame.mean(axis=1), axis=0)),
    "scale": by_row(row_scale),
    "winsorise": by_row(row_winsorise),
    "bucket": by_row(row_bucket),
    "residual": residual,
    "of_asset": lambda x: np.repeat(x[:, :1], x.shape[1], axis=1),
    "group_demean": within_sector(lambda sectors: sectors.transform(lambda column: column - column.mean())),
    "group_rank": within_sector(lambda sectors: sectors.rank(pct=True)),
    "group_zscore": within_sector(lambda sectors: sectors.transform(column_zscore)),
}


def representable(x: Array) -> Array:
    return np.where(np.abs(x) <= FLOAT32_MAX, x, np.nan)


def expected(symbol: Symbol, values: NDArray[np.float32]) -> Array:
    """Correct value of the symbol's operator on x, y, x."""
    assert symbol.operator is not None
    fields = [representable(values[f].astype(float)) for f in (0, 1, 0)]
    given = {} if symbol.window is None else {"w": symbol.window}
    with np.errstate(all="ignore"):
        return representable(INDEPENDENT[symbol.operator.name](*fields[: symbol.arity], **given))


def assert_same(got: torch.Tensor, correct: Array) -> None:
    scale = np.nanmax(np.abs(correct)) if np.isfinite(correct).any() else 0.0
    np.testing.assert_allclose(got.detach().numpy(), correct, rtol=1e-8, atol=1e-11 * scale)
