"""Small tables of prices for tests of reading: text of files, and frames."""

import numpy as np
import pandas as pd

DAYS = pd.bdate_range("2022-01-03", periods=40)
FIELDS = ("open", "high", "low", "close", "volume")


def bars(seed: int = 0, start: float = 50.0, days: pd.DatetimeIndex = DAYS) -> pd.DataFrame:
    """A column of dates and five fields of one asset, prices of two decimals."""
    rng = np.random.default_rng(seed)
    close = (start * np.exp(np.cumsum(rng.normal(0, 0.012, len(days))))).round(2)
    opened = (close * (1 + rng.normal(0, 0.004, len(days)))).round(2)
    return pd.DataFrame(
        {
            "date": days,
            "open": opened,
            "high": (np.maximum(opened, close) * 1.004).round(2),
            "low": (np.minimum(opened, close) * 0.996).round(2),
            "close": close,
            "volume": rng.integers(100_000, 999_999, len(days)),
        }
    )


def long(symbols: tuple[str, ...] = ("AAA", "BBB", "CCC"), days: pd.DatetimeIndex = DAYS) -> pd.DataFrame:
    """Rows of date, symbol and five fields, asset by asset."""
    parts = [bars(k, 50.0 + 40 * k, days).assign(symbol=symbol) for k, symbol in enumerate(symbols)]
    return pd.concat(parts, ignore_index=True)


def wide(symbols: tuple[str, ...] = ("AAA", "BBB", "CCC")) -> pd.DataFrame:
    """Closes, dates × assets, in an index and columns without names."""
    closes = long(symbols).pivot(index="date", columns="symbol", values="close")
    return closes.rename_axis(index=None, columns=None)
