"""The one table of operators: names, arities, meaning, NaN rule, spelling in each notation.

Parsers, printers, both engines and the documentation read this table; a new operator is one entry here
and its line in each engine. Four kinds:

- *elementwise*: one cell in, the same cell out;
- *rolling*: the last `window` days of one asset (or of two series of one asset);
- *cross*: all assets of one day;
- *group*: the assets of one group (sector, say) on one day.

Rules that hold for every operator: NaN means 'not there' and goes through; a rolling window that is not
full, or holds a NaN, gives NaN; cross-sectional operators skip NaN and give NaN where they found it; what
is not a finite float32 (a division by zero, the logarithm of a negative number, an overflow) is NaN.
Below, x_k is the value k days ago (x_0 is today), w the window, Σ runs over the window k = 0 … w−1.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CODE", "OPERATORS", "Kind", "Operator"]

Kind = Literal["elementwise", "rolling", "cross", "group"]


@dataclass(frozen=True, slots=True)
class Operator:
    """One entry of the table.

    `latex` is a format string: {0}, {1} are the arguments, {w} the window, {g} the group; its
    parentheses are printed so that they grow with what they hold. What it prints is also read back, so
    no two operators may have the same source, even where they look alike on paper (see `notation.latex`).
    `qlib` is the name in Qlib's expression language, None where Qlib has no such operator.
    `infix` is the sign written between (or before) the arguments, with its binding strength in
    `strength`; None for operators written as a call.
    """

    name: str
    arity: int
    kind: Kind
    meaning: str
    latex: str
    qlib: str | None = None
    infix: str | None = None
    strength: int = 0
    commutative: bool = False
    min_window: int = 0
    nan: str = "NaN goes through"
    source: str = "usual"

    @property
    def windowed(self) -> bool:
        """Whether the symbol carries a window, as in `mean_20`."""
        return self.kind == "rolling"

    def lookback(self, window: int) -> int:
        """How many days before today the operator reads, for a window of `window` days."""
        if not self.windowed:
            return 0
        return window if self.name in _REACHES_BACK else window - 1


# A lag of w days reads the day w days ago; a window of w days ends w-1 days ago.
_REACHES_BACK = frozenset({"ref", "delta", "pct_change"})


def _elementwise(name, arity, meaning, latex, qlib=None, **more) -> Operator:
    return Operator(name, arity, "elementwise", meaning, latex, qlib, **more)


def _rolling(name, arity, meaning, latex, qlib=None, **more) -> Operator:
    more.setdefault("nan", "NaN unless the window is full")
    return Operator(name, arity, "rolling", meaning, latex, qlib, **more)


def _cross(name, meaning, latex, qlib=None, **more) -> Operator:
    more.setdefault("nan", "skips NaN; NaN stays NaN")
    return Operator(name, 1, "cross", meaning, latex, qlib, **more)


_PANDAS = "pandas, same name"
_ALPHAS = "Kakushadze 2016, 101 Formulaic Alphas"

# fmt: off
OPERATORS: tuple[Operator, ...] = (
    _elementwise("add", 2, "x + y", "{0} + {1}", "Add", infix="+", strength=1, commutative=True),
    _elementwise("sub", 2, "x − y", "{0} - {1}", "Sub", infix="-", strength=1),
    _elementwise("mul", 2, "x · y", r"{0} \cdot {1}", "Mul", infix="*", strength=2, commutative=True),
    _elementwise("div", 2, "x / y", r"\frac{{{0}}}{{{1}}}", "Div", infix="/", strength=2,
                 nan="NaN where y = 0"),
    _elementwise("power", 2, "x to the power y", r"{0}^{{{1}}}", "Power",
                 nan="NaN where not real and finite"),
    _elementwise("min", 2, "the smaller of x and y", r"\min({0}, {1})", "Less", commutative=True),
    _elementwise("max", 2, "the larger of x and y", r"\max({0}, {1})", "Greater", commutative=True),
    _elementwise("neg", 1, "−x", "-{0}", infix="-", strength=3),
    _elementwise("abs", 1, "|x|", r"\left|{0}\right|", "Abs"),
    _elementwise("sign", 1, "−1, 0 or 1", r"\operatorname{{sign}}({0})", "Sign"),
    _elementwise("log", 1, "natural logarithm", r"\log({0})", "Log", nan="NaN where x ≤ 0"),
    _elementwise("exp", 1, "e to the power x", r"e^{{{0}}}", nan="NaN where it overflows float32"),
    _elementwise("sqrt", 1, "square root", r"\sqrt{{{0}}}", nan="NaN where x < 0"),
    _elementwise("square", 1, "x²", "{0}^2"),
    _elementwise("inv", 1, "1 / x", r"\frac1{{{0}}}", nan="NaN where x = 0"),
    _elementwise("sin", 1, "sine, x in radians", r"\sin({0})"),
    _elementwise("cos", 1, "cosine, x in radians", r"\cos({0})"),
    _elementwise("tanh", 1, "hyperbolic tangent", r"\tanh({0})"),
    _rolling("ref", 1, "x_w, the value w days ago", r"{0}_{{t-{w}}}", "Ref", min_window=1,
             nan="NaN where x_w is NaN"),
    _rolling("delta", 1, "x_0 − x_w", r"\Delta_{{{w}}}({0})", "Delta", min_window=1,
             nan="NaN where x_0 or x_w is NaN"),
    _rolling("pct_change", 1, "x_0 / x_w − 1", r"\operatorname{{pct}}_{{{w}}}({0})", min_window=1,
             nan="NaN where x_0 or x_w is NaN, or x_w = 0", source=_PANDAS),
    _rolling("mean", 1, "Σ x_k / w", r"\operatorname{{mean}}_{{{w}}}({0})", "Mean", min_window=2),
    _rolling("sum", 1, "Σ x_k", r"\operatorname{{sum}}_{{{w}}}({0})", "Sum", min_window=2),
    _rolling("std", 1, "√var", r"\operatorname{{std}}_{{{w}}}({0})", "Std", min_window=2),
    _rolling("var", 1, "Σ (x_k − mean)² / (w − 1)", r"\operatorname{{var}}_{{{w}}}({0})", "Var",
             min_window=2),
    _rolling("skew", 1, "w/((w−1)(w−2)) · Σ ((x_k − mean)/std)³", r"\operatorname{{skew}}_{{{w}}}({0})",
             "Skew", min_window=3, nan="NaN unless the window is full; NaN where std = 0",
             source="Fisher-Pearson, adjusted; Joanes and Gill 1998, G1"),
    _rolling("ts_min", 1, "smallest in the window", r"\min_{{{w}}}({0})", "Min", min_window=2),
    _rolling("ts_max", 1, "largest in the window", r"\max_{{{w}}}({0})", "Max", min_window=2),
    _rolling("ts_argmin", 1, "place of the smallest, 1 (oldest day) … w (today); the older of equals",
             r"\operatorname{{argmin}}_{{{w}}}({0})", "IdxMin", min_window=2, source=_ALPHAS),
    _rolling("ts_argmax", 1, "place of the largest, 1 (oldest day) … w (today); the older of equals",
             r"\operatorname{{argmax}}_{{{w}}}({0})", "IdxMax", min_window=2, source=_ALPHAS),
    _rolling("ts_rank", 1, "(number smaller than x_0 + (number equal, x_0 among them, + 1)/2) / w",
             r"\operatorname{{tsrank}}_{{{w}}}({0})", "Rank", min_window=2, source="pandas rank(pct=True)"),
    _rolling("median", 1, "middle value; mean of the two middle ones where w is even",
             r"\operatorname{{median}}_{{{w}}}({0})", "Med", min_window=2),
    _rolling("ts_zscore", 1, "(x_0 − mean) / std", r"\operatorname{{z}}_{{{w}}}({0})", min_window=2,
             nan="NaN unless the window is full; NaN where std = 0"),
    _rolling("ema", 1, "Σ b^k x_k / Σ b^k, b = 1 − 2/(w + 1)", r"\operatorname{{ema}}_{{{w}}}({0})", "EMA",
             min_window=2, source="exponential moving average of span w, cut at w days"),
    _rolling("decay_linear", 1, "Σ (w − k) x_k / Σ (w − k)", r"\operatorname{{wma}}_{{{w}}}({0})", "WMA",
             min_window=2, source=_ALPHAS),
    _rolling("corr", 2, "Pearson correlation of x and y", r"\operatorname{{corr}}_{{{w}}}({0}, {1})", "Corr",
             commutative=True, min_window=2,
             nan="NaN unless both windows are full; NaN where x or y is constant"),
    _rolling("cov", 2, "Σ (x_k − mean x)(y_k − mean y) / (w − 1)", r"\operatorname{{cov}}_{{{w}}}({0}, {1})",
             "Cov", commutative=True, min_window=2, nan="NaN unless both windows are full"),
    _cross("rank", "average rank 1 … n divided by the number n of assets that have a value, in (0, 1]",
           r"\operatorname{{rank}}({0})", source="pandas rank(pct=True)"),
    _cross("zscore", "(x − mean) / std, std with n − 1", r"\operatorname{{zscore}}({0})",
           nan="skips NaN; all NaN where std = 0 or n < 2"),
    _cross("demean", "x − mean", r"\operatorname{{demean}}({0})"),
    _cross("scale", "x / Σ|x|", r"\operatorname{{scale}}({0})",
           nan="skips NaN; all NaN where Σ|x| = 0", source=_ALPHAS),
    Operator("group_demean", 1, "group", "x − mean of x over the assets of the same group",
             r"\operatorname{{demean}}_{{{g}}}({0})",
             nan="skips NaN; NaN for an asset without a group", source=_ALPHAS + ", indneutralize"),
)
# fmt: on

CODE: dict[str, int] = {operator.name: code for code, operator in enumerate(OPERATORS)}
"""Number of each operator: its place in `OPERATORS`, and what stands in a compiled program."""

BY_NAME: dict[str, Operator] = {operator.name: operator for operator in OPERATORS}
