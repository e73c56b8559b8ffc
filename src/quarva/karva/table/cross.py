"""Cross-sectional operators: all assets of one day, or the assets of one group on one day."""

from quarva.karva.operator import Operator, Unit

__all__ = ["CROSS", "GROUP"]

_SKIPS = "skips NaN; NaN stays NaN"
_ALPHAS = "Kakushadze 2016, 101 Formulaic Alphas"


def _day(name: str, meaning: str, latex: str, unit: Unit, qlib=None, arity=1, **more) -> Operator:
    return Operator(name, arity, "cross", meaning, latex, unit, qlib, **{"nan": _SKIPS, **more})


def _group(name: str, meaning: str, latex: str, unit: Unit, nan: str, source: str = "standard") -> Operator:
    return Operator(
        name,
        1,
        "group",
        meaning,
        latex,
        unit,
        parameters=("group",),
        nan=f"skips NaN; NaN {nan}",
        source=source,
    )


# fmt: off
CROSS: tuple[Operator, ...] = (
    _day("rank", "average rank 1 … n, divided by the number n of assets with a value, in (0, 1]",
         r"\operatorname{{rank}}({0})", "none", source="pandas rank(pct=True)"),
    _day("zscore", "(x − mean) / std, with n − 1 in std", r"\operatorname{{zscore}}({0})", "none",
         nan="skips NaN; all NaN where std = 0 or n < 2"),
    _day("demean", "x − mean", r"\operatorname{{demean}}({0})", "same"),
    _day("scale", "x / Σ|x|", r"\operatorname{{scale}}({0})", "none",
         nan="skips NaN; all NaN where Σ|x| = 0", source=_ALPHAS),
    _day("winsorise", "x, clipped to the day's quantiles q and 1 − q",
         r"\operatorname{{winsorise}}_{{{q}}}({0})", "same", parameters=("share",),
         source="quantiles as in pandas, linearly interpolated"),
    _day("bucket", "⌊(average rank 1 … n − 1) · k / n⌋ + 1: number of the part, of k equal parts of the day",
         r"\operatorname{{bucket}}_{{{k}}}({0})", "none", parameters=("count",)),
    _day("residual", "x − a − b·y, with a and b from least squares over the day's assets that have x and y",
         r"\operatorname{{residual}}({0}, {1})", "first", arity=2,
         nan="skips assets without x or y; all NaN where y is constant or n < 3"),
    _day("of_asset", "x of the given asset, for every asset", r"\operatorname{{of}}_{{{a}}}({0})", "same",
         "Mask", parameters=("asset",), nan="NaN where that asset is NaN", source="Qlib, Mask"),
)

GROUP: tuple[Operator, ...] = (
    _group("group_demean", "x − mean of x over the assets of the same group",
           r"\operatorname{{demean}}_{{{g}}}({0})", "same", "for an asset without a group",
           _ALPHAS + ", indneutralize"),
    _group("group_rank", "average rank 1 … n over the assets of the same group, divided by n",
           r"\operatorname{{rank}}_{{{g}}}({0})", "none", "for an asset without a group"),
    _group("group_zscore", "(x − mean) / std over the assets of the same group, with n − 1 in std",
           r"\operatorname{{zscore}}_{{{g}}}({0})", "none",
           "for an asset without a group, and where std = 0 or n < 2"),
)
# fmt: on
