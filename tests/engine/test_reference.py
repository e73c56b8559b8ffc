"""The reference agrees with pandas, SciPy or plain Python on every operator of the table."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from quarva.engine.reference import signals
from quarva.errors import FormulaError
from quarva.karva.expression import Expression
from quarva.karva.operators import BY_NAME, OPERATORS, Operator

from .independent import (
    ARGS,
    CASES,
    INDEPENDENT,
    SECTORS,
    UNKNOWN,
    Bars,
    Group,
    X,
    Y,
    assert_same,
    call,
    expected,
    noise,
    number,
    symbols_of,
)

# Values --------------------------------------------------------------------------------------------


def test_every_operator_has_an_independent_check() -> None:
    assert set(INDEPENDENT) == set(BY_NAME)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_an_operator_agrees_with_an_independent_implementation(operator: Operator, case: str) -> None:
    for symbol in symbols_of(operator):
        got = signals(Expression(symbol, ARGS[: operator.arity]), Bars(CASES[case]))
        assert got.dtype == torch.float64
        assert_same(got, expected(symbol, CASES[case]))


@pytest.mark.parametrize("operator", [o for o in OPERATORS if o.windowed], ids=lambda operator: operator.name)
def test_the_shortest_window_works_and_a_shorter_one_is_refused(operator: Operator) -> None:
    args, shortest = ARGS[: operator.arity], operator.min_window
    formula = call(operator.name, *args, window=shortest)
    assert_same(signals(formula, Bars(CASES["noise"])), expected(formula.symbol, CASES["noise"]))
    with pytest.raises(FormulaError, match=f"at least {shortest} days"):
        signals(call(operator.name, *args, window=shortest - 1), Bars(CASES["noise"]))


def test_long_windows_are_computed_in_blocks_like_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = call("corr", X, Y, window=10)
    whole = signals(formula, Bars(CASES["noise"]))
    monkeypatch.setattr("quarva.engine.reference.rolling._BLOCK", 7 * 6 * 10)
    torch.testing.assert_close(signals(formula, Bars(CASES["noise"])), whole, equal_nan=True)


def test_arguments_are_matched_in_an_unbalanced_tree() -> None:
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


def test_a_signed_power_keeps_the_sign() -> None:
    bases_and_powers = [(-2, 2), (-2, 0.5), (3, -1), (0, 0.5), (0, 0), (0, -1), (-1e30, 2), (-5, 0)]
    values = np.array(bases_and_powers, np.float32).T[:, None, :]
    got = signals(call("signed_power", X, Y), Bars(values))[0].tolist()
    assert got == pytest.approx([-4, -(2**0.5), 1 / 3, 0, 0, math.nan, math.nan, -1], nan_ok=True)


def test_the_unchosen_branch_of_a_choice_may_be_nan() -> None:
    values = np.array([[1, 0, -3, np.nan, 1], [np.nan, 5, 6, 7, 8]], np.float32)[:, None, :]
    constants = torch.ones(1, dtype=torch.float64, requires_grad=True)
    choice = call("if_else", X, call("log", call("sub", Y, number(6.5))), call("mul", UNKNOWN, Y))
    signal = signals(choice, Bars(values), constants=constants)
    correct = [math.nan, 5, math.nan, math.nan, math.log(1.5)]
    assert signal[0].tolist() == pytest.approx(correct, nan_ok=True)
    assert torch.autograd.grad(signal[~signal.isnan()].sum(), constants)[0].tolist() == [5]


def test_a_constant_day_or_window_has_no_deviation() -> None:
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


def test_elementwise_operators_propagate_nan() -> None:
    values = noise(8, 6, missing=0)
    values[1, 3, 2] = np.nan
    for operator in OPERATORS:
        if operator.kind == "elementwise" and operator.arity == 2:
            for args in ((X, Y), (Y, X), (number(1), Y), (Y, number(0))):
                assert signals(call(operator.name, *args), Bars(values))[3, 2].isnan(), operator.name


def test_an_overflow_of_an_intermediate_value_is_nan() -> None:
    values = np.full((2, 1, 2), 3e38, np.float32)
    doubled_and_halved = call("mul", call("add", X, Y), number(0.5))
    assert signals(doubled_and_halved, Bars(values)).isnan().all()
    assert signals(call("inv", call("square", X)), Bars(values)).isnan().all()


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_storage_rounds_the_value_of_every_node(operator: Operator) -> None:
    values = CASES["noise"]
    scaled, waved = call("mul", X, number(float(np.float32(1.1)))), call("sin", Y)
    symbol = symbols_of(operator)[0]
    formula = Expression(symbol, (scaled, waved, scaled)[: operator.arity])
    got = signals(formula, Bars(values), storage=torch.float32)
    assert got.dtype == torch.float64
    stored = np.stack([signals(node, Bars(values)).numpy().astype(np.float32) for node in (scaled, waved)])
    correct = signals(Expression(symbol, ARGS[: operator.arity]), Bars(stored)).float().double()
    torch.testing.assert_close(got, correct, rtol=0, atol=0, equal_nan=True)


def test_only_cross_sectional_operators_ignore_cells_outside_the_universe() -> None:
    values = noise(30, 6, seed=8)
    inside = np.random.default_rng(9).random((30, 6)) < 0.7
    masked = np.where(inside, values, np.nan).astype(np.float32)
    for operator in OPERATORS:
        formula = Expression(symbols_of(operator)[0], ARGS[: operator.arity])
        got = signals(formula, Bars(values, universe=inside))
        if operator.kind in ("cross", "group") and operator.name != "of_asset":
            correct = signals(formula, Bars(masked))
        else:
            correct = signals(formula, Bars(values)).masked_fill(~torch.tensor(inside), math.nan)
        torch.testing.assert_close(got, correct, rtol=0, atol=0, equal_nan=True, msg=operator.name)
    smoothed = signals(call("mean", call("rank", X), window=3), Bars(values, universe=inside)).numpy()
    full = pd.DataFrame(masked[0]).rolling(3).count().to_numpy() == 3
    np.testing.assert_array_equal(~np.isnan(smoothed), full)


def test_signals_do_not_depend_on_later_days_or_the_order_of_assets() -> None:
    values = noise(30, 6, seed=10)
    order = np.random.default_rng(11).permutation(6)
    shuffled = Bars(values[:, :, order])
    shuffled.groups = {"sector": Group(SECTORS[order])}
    shuffled.assets = tuple(f"a{n}" for n in order)
    for operator in OPERATORS:
        formula = Expression(symbols_of(operator)[0], ARGS[: operator.arity])
        whole = signals(formula, Bars(values))
        cut = signals(formula, Bars(values[:, :17]))
        torch.testing.assert_close(cut, whole[:17], equal_nan=True, msg=operator.name)
        torch.testing.assert_close(signals(formula, shuffled), whole[:, order], equal_nan=True)


# Gradients -----------------------------------------------------------------------------------------

PIECEWISE_CONSTANT = {
    "sign", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "count", "ts_argmin", "ts_argmax",
    "days_since_min", "days_since_max", "ts_rank", "sign_changes", "rank", "bucket", "group_rank",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_nan_cells_do_not_make_the_gradient_of_a_constant_nan(operator: Operator, case: str) -> None:
    args = (call("mul", X, UNKNOWN), call("mul", UNKNOWN, Y), call("mul", X, UNKNOWN))[: operator.arity]
    symbol = symbols_of(operator)[0]
    formula = Expression(symbol, args)
    constants = torch.ones(operator.arity, dtype=torch.float64, requires_grad=True)
    signal = signals(formula, Bars(CASES[case]), constants=constants)
    assert_same(signal, expected(symbol, CASES[case]))
    valid = signal[~signal.isnan()]
    if valid.requires_grad and len(valid):
        (gradient,) = torch.autograd.grad(valid.mean(), constants)
        assert gradient.isfinite().all()


@pytest.mark.parametrize(
    "operator", [o for o in OPERATORS if o.name not in PIECEWISE_CONSTANT], ids=lambda operator: operator.name
)
def test_gradients_agree_with_finite_differences(operator: Operator) -> None:
    positive = call("add", call("square", X), UNKNOWN)
    args = (positive, call("mul", Y, UNKNOWN), call("mul", X, UNKNOWN))[: operator.arity]
    formula = Expression(symbols_of(operator)[0], args)
    constants = torch.tensor([0.7, 1.3, 0.9][: operator.arity], dtype=torch.float64, requires_grad=True)

    def valid_cells(values: torch.Tensor) -> torch.Tensor:
        signal = signals(formula, Bars(CASES["noise"]), constants=values)
        return signal[~signal.isnan()]

    assert torch.autograd.gradcheck(valid_cells, (constants,), atol=1e-5)
