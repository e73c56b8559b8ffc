"""Constants can be extracted and filled in, and formulas that do not fit the panel are refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from quarva.engine.reference import extract_constants, fill_constants, signals
from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol

VALUES = np.random.default_rng(0).normal(size=(2, 40, 6)).astype(np.float32)
SECTORS = SimpleNamespace(codes=np.zeros(6, np.int32))
BARS = SimpleNamespace(values=VALUES, fields=("x", "y"), groups={"sector": SECTORS}, universe=None)


def call(name: str, *args: Expression) -> Expression:
    return Expression(Symbol.function(name), args)


def number(value: float) -> Expression:
    return Expression(Symbol(number=value))


X, UNKNOWN = Expression(Symbol(field="x")), Expression(Symbol())


def test_constants_are_in_level_order() -> None:
    formula = call("add", UNKNOWN, call("mul", X, UNKNOWN))
    got = signals(formula, BARS, constants=[0.5, 3.0])
    torch.testing.assert_close(got, 0.5 + 3 * torch.tensor(VALUES[0]).double(), equal_nan=True)
    assert signals(UNKNOWN, BARS, constants=[2.0]).shape == (40, 6)


def test_extracted_constants_can_be_filled_in_again() -> None:
    formula = call("power", call("add", X, number(0.5)), call("sub", number(2), number(0.25)))
    skeleton, numbers = extract_constants(formula)
    assert skeleton == call("power", call("add", X, UNKNOWN), call("sub", UNKNOWN, UNKNOWN))
    assert numbers == (0.5, 2.0, 0.25)
    assert fill_constants(skeleton, numbers) == formula
    got = signals(skeleton, BARS, constants=numbers)
    torch.testing.assert_close(got, signals(formula, BARS), equal_nan=True)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (Expression(Symbol(field="z")), "no field 'z' .it has: x, y."),
        (Expression(Symbol.function("group_demean", group="secktor"), (X,)), "did you mean 'sector'"),
        (Expression(Symbol.function("group_demean"), (X,)), "no group"),
        (Expression(Symbol.function("mean"), (X,)), "at least 2 days, the formula gives none"),
        (Expression(Symbol.function("add"), (X,)), "takes 2 arguments, the formula gives 1"),
        (Expression(Symbol.function("of_asset", asset="spy"), (X,)), "no asset 'spy' .it has: none."),
        (
            Expression(Symbol.function("quantile", 5, share=1.5), (X,)),
            "share from 0 to 1, the formula gives 1.5",
        ),
        (Expression(Symbol.function("winsorise", share=0.5), (X,)), "share above 0 and below 0.5"),
        (Expression(Symbol.function("winsorise"), (X,)), "the formula gives none"),
        (Expression(Symbol.function("bucket", count=1), (X,)), "count of 2 to 10000, the formula gives 1"),
        (call("add", X, UNKNOWN), "has 1 '.' without a value, but 0 values were given"),
    ],
)
def test_a_formula_that_does_not_fit_is_refused_in_one_line(formula: Expression, message: str) -> None:
    with pytest.raises(FormulaError, match=message) as refusal:
        signals(formula, BARS)
    assert "\n" not in str(refusal.value)


def test_constants_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FormulaError, match="2 values were given"):
        signals(UNKNOWN, BARS, constants=[1.0, 2.0])
    with pytest.raises(FormulaError, match="constant 0 is 1e"):
        fill_constants(UNKNOWN, [1e300])
    with pytest.raises(FormulaError, match="without a value"):
        extract_constants(call("add", UNKNOWN, number(1)))
