"""Planting a known weak effect into a real panel, to measure how much of it a search finds out of sample."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.whole import whole
from quarva.engine import Formula, Program, Stream, signals
from quarva.errors import RecipeError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.grammar.units import unit_of
from quarva.karva.notation import expression_of, render
from quarva.panel import Panel, check_panel
from quarva.scenarios.effects import LEAST_ASSETS, planted_ic, zscore

__all__ = ["Planted", "plant"]

_LEAST_REST = 0.1  # smallest ratio of the new to the original gross return of a day
_LEAST_DAYS = 60  # days on which returns, and each formula, must differ between assets
_STRONGEST = 0.5  # largest absolute coefficient

Floats = NDArray[np.float64]
Planting = str | Expression | Formula


@dataclass(frozen=True, eq=False)
class Planted:
    """A panel with a planted effect.

    Attributes
    ----------
    panel : Panel
        The panel with the new prices. Its notes name the planted formulas.
    drive : ndarray of float32, shape (T, N)
        The part of the return from the close of day t + delay to the next close that the formulas add, by the
        day t of the signal. NaN where a price for this return is missing.
    formulas : tuple of str, length K
        The planted formulas in infix notation.
    amplitudes : tuple of float, length K
        Daily return that one standard deviation of each formula adds.
    realised, before : tuple of float, length K
        Mean daily correlation of each formula with that return, on the new and on the original panel.
    delay : int
        Days from the signal to the trade.
    """

    panel: Panel
    drive: NDArray[np.float32]
    formulas: tuple[str, ...]
    amplitudes: tuple[float, ...]
    realised: tuple[float, ...]
    before: tuple[float, ...]
    delay: int

    def drive_panel(self) -> Panel:
        """Return the drive as a panel with the single field `drive`."""
        return replace(
            self.panel, values=self.drive[None].copy(), fields=("drive",), groups={}, universe=None, notes=()
        )


def plant(
    panel: Panel, formulas: Planting | Sequence[Planting], ic: float = 0.01, *, delay: int = 1
) -> Planted:
    """Plant formulas that predict the one-day return into a panel of prices.

    Let z be the z-score of a formula over the assets of day t. The formula adds a·z to the return from the
    close of day t + delay to the next close. The returns are otherwise those of the panel. The amplitude a is
    the same for all formulas, assets and days. It is chosen such that a formula that is unrelated to the
    original returns has a mean daily correlation of `ic` with the new ones. If formulas are correlated, the
    coefficient of each also contains a part of the others.

    Parameters
    ----------
    panel : Panel
        A panel of T days and N assets with the field `close`.
    formulas : str, Formula, Expression, or sequence of these
        K formulas; text is in infix notation.
    ic : float, default 0.01
        Information coefficient that each formula adds, from −0.5 to 0.5 and not 0.
    delay : int, default 1
        Days from the signal to the trade, 0 or more.

    Returns
    -------
    Planted
        The new panel and the planted effect.

    Raises
    ------
    FormulaError
        A formula cannot be parsed, or reads something that the panel lacks.
    RecipeError
        The panel has no field `close`, a closing price is infinite or not above 0, there are too few assets
        or days, there is no formula, a formula has the same value for all assets on nearly every day or is
        planted twice up to its sign, or a number is out of range.
    PanelError
        The argument is not a panel.

    Notes
    -----
    Fields whose names denote prices or amounts of money are multiplied by the ratio of the new to the
    original closing price. All other fields, such as volume, are unchanged. The proportions of a day's bar
    therefore do not change. The formulas are evaluated day by day on the new prices, so that a user of the
    new panel can compute them. If the price is missing on either day of a return, the effect on this return
    is lost. The effect reduces a gross return, 1 + return, to no less than a tenth of its original value.
    """
    check_panel(panel, "a plant")
    texts = list(formulas) if isinstance(formulas, list | tuple) else [formulas]
    expressions = [expression_of(text, panel.fields, panel.groups, panel.assets) for text in texts]
    delay = whole("delay", delay, 0)
    try:
        ic = float(ic)
    except (TypeError, ValueError):
        raise RecipeError(f"ic must be a number, not {ic!r}") from None
    _check(panel, expressions, ic)
    close = panel.field("close").astype(np.float64)
    spread = _spread(close)[delay + 1 :]
    spread = spread[spread > 0]
    if len(spread) < _LEAST_DAYS:
        raise RecipeError(
            f"{panel.name} cannot carry a plant with delay {delay}: {LEAST_ASSETS} assets have returns that "
            f"differ on {len(spread)} days, but {_LEAST_DAYS} are needed; use a longer panel, or more assets"
        )
    program = Program.from_expressions(expressions)
    amplitude = _amplitude(spread, ic)
    values, scores = _compound(panel, program, close, amplitude, delay)
    drive = (amplitude * scores.sum(axis=0)).astype(np.float32)
    added = replace(panel, values=values)
    known = np.isfinite(values[panel.fields.index("close")])
    for ahead in (delay, delay + 1):
        there = np.zeros_like(known)
        there[: len(known) - ahead] = known[ahead:]
        drive[~there] = np.nan
    names = tuple(render(expression) for expression in expressions)
    before, realised = (
        tuple(planted_ic(signal, each.field("close"), delay) for signal in signals(program, each))
        for each in (panel, added)
    )
    for name, score in zip(names, scores, strict=True):
        varied = int((np.abs(score).sum(axis=1) > 0).sum())
        if varied < _LEAST_DAYS:
            raise RecipeError(
                f"{panel.name} cannot carry {name}: it differs between assets on {varied} days, but "
                f"{_LEAST_DAYS} are needed; plant another formula, or use a longer panel"
            )
    note = (
        f"planted {', '.join(names)}: each adds an IC of {ic:g} to the return from the close of day t+{delay}"
        f" to that of t+{delay + 1}"
    )
    added = replace(added, name=f"{panel.name}, planted", notes=(*panel.notes, note))
    return Planted(added, drive, names, (amplitude,) * len(names), realised, before, delay)


def _check(panel: Panel, expressions: Sequence[Expression], ic: float) -> None:
    if not expressions:
        raise RecipeError("no formula to plant; name one, such as -pct_change(close, 5)")
    if not 0 < abs(ic) <= _STRONGEST:
        raise RecipeError(
            f"ic = {ic:g}: the information coefficient of a plant must be in [-0.5, 0.5] and not 0"
        )
    if "close" not in panel.fields:
        raise RecipeError(
            f"{panel.name} has no field close, from which returns are computed; rename a column of prices"
        )
    close = panel.field("close")
    if len(panel.assets) < LEAST_ASSETS:
        raise RecipeError(f"{panel.name} has {len(panel.assets)} assets; a plant needs {LEAST_ASSETS}")
    seen: set[Expression] = set()
    for each in expressions:
        bare = each.args[0] if each.symbol == Symbol.function("neg") else each
        if bare in seen:
            raise RecipeError(f"{render(bare)} is planted twice, up to its sign; name it once")
        seen.add(bare)
    wrong = ~np.isnan(close) & ((close <= 0) | np.isinf(close))
    if wrong.any():
        day, asset = np.argwhere(wrong)[0]
        raise RecipeError(
            f"{panel.name}: the close of {panel.assets[asset]} on {panel.dates[day]} is {close[day, asset]:g}"
            "; a plant needs prices above 0"
        )


def _amplitude(spread: Floats, ic: float) -> float:
    """The amplitude a for which the mean of a / √(s² + a²) over the daily spreads s is `ic`.

    If a times an unrelated z-score is added to the returns of a day, whose standard deviation is s, the
    quotient is the correlation of the z-score with the sum.
    """
    low, high = 0.0, float(spread.max())
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.mean(middle / np.hypot(spread, middle)) < abs(ic) else (low, middle)
    return float(np.copysign(low, ic))


def _spread(close: Floats) -> Floats:
    """Standard deviation over assets of the return into each day, shape (T,); NaN with too few assets."""
    out = np.full(len(close), np.nan)
    with np.errstate(invalid="ignore"):
        returns = close[1:] / close[:-1] - 1
    known = np.isfinite(returns)
    enough = np.flatnonzero(known.sum(axis=1) >= LEAST_ASSETS)
    for day in enough:
        out[day + 1] = returns[day][known[day]].std()
    return out


def _compound(
    panel: Panel, program: Program, close: Floats, amplitude: float, delay: int
) -> tuple[NDArray[np.float32], Floats]:
    """Compute the new prices day by day.

    Returns the new values, float32 [F, T, N], and the z-scores of the formulas, float64 [K, T, N].
    """
    values = panel.values.copy()
    priced = [i for i, name in enumerate(panel.fields) if unit_of(name) in ("price", "money")]
    days, assets = panel.shape
    scores = np.zeros((len(program), days, assets))
    stream = Stream(program, panel)
    ratio = np.ones(assets)  # of the new to the old price
    for day in range(days):
        source = day - delay - 1  # the day of the signal whose return ends today
        if source >= 0:
            effect = amplitude * scores[:, source].sum(axis=0)
            with np.errstate(invalid="ignore"):
                change = close[day] / close[day - 1] - 1
                step = np.maximum(1 + effect / (1 + change), _LEAST_REST)
                ratio *= np.where(np.isfinite(step), step, 1.0)
        values[priced, day] = values[priced, day] * ratio
        universe = None if panel.universe is None else panel.universe[day]
        for score, signal in zip(scores, stream.step(values[:, day], universe), strict=True):
            score[day] = zscore(signal)
    return values, scores
