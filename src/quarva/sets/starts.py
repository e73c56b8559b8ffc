"""Collections of published formulas that can be candidates of a set.

References
----------
Alpha158: the features of Qlib's data handler of that name, by Yang et al. (2020), "Qlib: An AI-oriented
quantitative investment platform", arXiv:2009.11189.
"""

from collections.abc import Callable, Sequence

from quarva.errors import RecipeError
from quarva.karva.expression import Expression
from quarva.karva.notation import parse

__all__ = ["STARTS", "alpha158", "starting_formulas"]

_WINDOWS = (5, 10, 20, 30, 60)


def alpha158() -> dict[str, str]:
    """Return the features of Alpha158 by name, in infix notation, without the 1e-12 in their denominators."""
    change, moved = "close - ref(close, 1)", "volume - ref(volume, 1)"
    found = {
        "KMID": "(close - open) / open",
        "KLEN": "(high - low) / open",
        "KMID2": "(close - open) / (high - low)",
        "KUP": "(high - max(open, close)) / open",
        "KUP2": "(high - max(open, close)) / (high - low)",
        "KLOW": "(min(open, close) - low) / open",
        "KLOW2": "(min(open, close) - low) / (high - low)",
        "KSFT": "(2 * close - high - low) / open",
        "KSFT2": "(2 * close - high - low) / (high - low)",
        "OPEN0": "open / close",
        "HIGH0": "high / close",
        "LOW0": "low / close",
        "VWAP0": "vwap / close",
    }
    for w in _WINDOWS:
        risen, fallen = f"mean(close > ref(close, 1), {w})", f"mean(close < ref(close, 1), {w})"
        weighted = "abs(close / ref(close, 1) - 1) * volume"
        rolling = {
            "ROC": f"ref(close, {w}) / close",
            "MA": f"mean(close, {w}) / close",
            "STD": f"std(close, {w}) / close",
            "BETA": f"slope(close, {w}) / close",
            "RSQR": f"rsquare(close, {w})",
            "RESI": f"resi(close, {w}) / close",
            "MAX": f"ts_max(high, {w}) / close",
            "MIN": f"ts_min(low, {w}) / close",
            "QTLU": f"quantile(close, {w}, 0.8) / close",
            "QTLD": f"quantile(close, {w}, 0.2) / close",
            "RANK": f"ts_rank(close, {w})",
            "RSV": f"(close - ts_min(low, {w})) / (ts_max(high, {w}) - ts_min(low, {w}))",
            "IMAX": f"ts_argmax(high, {w}) / {w}",
            "IMIN": f"ts_argmin(low, {w}) / {w}",
            "IMXD": f"(ts_argmax(high, {w}) - ts_argmin(low, {w})) / {w}",
            "CORR": f"corr(close, log(volume + 1), {w})",
            "CORD": f"corr(close / ref(close, 1), log(volume / ref(volume, 1) + 1), {w})",
            "CNTP": risen,
            "CNTN": fallen,
            "CNTD": f"{risen} - {fallen}",
            **_up_and_down("SUM", change, w),
            "VMA": f"mean(volume, {w}) / volume",
            "VSTD": f"std(volume, {w}) / volume",
            "WVMA": f"std({weighted}, {w}) / mean({weighted}, {w})",
            **_up_and_down("VSUM", moved, w),
        }
        found |= {f"{name}{w}": text for name, text in rolling.items()}
    return found


def _up_and_down(name: str, change: str, window: int) -> dict[str, str]:
    """Shares of rises and of falls in the sum of absolute changes, and the difference of the two."""
    total = f"sum(abs({change}), {window})"
    up, down = f"sum(max({change}, 0), {window})", f"sum(max(-({change}), 0), {window})"
    return {
        f"{name}P": f"{up} / {total}",
        f"{name}N": f"{down} / {total}",
        f"{name}D": f"({up} - {down}) / {total}",
    }


STARTS: dict[str, Callable[[], dict[str, str]]] = {"alpha158": alpha158}
"""Collections of known formulas by name."""


def starting_formulas(name: str, fields: Sequence[str]) -> dict[str, Expression]:
    """Return the formulas of a collection that read only the given fields.

    Parameters
    ----------
    name : str
        A name in `STARTS`.
    fields : sequence of str
        Fields of the panel.

    Returns
    -------
    dict of str to Expression
        The formulas by name.

    Raises
    ------
    RecipeError
        The collection is unknown.
    """
    if name not in STARTS:
        raise RecipeError(f"unknown collection of formulas '{name}'; choose one of {', '.join(STARTS)}")
    parsed = {each: parse(text) for each, text in STARTS[name]().items()}
    return {each: tree for each, tree in parsed.items() if set(tree.fields()) <= set(fields)}
