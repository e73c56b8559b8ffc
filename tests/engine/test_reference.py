"""The reference gives, for every operator of the table, what pandas, scipy and plain Python give."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from quarva.engine.reference import signals
from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.operators import BY_NAME, OPERATORS, Operator

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
    fields: tuple[str, ...] = ("x", "y")
    groups: dict[str, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.groups = {"sector": Group(SECTORS[: self.values.shape[2]])}


def call(name: str, *args: Expression, window: int | None = None) -> Expression:
    group = "sector" if BY_NAME[name].kind == "group" else None
    return Expression(Symbol.function(name, window, group), args)


def number(value: float) -> Expression:
    return Expression(Symbol(number=value))


X, Y, UNKNOWN = Expression(Symbol(field="x")), Expression(Symbol(field="y")), Expression(Symbol())


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
    # Only x holds the largest numbers: the covariance of two such series is lost to cancellation in float64.
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


# What each operator should give, by other means -----------------------------------------------------


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


def within_sector(x: Array) -> Array:
    sectors = pd.Series(SECTORS[: x.shape[1]]).replace(-1, np.nan)
    columns = pd.DataFrame(x.T)
    means = columns.groupby(sectors).transform("mean")
    return np.asarray((columns - means).T, float)


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
    "ref": lagged(lambda now, then: then),
    "delta": lagged(lambda now, then: now - then),
    "pct_change": lagged(lambda now, then: now / then - 1),
    "mean": by_window(lambda x: math.fsum(x) / len(x)),
    "sum": by_window(math.fsum),
    "std": by_window(unless_constant(lambda x: np.std(x, ddof=1), otherwise=0)),
    "var": by_window(unless_constant(lambda x: np.var(x, ddof=1), otherwise=0)),
    "skew": by_window(unless_constant(lambda x: stats.skew(x / np.abs(x).max(), bias=False))),
    "ts_min": by_window(min),
    "ts_max": by_window(max),
    "ts_argmin": by_window(lambda x: np.argmin(x) + 1),
    "ts_argmax": by_window(lambda x: np.argmax(x) + 1),
    "ts_rank": by_window(lambda x: stats.rankdata(x)[-1] / len(x)),
    "median": by_window(np.median),
    "ts_zscore": by_window(unless_constant(lambda x: (x[-1] - np.mean(x)) / np.std(x, ddof=1))),
    "ema": by_window(lambda x: pd.Series(x).ewm(span=len(x)).mean().iloc[-1]),
    "decay_linear": by_window(lambda x: np.average(x, weights=np.arange(1, len(x) + 1))),
    "corr": by_window(unless_constant(pearson)),
    "cov": by_window(unless_constant(lambda x, y: np.cov(x, y)[0, 1], otherwise=0)),
    "rank": by_row(lambda frame: frame.rank(axis=1, pct=True)),
    "zscore": by_row(row_zscore),
    "demean": by_row(lambda frame: frame.sub(frame.mean(axis=1), axis=0)),
    "scale": by_row(row_scale),
    "group_demean": within_sector,
}


def representable(x: Array) -> Array:
    return np.where(np.abs(x) <= FLOAT32_MAX, x, np.nan)


def windows_of(operator: Operator) -> tuple[int | None, ...]:
    return (max(operator.min_window, 3), 10) if operator.windowed else (None,)


def expected(operator: Operator, values: NDArray[np.float32], window: int | None) -> Array:
    args = [representable(value.astype(float)) for value in values[: operator.arity]]
    given = {} if window is None else {"w": window}
    with np.errstate(all="ignore"):
        return representable(INDEPENDENT[operator.name](*args, **given))


def assert_same(got: torch.Tensor, want: Array) -> None:
    scale = np.nanmax(np.abs(want)) if np.isfinite(want).any() else 0.0
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-8, atol=1e-11 * scale)


# Values --------------------------------------------------------------------------------------------


def test_every_operator_has_an_independent_check() -> None:
    assert set(INDEPENDENT) == set(BY_NAME)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_an_operator_gives_what_others_give(operator: Operator, case: str) -> None:
    for window in windows_of(operator):
        got = signals(call(operator.name, *(X, Y)[: operator.arity], window=window), Bars(CASES[case]))
        assert got.dtype == torch.float64
        assert_same(got, expected(operator, CASES[case], window))


@pytest.mark.parametrize("operator", [o for o in OPERATORS if o.windowed], ids=lambda operator: operator.name)
def test_the_shortest_window_works_and_a_shorter_one_is_refused(operator: Operator) -> None:
    args, shortest = (X, Y)[: operator.arity], operator.min_window
    got = signals(call(operator.name, *args, window=shortest), Bars(CASES["noise"]))
    assert_same(got, expected(operator, CASES["noise"], shortest))
    with pytest.raises(FormulaError, match=f"at least {shortest} days"):
        signals(call(operator.name, *args, window=shortest - 1), Bars(CASES["noise"]))


def test_long_windows_are_computed_in_blocks_like_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = call("corr", X, Y, window=10)
    whole = signals(formula, Bars(CASES["noise"]))
    monkeypatch.setattr("quarva.engine.reference.rolling._BLOCK", 7 * 6 * 10)
    torch.testing.assert_close(signals(formula, Bars(CASES["noise"])), whole, equal_nan=True)


def test_every_argument_finds_its_place_in_a_lopsided_tree() -> None:
    left = call("div", X, call("add", Y, number(2)))
    right = call("mul", call("sin", X), call("sub", Y, call("div", number(3), call("square", X))))
    x, y = CASES["noise"].astype(float)
    assert_same(
        signals(call("sub", left, right), Bars(CASES["noise"])), x / (y + 2) - np.sin(x) * (y - 3 / x**2)
    )


def test_power_is_real_or_nan() -> None:
    bases_and_powers = [(0, 0), (0, -1), (-2, 3), (-2, -2), (-2, 0.5), (0, 0.5), (-1, 2**24), (-8, 1 / 3)]
    values = np.array(bases_and_powers, np.float32).T[:, None, :]
    got = signals(call("power", X, Y), Bars(values))[0].tolist()
    assert got == pytest.approx([1, math.nan, -8, 0.25, math.nan, 0, 1, math.nan], nan_ok=True)


def test_a_constant_day_or_window_deviates_by_exactly_nothing() -> None:
    values = np.full((2, 20, 6), 0.1, np.float32)
    values[1] = -1e4 / 3
    for value in (X, Y):
        for exact_zero in (call("var", value, window=7), call("demean", value), call("group_demean", value)):
            signal = signals(exact_zero, Bars(values))
            assert (signal[~signal.isnan()] == 0).all()
        trend = signals(call("sub", value, call("ema", value, window=7)), Bars(values))
        assert (trend[6:] == 0).all()
        assert signals(call("zscore", value), Bars(values)).isnan().all()


# NaN, storage, universe ----------------------------------------------------------------------------


def test_a_nan_goes_through_where_no_window_or_day_stands_between() -> None:
    values = noise(8, 6, missing=0)
    values[1, 3, 2] = np.nan
    for operator in OPERATORS:
        if operator.kind == "elementwise" and operator.arity == 2:
            for args in ((X, Y), (Y, X), (number(1), Y), (Y, number(0))):
                assert signals(call(operator.name, *args), Bars(values))[3, 2].isnan(), operator.name


def test_an_overflow_on_the_way_is_nan_even_where_it_would_come_back() -> None:
    values = np.full((2, 1, 2), 3e38, np.float32)
    doubled_and_halved = call("mul", call("add", X, Y), number(0.5))
    assert signals(doubled_and_halved, Bars(values)).isnan().all()
    assert signals(call("inv", call("square", X)), Bars(values)).isnan().all()


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_storage_rounds_the_value_of_every_node(operator: Operator) -> None:
    values = CASES["noise"]
    inner = [call("mul", X, number(float(np.float32(1.1)))), call("sin", Y)][: operator.arity]
    window = windows_of(operator)[0]
    got = signals(call(operator.name, *inner, window=window), Bars(values), storage=torch.float32)
    assert got.dtype == torch.float64
    stored = np.stack([signals(node, Bars(values)).numpy().astype(np.float32) for node in inner])
    outer = call(operator.name, *(X, Y)[: operator.arity], window=window)
    want = signals(outer, Bars(stored, fields=("x", "y"))).float().double()
    torch.testing.assert_close(got, want, rtol=0, atol=0, equal_nan=True)


def test_outside_the_universe_days_are_ranked_without_and_windows_read_on() -> None:
    values = noise(30, 6, seed=8)
    inside = np.random.default_rng(9).random((30, 6)) < 0.7
    masked = np.where(inside, values, np.nan).astype(np.float32)
    for operator in OPERATORS:
        formula = call(operator.name, *(X, Y)[: operator.arity], window=windows_of(operator)[0])
        got = signals(formula, Bars(values, universe=inside))
        if operator.kind in ("cross", "group"):
            want = signals(formula, Bars(masked))
        else:
            want = signals(formula, Bars(values)).masked_fill(~torch.tensor(inside), math.nan)
        torch.testing.assert_close(got, want, rtol=0, atol=0, equal_nan=True, msg=operator.name)
    smoothed = signals(call("mean", call("rank", X), window=3), Bars(values, universe=inside)).numpy()
    full = pd.DataFrame(masked[0]).rolling(3).count().to_numpy() == 3
    np.testing.assert_array_equal(~np.isnan(smoothed), full)


def test_tomorrow_changes_nothing_and_the_order_of_assets_does_not_matter() -> None:
    values = noise(30, 6, seed=10)
    order = np.random.default_rng(11).permutation(6)
    shuffled = Bars(values[:, :, order])
    shuffled.groups = {"sector": Group(SECTORS[order])}
    for operator in OPERATORS:
        formula = call(operator.name, *(X, Y)[: operator.arity], window=windows_of(operator)[0])
        whole = signals(formula, Bars(values))
        cut = signals(formula, Bars(values[:, :17]))
        torch.testing.assert_close(cut, whole[:17], equal_nan=True, msg=operator.name)
        torch.testing.assert_close(signals(formula, shuffled), whole[:, order], equal_nan=True)


# Gradients -----------------------------------------------------------------------------------------

PIECEWISE_CONSTANT = {"sign", "ts_argmin", "ts_argmax", "ts_rank", "rank"}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_nan_cells_do_not_poison_the_gradient_of_a_constant(operator: Operator, case: str) -> None:
    args = [call("mul", X, UNKNOWN), call("mul", UNKNOWN, Y)][: operator.arity]
    formula = call(operator.name, *args, window=windows_of(operator)[0])
    constants = torch.ones(operator.arity, dtype=torch.float64, requires_grad=True)
    signal = signals(formula, Bars(CASES[case]), constants=constants)
    assert_same(signal, expected(operator, CASES[case], windows_of(operator)[0]))
    valid = signal[~signal.isnan()]
    if valid.requires_grad and len(valid):
        (gradient,) = torch.autograd.grad(valid.mean(), constants)
        assert gradient.isfinite().all()


@pytest.mark.parametrize(
    "operator", [o for o in OPERATORS if o.name not in PIECEWISE_CONSTANT], ids=lambda operator: operator.name
)
def test_a_gradient_is_the_slope(operator: Operator) -> None:
    positive = call("add", call("square", X), UNKNOWN)
    formula = call(
        operator.name, *(positive, call("mul", Y, UNKNOWN))[: operator.arity], window=windows_of(operator)[0]
    )
    constants = torch.tensor([0.7, 1.3][: operator.arity], dtype=torch.float64, requires_grad=True)

    def valid_cells(values: torch.Tensor) -> torch.Tensor:
        signal = signals(formula, Bars(CASES["noise"]), constants=values)
        return signal[~signal.isnan()]

    assert torch.autograd.gradcheck(valid_cells, (constants,), atol=1e-5)
