"""Distinguishes the bars of one asset from a wide table of many assets, if no column has assets."""

import re
from collections.abc import Sequence

import numpy as np

from quarva.panel.naming import is_field, roles_of
from quarva.panel.roles import Roles
from quarva.panel.source import Source
from quarva.panel.vendors import header_key

__all__ = ["is_one_asset"]

_ROWS = 2000  # rows examined
_MIN_ROWS = 20  # fewest rows that show whether columns are the prices of one asset
_TICKER = re.compile(r"[A-Z]{1,5}")
_CLOSES = frozenset(["close", "adj_close", "price", "last", "settle"])
_FOUR = ("open", "high", "low", "close")


def is_one_asset(source: Source, roles: Roles, *, stated_wide: bool) -> bool:
    """Whether a table without a column of assets has the fields of one asset; False if it is wide.

    Parameters
    ----------
    source : Source
        Opened table; assumptions are recorded in its log.
    roles : Roles
        Roles of its columns.
    stated_wide : bool
        Whether the user states that the table is wide.

    Returns
    -------
    bool

    Raises
    ------
    PanelError
        If the table is ambiguous.

    Notes
    -----
    Columns with known field names are the bars of one asset if their values agree: a low does not exceed, and
    a high is not below, another price of the bar. Known names in a table of tickers may be tickers themselves
    (LOW, OPEN). Four columns with unknown names that behave like open, high, low and close are ambiguous
    unless the user states that the table is wide.
    """
    meanings = roles_of(source.frame.columns)
    known = {name: meanings[name] for name in roles.fields if is_field(meanings.get(name))}
    unknown = [name for name in roles.fields if name not in known]
    if not known:
        if not stated_wide and (bars := _bars_among(source, roles.fields)):
            names = ", ".join(map(repr, bars))
            source.refuse(
                f"columns {names} behave like open, high, low and close of one asset, but their names are"
                f" unknown; rename them with --rename {bars[0]}=open,… or, if each is an asset, pass --field"
                " close"
            )
        return False
    tickers = bool(unknown) and all(_may_be_ticker(name) for name in known)
    names = ", ".join(map(repr, known))
    prices = _prices(source, known)
    if tickers and (stated_wide or len(prices) < 2 or min(map(len, prices.values())) >= _MIN_ROWS):
        bar = not stated_wide and len(prices) > 1 and _is_bar(prices, strict=True)
        source.log.note(
            f"columns {names} are read as fields of one asset; if they are assets, pass --field close"
            if bar
            else f"columns {names} are read as assets, not as fields"
        )
        return bar
    if len(prices) < 2:  # only the names can decide
        return True
    complete = not unknown or bool(_CLOSES & set(known.values()))
    if not tickers and _is_bar(prices, strict=not complete):
        return True
    if not stated_wide:
        source.refuse(
            f"columns {names} have names of the prices of a bar but violate low ≤ open, close ≤ high; rename"
            " them with --rename OLD=NEW,… or, if each column is an asset, pass --field close"
        )
    return False


def _may_be_ticker(name: str) -> bool:
    """Whether a known name may also be a ticker: LOW and OPEN may, CLOSE and VOLUME may not."""
    return _TICKER.fullmatch(name) is not None and header_key(name) not in ("close", "date")


def _numbers(source: Source, names: Sequence[str]) -> dict[str, np.ndarray]:
    """First rows of the columns that are numeric, float64."""
    part = Source(source.frame.head(_ROWS), source.name, source.line)
    found = {}
    for name in names:
        numbers = part.numbers(name)
        if numbers is not None:
            found[name] = numbers.to_numpy()
    return found


def _prices(source: Source, known: dict[str, str]) -> dict[str, np.ndarray]:
    """Values of the known prices on the rows where all of them are present."""
    found = {
        known[name]: numbers
        for name, numbers in _numbers(source, [name for name in known if known[name] in _FOUR]).items()
    }
    if not found:
        return {}
    whole = np.isfinite(np.stack(list(found.values()))).all(axis=0)
    return {name: numbers[whole] for name, numbers in found.items()} if whole.any() else {}


def _is_bar(prices: dict[str, np.ndarray], *, strict: bool) -> bool:
    """Whether the prices are consistent with one bar in most rows.

    If `strict`, for names that may mean something else, the spread of the prices must also vary much less
    than the prices; the spread of two assets would vary as much.
    """
    stacked = np.stack(list(prices.values()))
    low, high = stacked.min(axis=0), stacked.max(axis=0)
    slack = 1e-4 * np.abs(high)
    fits = (low <= 0) | (high < 2 * low)  # prices that are not positive are rejected later, by field
    if "low" in prices:
        fits &= prices["low"] <= low + slack
    if "high" in prices:
        fits &= prices["high"] >= high - slack
    if not strict:
        return bool(fits.mean() >= 0.5)
    behaves = len(low) >= _MIN_ROWS and fits.mean() >= 0.9 and (low > 0).all()
    return bool(behaves and _stays_near(low, high, 1.0))


def _stays_near(low: np.ndarray, high: np.ndarray, least: float) -> bool:
    """Whether the spread of two prices reverts from bar to bar, as it does within one asset.

    The spread within a bar is nearly independent from bar to bar; that of two assets is a random walk. The
    mean squared change divided by the variance is about 2 for the former and far below 1 for the latter. It
    must exceed `least`.
    """
    width = np.log(high / low)
    changes, variance = np.diff(width), float(width.var())
    if np.median(width) > 0.25:
        return False
    if len(width) < _MIN_ROWS:
        return bool(np.median(width) < 0.05)
    still = variance <= (0.1 * np.log(low).std()) ** 2
    return bool(still or (changes**2).mean() > least * variance)


def _bars_among(source: Source, names: Sequence[str]) -> list[str]:
    """Four columns with unknown names that behave like open, high, low and close; empty if there are none.

    One of them is never below and one never above the two others, which cross, and the spread of the outer
    two varies much less than the prices, as it would not for different assets.
    """
    if not 4 <= len(names) <= 16:
        return []
    columns = {
        name: values
        for name, values in _numbers(source, names).items()
        if np.isfinite(values).mean() > 0.8 and (values[np.isfinite(values)] > 0).all()
    }
    if len(columns) < 4:
        return []
    stacked = np.stack(list(columns.values()))
    whole = stacked[:, np.isfinite(stacked).all(axis=0)]
    if whole.shape[1] < 5:
        return []
    logs, keys = np.log(whole), list(columns)
    for high in range(len(keys)):
        for low in range(len(keys)):
            if high == low or not (logs[high] >= logs[low]).all():
                continue
            if not _stays_near(whole[low], whole[high], 0.5):
                continue
            inner = [
                k for k in range(len(keys))
                if k not in (high, low) and (whole[k] <= whole[high]).all() and (whole[k] >= whole[low]).all()
            ]  # fmt: skip
            for first in inner:
                for second in inner:
                    above = logs[first] > logs[second]
                    if first < second and above.any() and not above.all():
                        return [keys[k] for k in sorted((first, high, low, second))]
    return []
