"""Values of formulas in float64 by NumPy, and symbolic equivalence by SymPy, both without the engine.

`recovery.py` uses them, so that the verdict 'recovered' does not depend on the engine that it judges.
"""

import operator
import signal
from collections.abc import Callable
from functools import reduce
from types import FrameType

import numpy as np
import sympy

from quarva.karva import Expression, parse

__all__ = ["Formula64", "same_by_sympy"]

_NUMPY: dict[str, Callable] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "power": np.power,
    "sin": np.sin, "cos": np.cos, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "neg": np.negative,
    "square": np.square, "cube": lambda x: x * x * x,
}  # fmt: skip
_SYMPY: dict[str, Callable] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "power": operator.pow, "neg": operator.neg, "sqrt": sympy.sqrt,
    "sin": sympy.sin, "cos": sympy.cos, "exp": sympy.exp, "log": sympy.log,
    "square": lambda x: x**2, "cube": lambda x: x**3,
}  # fmt: skip


class Formula64:
    """A formula in infix, evaluated in float64: `Formula64("x1*x1 + sin(x2)")(points)`."""

    def __init__(self, text: str) -> None:
        self._root = parse(text)

    def __call__(self, points: dict[str, np.ndarray]) -> np.ndarray:
        """Return the values, float64[points]; NaN or infinite where the formula is undefined."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(self._value(self._root, points), next(iter(points.values())).shape)

    def _value(self, node: Expression, points: dict[str, np.ndarray]) -> np.ndarray:
        symbol = node.symbol
        if symbol.field is not None:
            return points[symbol.field]
        if symbol.operator is None:
            return np.asarray(symbol.number, float)
        return _NUMPY[symbol.operator.name](*(self._value(arg, points) for arg in node.args))


def _symbolic(node: Expression, names: dict[str, sympy.Symbol]) -> sympy.Expr:
    symbol = node.symbol
    if symbol.field is not None:
        return names[symbol.field]
    if symbol.operator is None:
        return sympy.nsimplify(symbol.number, rational=True)
    return _SYMPY[symbol.operator.name](*(_symbolic(arg, names) for arg in node.args))


def same_by_sympy(found: str, truth: str, *, positive: bool, seconds: int = 20) -> str:
    """Return 'yes' if found − truth simplifies to 0, 'no' if it does not, 'timeout' after `seconds`.

    The variables are positive if `positive`, else real. This works in the main thread of a process on Unix,
    where an alarm can interrupt SymPy.
    """
    left, right = parse(found), parse(truth)
    names = {
        name: sympy.Symbol(name, positive=True) if positive else sympy.Symbol(name, real=True)
        for name in sorted({*left.fields(), *right.fields()})
    }

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return "yes" if _vanishes(_symbolic(left, names) - _symbolic(right, names)) else "no"
    except TimeoutError:
        return "timeout"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# From cheap to expensive; each is applied to the result of the one before.
_STEPS: tuple[Callable[[sympy.Expr], sympy.Expr], ...] = (
    sympy.expand,
    sympy.cancel,
    lambda e: sympy.expand(sympy.expand_log(e, force=True)),
    lambda e: sympy.expand(sympy.expand_trig(e)),
    sympy.simplify,
)


def _vanishes(difference: sympy.Expr) -> bool:
    def step(rest: sympy.Expr, simpler: Callable[[sympy.Expr], sympy.Expr]) -> sympy.Expr:
        return rest if rest == 0 else simpler(rest)

    return bool(reduce(step, _STEPS, difference) == 0)
