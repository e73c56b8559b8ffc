"""The GPU kernel agrees with the reference on every operator, with both conventions."""

import numpy as np
import pytest
import torch

from quarva.engine import Program, signals
from quarva.engine.reference import signals as reference
from quarva.karva import OPERATORS, Expression, Operator, Symbol, parse
from quarva.panel import Panel

FIELDS = ("x", "y", "close")


@pytest.fixture(scope="module")
def panel() -> Panel:
    """18 days × 6 assets with gaps, ties, constant stretches, late and ended assets, and a universe."""
    rng = np.random.default_rng(3)
    shape = (18, 6)
    y = rng.normal(size=shape).round(1)
    y[6:12, :3] = 0.1
    fields = {
        "x": rng.normal(size=shape),
        "y": y,
        "close": 100 * np.exp(np.cumsum(0.02 * rng.normal(size=shape), axis=0)),
    }
    for values in fields.values():
        values[rng.random(shape) < 0.04] = np.nan
        values[:5, 2] = np.nan
        values[14:, 4] = np.nan
    return Panel.from_arrays(
        fields,
        np.datetime64("2000-01-03") + np.arange(shape[0]),
        [f"a{i}" for i in range(shape[1])],
        groups={"board": ["m", "m", "n", "m", None, "n"], "sector": ["a", "a", "b", None, "a", "b"]},
        universe=rng.random(shape) < 0.85,
    )


def call(operator: Operator, first: int) -> Expression:
    """An expression of the operator on fields, starting with field number `first`."""
    parameters = {
        "window": max(3, operator.min_window),
        "share": 0.2,
        "count": 3,
        "group": "sector",
        "asset": "a1",
    }
    symbol = Symbol(operator, **{name: parameters[name] for name in operator.parameters})
    args = (Expression(Symbol(field=FIELDS[(first + i) % 3])) for i in range(operator.arity))
    return Expression(symbol, tuple(args))


@pytest.fixture(scope="module", params=["quarva", "qlib"])
def found(request, panel):
    """The panel with its conventions, and by name the expression and the signal of each operator."""
    by_name = {operator.name: call(operator, k) for k, operator in enumerate(OPERATORS)}
    panel = panel.with_conventions(request.param)
    values = signals(Program.from_expressions(list(by_name.values())), panel, device="cuda")
    return panel, by_name, dict(zip(by_name, values, strict=True))


@pytest.mark.parametrize("name", [operator.name for operator in OPERATORS])
def test_an_operator_agrees_with_the_reference(name, found):
    panel, by_name, values = found
    correct = reference(by_name[name], panel, storage=torch.float32).numpy()
    assert np.isfinite(correct).any()
    np.testing.assert_allclose(values[name], correct, rtol=1e-5, atol=1e-7, err_msg=str(by_name[name]))


def test_nested_formulas_agree_with_the_reference(panel):
    texts = [
        "mean(delta(x, 2), 3) - mean(delta(x, 5), 4) * std(y + x, 3)",
        "rank(ts_max(rank(x), 4) - ref(zscore(y), 7))",
        "group_rank(corr(x, mean(close, 2), 5), board) + group_zscore(x * y, sector)",
        "quantile(winsorise(x, 0.1), 6, 0.3) / (1 + abs(median(y, 5)))",
        "if_else(x > y, mean(x, 3), ref(if_else(y > 0, y, x), 4))",
        "residual(x - y, ema(close, 3)) * scale(of_asset(x, a1) - x)",
        "mean(x, 40)",
        "close",
        "2.5",
    ]
    expressions = [parse(text) for text in texts]
    values = signals(Program.from_expressions(expressions), panel, device="cuda")
    for text, expression, value in zip(texts, expressions, values, strict=True):
        correct = reference(expression, panel, storage=torch.float32).numpy()
        np.testing.assert_allclose(value, correct, rtol=2e-5, atol=1e-6, err_msg=text)


def test_random_formulas_agree_with_the_reference(panel, population):
    pop = population(
        40, seed=5, head=8, fields=list(FIELDS), windows=(2, 3, 5), groups=["sector"],
        functions=["add", "sub", "mul", "neg", "mean", "std", "ref", "rank", "zscore", "ts_argmax",
                   "group_demean"],
    )  # fmt: skip
    values = signals(Program.from_population(pop), panel, device="cuda")
    for expression, value in zip(pop.expressions(), values, strict=True):
        correct = reference(expression, panel, storage=torch.float32).numpy()
        np.testing.assert_allclose(value, correct, rtol=1e-4, atol=1e-5, err_msg=str(expression))


def test_a_panel_needs_no_groups_or_universe():
    values = np.arange(10.0).reshape(5, 2)
    panel = Panel.from_arrays({"x": values}, np.datetime64("2000-01-03") + np.arange(5), ["a", "b"])
    got = signals(Program.from_expressions([parse("rank(delta(x, 1) + x)")]), panel, device="cuda")[0]
    np.testing.assert_array_equal(got[1:], [[0.5, 1]] * 4)
    assert np.isnan(got[0]).all()


def test_long_windows_are_precise_far_from_zero():
    rng = np.random.default_rng(0)
    x = (1e6 + rng.integers(-3, 4, (120, 1))).astype(np.float32)
    panel = Panel.from_arrays({"x": x}, np.datetime64("2000-01-03") + np.arange(120), ["a"])
    for text in ("std(x, 100)", "slope(x, 100)", "median(x, 101)"):
        expression = parse(text)
        got = signals(Program.from_expressions([expression]), panel, device="cuda")[0]
        np.testing.assert_allclose(got, reference(expression, panel).numpy(), rtol=1e-6, err_msg=text)


def test_an_ema_is_carried_over_gaps_and_ends_with_the_asset():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 3))
    x[20:200, 0], x[130:131, 1], x[250:, 2] = np.nan, np.nan, np.nan
    dates = np.datetime64("2000-01-03") + np.arange(300)
    panel = Panel.from_arrays({"x": x}, dates, ["a", "b", "c"]).with_conventions("qlib")
    texts = ["ema(x, 5)", "ema(ema(x, 3) + 1, 7) - ema(x, 2)", "mean(ema(x, 4), 10)", "rank(ema(x, 9))"]
    expressions = [parse(text) for text in texts]
    got = signals(Program.from_expressions(expressions), panel, device="cuda")
    for expression, value in zip(expressions, got, strict=True):
        correct = reference(expression, panel).numpy()
        np.testing.assert_allclose(value, correct, rtol=1e-5, atol=1e-6, err_msg=str(expression))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.35, 0.45])
def test_a_share_is_not_rounded_to_float32(share):
    x = np.append(np.arange(20.0), 1e6)[None, :].repeat(2, axis=0)
    dates = np.datetime64("2000-01-03") + np.arange(2)
    panel = Panel.from_arrays({"x": x}, dates, [f"a{i}" for i in range(21)])
    got = signals(Program.from_expressions([parse(f"winsorise(x, {share})")]), panel, device="cuda")[0]
    low, high = np.quantile(x[0], [share, 1 - share])
    np.testing.assert_allclose(got[0], x[0].clip(low, high), rtol=1e-7)
