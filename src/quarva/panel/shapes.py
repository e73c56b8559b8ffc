"""Tells one asset's bars from a wide table of many assets, where no column names assets."""

import re
from collections.abc import Sequence

import numpy as np

from quarva.panel.naming import is_field, roles_of
from quarva.panel.roles import Roles
from quarva.panel.source import Source
from quarva.panel.vendors import header_key

__all__ = ["is_one_asset"]

_ROWS = 2000  # that are looked at
_FEWEST = 20  # rows that show whether columns behave as prices of one bar
_TICKER = re.compile(r"[A-Z]{1,5}")
_CLOSES = frozenset(["close", "adj_close", "price", "last", "settle"])
_FOUR = ("open", "high", "low", "close")


def is_one_asset(source: Source, roles: Roles, *, stated_wide: bool) -> bool:
    """Whether the fields of a table without a column of assets are one asset's; False where it is wide.

    Columns whose names are known fields are one asset's bars if they behave so: a low is not above, and a
    high not below, another price of the bar. Known names may be tickers, too (LOW, OPEN), among other
    tickers. Unknown names of four columns that behave as open, high, low and close are refused unless the
    user states that the table is wide (`stated_wide`).

    Raises
    ------
    PanelError
        Where it cannot be told.
    """
    meanings = roles_of(source.frame.columns)
    known = {name: meanings[name] for name in roles.fields if is_field(meanings.get(name))}
    unknown = [name for name in roles.fields if name not in known]
    if not known:
        if not stated_wide and (bars := _bars_among(source, roles.fields)):
            shown = ", ".join(map(repr, bars))
            source.refuse(
                f"columns {shown} behave as open, high, low and close of one asset, and their names are not"
                f" known; name them with --rename {bars[0]}=open,… or, if each is an asset, say --field close"
            )
        return False
    tickers = bool(unknown) and all(_may_be_ticker(name) for name in known)
    shown = ", ".join(map(repr, known))
    prices = _prices(source, known)
    if tickers and (stated_wide or len(prices) < 2 or min(map(len, prices.values())) >= _FEWEST):
        bar = not stated_wide and len(prices) > 1 and _is_bar(prices, strict=True)
        source.log.note(
            f"columns {shown} are read as fields of one asset; if they are assets, say --field close"
            if bar
            else f"columns {shown} are read as assets, not as fields"
        )
        return bar
    if len(prices) < 2:  # names alone must do
        return True
    complete = not unknown or bool(_CLOSES & set(known.values()))
    if not tickers and _is_bar(prices, strict=not complete):
        return True
    if not stated_wide:
        source.refuse(
            f"columns {shown} are called as prices of a bar, but do not behave so (low ≤ open, close ≤ high);"
            " say what they are with --rename OLD=NEW,… or, if each column is an asset, with --field close"
        )
    return False


def _may_be_ticker(name: str) -> bool:
    """Whether a known name may be a ticker, too: LOW and OPEN are, CLOSE and VOLUME are not."""
    return _TICKER.fullmatch(name) is not None and header_key(name) not in ("close", "date")


def _numbers(source: Source, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The first rows of columns that hold numbers, float64."""
    part = Source(source.frame.head(_ROWS), source.name, source.line)
    found = {}
    for name in names:
        numbers = part.numbers(name)
        if numbers is not None:
            found[name] = numbers.to_numpy()
    return found


def _prices(source: Source, known: dict[str, str]) -> dict[str, np.ndarray]:
    """Values of open, high, low and close on the rows that have all of these that there are."""
    found = {
        known[name]: numbers
        for name, numbers in _numbers(source, [name for name in known if known[name] in _FOUR]).items()
    }
    if not found:
        return {}
    whole = np.isfinite(np.stack(list(found.values()))).all(axis=0)
    return {name: numbers[whole] for name, numbers in found.items()} if whole.any() else {}


def _is_bar(prices: dict[str, np.ndarray], *, strict: bool) -> bool:
    """Whether prices are those of one bar in most rows; `strict` where their names may mean something else.

    Strictly, their distance must wander much less than they do: that of two assets would wander as much.
    """
    stacked = np.stack(list(prices.values()))
    low, high = stacked.min(axis=0), stacked.max(axis=0)
    slack = 1e-4 * np.abs(high)
    fits = (low <= 0) | (high < 2 * low)  # prices of nought or less are refused elsewhere, and by name
    if "low" in prices:
        fits &= prices["low"] <= low + slack
    if "high" in prices:
        fits &= prices["high"] >= high - slack
    if not strict:
        return bool(fits.mean() >= 0.5)
    behaves = len(low) >= _FEWEST and fits.mean() >= 0.9 and (low > 0).all()
    return bool(behaves and _stays_near(low, high, 1.0))


def _stays_near(low: np.ndarray, high: np.ndarray, least: float) -> bool:
    """Whether the distance of two prices comes back from day to day, as that of two assets does not.

    The distance of a bar's prices is new every bar; that of two assets is the sum of all its changes. The
    mean squared change over the variance, which must be `least`, is about 2 for the former and far below 1
    for the latter.
    """
    width = np.log(high / low)
    changes, variance = np.diff(width), float(width.var())
    if np.median(width) > 0.25:
        return False
    if len(width) < _FEWEST:
        return bool(np.median(width) < 0.05)
    still = variance <= (0.1 * np.log(low).std()) ** 2
    return bool(still or (changes**2).mean() > least * variance)


def _bars_among(source: Source, names: Sequence[str]) -> list[str]:
    """Four columns of unknown names that behave as open, high, low and close; empty where none do.

    One is never below and one never above the two others, which cross; and the distance of the outer two
    wanders much less than the prices do, as it would not if these were assets.
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
