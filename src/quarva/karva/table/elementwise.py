"""Elementwise operators: each cell of the result depends on the same cell of the arguments.

Binding strengths are those of Python: comparisons bind least, then `|`, `&`, `+ -`, `* /`, and
unary signs. Any number but 0 is true; logical operators return 1 or 0.
"""

from quarva.karva.operator import Operator, Unit

__all__ = ["ELEMENTWISE"]

_COMPARE, _OR, _AND, _SUM, _PRODUCT, _UNARY = range(1, 7)


def _cell(name: str, arity: int, meaning: str, latex: str, unit: Unit, qlib=None, **more) -> Operator:
    return Operator(name, arity, "elementwise", meaning, latex, unit, qlib, **more)


def _comparison(name: str, sign: str, latex: str, commutative: bool = False) -> Operator:
    return Operator(
        name, 2, "elementwise", f"1 where x {sign} y, else 0", latex, "compare", name.capitalize(),
        infix=sign, strength=_COMPARE, commutative=commutative, nan="NaN where x or y is NaN",
    )  # fmt: skip


# fmt: off
ELEMENTWISE: tuple[Operator, ...] = (
    _cell("add", 2, "x + y", "{0} + {1}", "same", "Add", infix="+", strength=_SUM, commutative=True),
    _cell("sub", 2, "x − y", "{0} - {1}", "same", "Sub", infix="-", strength=_SUM),
    _cell("mul", 2, "x · y", r"{0} \cdot {1}", "product", "Mul", infix="*", strength=_PRODUCT,
          commutative=True),
    _cell("div", 2, "x / y", r"\frac{{{0}}}{{{1}}}", "ratio", "Div", infix="/", strength=_PRODUCT,
          nan="NaN where y = 0"),
    _cell("power", 2, "x raised to the power y", r"{0}^{{{1}}}", "pure", "Power",
          nan="NaN where the result is not real and finite"),
    _cell("signed_power", 2, "sign(x) · |x| raised to the power y", r"\operatorname{{spow}}({0}, {1})",
          "pure", nan="NaN where the result is not finite",
          source="Kakushadze 2016, 101 Formulaic Alphas, signedpower"),
    _cell("min", 2, "the smaller of x and y", r"\min({0}, {1})", "same", "Less", commutative=True),
    _cell("max", 2, "the larger of x and y", r"\max({0}, {1})", "same", "Greater", commutative=True),
    _cell("neg", 1, "−x", "-{0}", "same", infix="-", strength=_UNARY),
    _cell("abs", 1, "|x|", r"\left|{0}\right|", "same", "Abs"),
    _cell("sign", 1, "−1, 0 or 1", r"\operatorname{{sign}}({0})", "none", "Sign"),
    _cell("log", 1, "natural logarithm", r"\log({0})", "pure", "Log", nan="NaN where x ≤ 0"),
    _cell("exp", 1, "e raised to the power x", r"e^{{{0}}}", "pure", nan="NaN where float32 overflows"),
    _cell("sqrt", 1, "square root", r"\sqrt{{{0}}}", "root", nan="NaN where x < 0"),
    _cell("square", 1, "x²", "{0}^2", "square"),
    _cell("inv", 1, "1 / x", r"\frac1{{{0}}}", "inverse", nan="NaN where x = 0"),
    _cell("sin", 1, "sine, x in radians", r"\sin({0})", "pure"),
    _cell("cos", 1, "cosine, x in radians", r"\cos({0})", "pure"),
    _cell("tanh", 1, "hyperbolic tangent", r"\tanh({0})", "pure"),
    _comparison("lt", "<", "{0} < {1}"),
    _comparison("le", "<=", r"{0} \le {1}"),
    _comparison("gt", ">", "{0} > {1}"),
    _comparison("ge", ">=", r"{0} \ge {1}"),
    _comparison("eq", "==", "{0} = {1}", commutative=True),
    _comparison("ne", "!=", r"{0} \ne {1}", commutative=True),
    _cell("and", 2, "1 where x and y are true, else 0", r"{0} \land {1}", "pure", "And", infix="&",
          strength=_AND, commutative=True, nan="NaN where x or y is NaN"),
    _cell("or", 2, "1 where x or y is true, else 0", r"{0} \lor {1}", "pure", "Or", infix="|",
          strength=_OR, commutative=True, nan="NaN where x or y is NaN"),
    _cell("not", 1, "1 where x = 0, else 0", r"\lnot {0}", "pure", "Not", infix="!", strength=_UNARY),
    _cell("if_else", 3, "y where x is true, else z", r"\operatorname{{if}}({0}, {1}, {2})", "choice", "If",
          nan="NaN where x or the chosen argument is NaN"),
)
# fmt: on
