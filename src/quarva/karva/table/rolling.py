"""Rolling operators: each cell depends on the last w days of one or two series of the same asset.

x_k is the value k days ago (x_0 is today's), and Σ runs over the window, k = 0 … w−1. Least squares regress x
on the days 1 (the oldest) … w (today).
"""

from quarva.karva.operator import Operator, Unit

__all__ = ["ROLLING"]

_FULL = "NaN unless the window is full"
_PANDAS = "pandas, same name"
_ALPHAS = "Kakushadze 2016, 101 Formulaic Alphas"
_QLIB = "Qlib, same name"


def _window(name: str, arity: int, meaning: str, unit: Unit, qlib=None, latex=None, **more) -> Operator:
    args = "{0}, {1}" if arity == 2 else "{0}"
    latex = latex or rf"\operatorname{{{{{name.replace('_', '')}}}}}_{{{{{{w}}}}}}({args})"
    more = {"parameters": ("window",), "min_window": 2, "nan": _FULL, **more}
    return Operator(name, arity, "rolling", meaning, latex, unit, qlib, **more)


# fmt: off
ROLLING: tuple[Operator, ...] = (
    _window("ref", 1, "x_w, the value w days ago", "same", "Ref", r"{0}_{{t-{w}}}", min_window=1,
            nan="NaN where x_w is NaN"),
    _window("delta", 1, "x_0 − x_w", "same", "Delta", r"\Delta_{{{w}}}({0})", min_window=1,
            nan="NaN where x_0 or x_w is NaN"),
    _window("pct_change", 1, "x_0 / x_w − 1", "none", None, r"\operatorname{{pct}}_{{{w}}}({0})",
            min_window=1, nan="NaN where x_0 or x_w is NaN, or x_w = 0", source=_PANDAS),
    _window("mean", 1, "Σ x_k / w", "same", "Mean"),
    _window("sum", 1, "Σ x_k", "same", "Sum", min_window=1),
    _window("product", 1, "x_0 · x_1 · … · x_(w−1)", "pure", min_window=1,
            nan=_FULL + "; NaN where float32 overflows", source=_ALPHAS),
    _window("std", 1, "√var", "same", "Std"),
    _window("var", 1, "Σ (x_k − mean)² / (w − 1)", "square", "Var"),
    _window("skew", 1, "w/((w−1)(w−2)) · Σ ((x_k − mean)/std)³", "none", "Skew", min_window=3,
            nan=_FULL + "; NaN where std = 0", source="Fisher-Pearson, adjusted; Joanes and Gill 1998, G1"),
    _window("kurt", 1, "w(w+1)/((w−1)(w−2)(w−3)) · Σ ((x_k − mean)/std)⁴ − 3(w−1)²/((w−2)(w−3))", "none",
            "Kurt", min_window=4, nan=_FULL + "; NaN where std = 0",
            source="excess, adjusted; Joanes and Gill 1998, G2"),
    _window("mad", 1, "Σ |x_k − mean| / w, the mean absolute deviation", "same", "Mad", source=_QLIB),
    _window("ts_min", 1, "smallest value in the window", "same", "Min", r"\min_{{{w}}}({0})"),
    _window("ts_max", 1, "largest value in the window", "same", "Max", r"\max_{{{w}}}({0})"),
    _window("ts_argmin", 1, "position of the smallest value, 1 (oldest day) … w (today); the oldest if tied",
            "none", "IdxMin", r"\operatorname{{argmin}}_{{{w}}}({0})", source=_ALPHAS),
    _window("ts_argmax", 1, "position of the largest value, 1 (oldest day) … w (today); the oldest if tied",
            "none", "IdxMax", r"\operatorname{{argmax}}_{{{w}}}({0})", source=_ALPHAS),
    _window("days_since_min", 1, "days since the smallest value, 0 (today) … w−1; the oldest if tied", "none",
            latex=r"\operatorname{{sincemin}}_{{{w}}}({0})", source="w − ts_argmin, Aroon"),
    _window("days_since_max", 1, "days since the largest value, 0 (today) … w−1; the oldest if tied", "none",
            latex=r"\operatorname{{sincemax}}_{{{w}}}({0})", source="w − ts_argmax, Aroon"),
    _window("ts_rank", 1, "(number of values below x_0 + (number equal to x_0, x_0 included, + 1) / 2) / w",
            "none", "Rank", source="pandas rank(pct=True)"),
    _window("median", 1, "median; the mean of the two middle values if w is even", "same", "Med"),
    _window("quantile", 1, "quantile q of the window, linearly interpolated", "same",
            "Quantile", r"\operatorname{{quantile}}_{{{w}, {q}}}({0})", parameters=("window", "share"),
            source="pandas, same name; Hyndman and Fan 1996, type 7"),
    _window("count", 1, "number of days with a value in the window, 0 … w (none before the first day)",
            "none", "Count", min_window=1, nan="never NaN", source=_QLIB),
    _window("sign_changes", 1, "number of k in 0 … w−2 with sign(x_k) ≠ sign(x_(k+1))", "none",
            latex=r"\operatorname{{flips}}_{{{w}}}({0})", source="zero-crossing rate, as a count"),
    _window("drawdown", 1, "x_0 / (largest value in the window) − 1", "none",
            nan=_FULL + "; NaN where the largest value is 0"),
    _window("ts_zscore", 1, "(x_0 − mean) / std", "none", latex=r"\operatorname{{z}}_{{{w}}}({0})",
            nan=_FULL + "; NaN where std = 0"),
    _window("ema", 1, "Σ b^k x_k / Σ b^k, b = 1 − 2/(w + 1)", "same", "EMA",
            source="exponential moving average of span w, truncated to w days"),
    _window("decay_linear", 1, "Σ (w − k) x_k / Σ (w − k)", "same", "WMA",
            r"\operatorname{{wma}}_{{{w}}}({0})", source=_ALPHAS),
    _window("slope", 1, "slope per day of the least-squares line", "same", "Slope", source=_QLIB),
    _window("rsquare", 1, "R² of the least-squares line", "none", "Rsquare",
            nan=_FULL + "; NaN where x is constant", source=_QLIB),
    _window("resi", 1, "x_0 minus the value of the least-squares line today", "same", "Resi", source=_QLIB),
    _window("corr", 2, "Pearson correlation of x and y", "none", "Corr", commutative=True,
            nan="NaN unless both windows are full; NaN where x or y is constant"),
    _window("cov", 2, "Σ (x_k − mean x)(y_k − mean y) / (w − 1)", "product", "Cov", commutative=True,
            nan="NaN unless both windows are full"),
)
# fmt: on
