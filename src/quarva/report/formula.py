"""Representations of a formula on the page: every notation and a tree."""

from quarva.karva.expression import Expression, format_parameter
from quarva.karva.notation import render
from quarva.report.data import BestFormula, Node
from quarva.report.mathml import mathml

__all__ = ["best_formula", "formula_tree"]

_SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "neg": "−"}


def best_formula(expression: Expression, sign: int = 1) -> BestFormula:
    """Render `expression` in every notation; `sign` is -1 if the strategy trades against the formula."""
    return BestFormula(
        text=render(expression, "infix"),
        tree=formula_tree(expression),
        latex=render(expression, "latex"),
        mathml=mathml(expression),
        karva=render(expression, "karva"),
        qlib=render(expression, "qlib"),
        sign=sign,
    )


def formula_tree(expression: Expression) -> Node:
    """Convert `expression` to a tree of labelled nodes."""
    symbol = expression.symbol
    if symbol.operator is None:
        if symbol.field is not None:
            return Node(symbol.field, "field")
        return Node(render(expression, "infix").replace("-", "−"), "number")
    name = _SIGNS.get(symbol.operator.name, symbol.operator.name)
    label = " ".join((name, *map(format_parameter, symbol.parameters)))
    return Node(label, "operator", tuple(formula_tree(arg) for arg in expression.args))
