"""Formulas as pictures: an expression as a tree to draw, and in every notation."""

from quarva.karva.expression import Expression, format_parameter
from quarva.karva.notation import render
from quarva.report.data import BestFormula, Node
from quarva.report.mathml import mathml

__all__ = ["formula", "tree"]

_SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "neg": "−"}


def formula(expression: Expression, sign: int = 1) -> BestFormula:
    """`expression` as the page shows it; `sign` is -1 where it is traded against."""
    return BestFormula(
        text=render(expression, "infix"),
        tree=tree(expression),
        latex=render(expression, "latex"),
        mathml=mathml(expression),
        karva=render(expression, "karva"),
        qlib=render(expression, "qlib"),
        sign=sign,
    )


def tree(expression: Expression) -> Node:
    """`expression` as a tree of labelled nodes."""
    symbol = expression.symbol
    if symbol.operator is None:
        if symbol.field is not None:
            return Node(symbol.field, "field")
        return Node(render(expression, "infix").replace("-", "−"), "number")
    name = _SIGNS.get(symbol.operator.name, symbol.operator.name)
    label = " ".join((name, *map(format_parameter, symbol.parameters)))
    return Node(label, "operator", tuple(tree(arg) for arg in expression.args))
