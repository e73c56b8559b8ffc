"""Known formulas that can be candidates of a set: published collections, and files of formulas.

References
----------
Alpha158: the features of Qlib's data handler of that name, by Yang et al. (2020), "Qlib: An AI-oriented
quantitative investment platform", arXiv:2009.11189.
The 101 alphas: Kakushadze (2016), "101 Formulaic Alphas", Wilmott 84; see `alpha101.txt`.
"""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from quarva.errors import RecipeError
from quarva.karva.expression import Expression
from quarva.karva.notation import NOTATIONS, parse
from quarva.panel import Panel
from quarva.sets.formula_list import read_formulas

__all__ = ["DEFAULT_START", "NO_START", "STARTS", "alpha101", "alpha158", "starting_formulas"]

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


def alpha101() -> dict[str, str]:
    """Return the 101 alphas by name, in WorldQuant notation."""
    text = files("quarva.sets").joinpath("alpha101.txt").read_text(encoding="utf-8")
    lines = (line.partition(" = ") for line in text.splitlines() if line.startswith("alpha"))
    return {name: formula for name, _, formula in lines}


STARTS: dict[str, tuple[Callable[[], dict[str, str]], str]] = {
    "alpha158": (alpha158, "infix"), "alpha101": (alpha101, "worldquant"),
}  # fmt: skip
"""Collections of known formulas by name, and their notations."""


DEFAULT_START = ("alpha158",)
"""What a search starts from if nothing is said."""

NO_START = "none"
"""Name for a start from nothing."""


def starting_formulas(start: str, panel: Panel) -> dict[str, Expression]:
    """Return known formulas.

    Parameters
    ----------
    start : str
        A name in `STARTS`, whose formulas that need other fields or groups are left out, or the path of a
        file with one formula per line in infix notation. For another notation, put its name and a colon
        before the path, such as "worldquant:my_alphas.txt".
    panel : Panel
        The panel.

    Returns
    -------
    dict of str to Expression
        The formulas by name.

    Raises
    ------
    RecipeError
        There is no such collection or file.
    FormulaError
        A formula of a file cannot be parsed, or reads something that the panel lacks. The message names the
        line.
    """
    if start in STARTS:
        make, notation = STARTS[start]
        parsed = {name: parse(text, notation) for name, text in make().items()}
        return {name: tree for name, tree in parsed.items() if _fits(tree, panel)}
    notation, colon, path = start.partition(":")
    if not colon or notation not in NOTATIONS:
        notation, path = "infix", start
    file = Path(path).expanduser()
    if not file.is_file():
        what = "that is not a file" if file.exists() else "there is no such file or collection"
        raise RecipeError(
            f"start = {start}: {what}; choose {', '.join(STARTS)}, none, or a file with one formula per "
            f"line, with a notation and a colon before it if that is not infix ({', '.join(NOTATIONS)})"
        )
    return {each.name: each.expression for each in read_formulas([], path, notation, panel)}


def _fits(tree: Expression, panel: Panel) -> bool:
    """Whether a panel has all fields and groups that a formula reads."""
    groups = {node.symbol.group for node in tree.walk()} - {None}
    return set(tree.fields()) <= set(panel.fields) and groups <= set(panel.groups)
