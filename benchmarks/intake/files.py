"""Clean price files in common layouts, with the panel that each of them holds."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

import quarva as qv

__all__ = ["FRAMES", "GRIDS", "Changed", "Frame", "Grid", "as_file", "same", "with_rows"]

DAYS = 40


@dataclass(frozen=True)
class Grid:
    """A delimited file as cells, and the meaning of its columns.

    Attributes
    ----------
    name : str
        Name of the layout.
    header, rows : tuple of tuple of str
        Rows of names, rows of cells.
    date : tuple of int
        Columns of the date and, if any, of the time of day.
    read : str
        Date format for `datetime.strptime`; "ms" for milliseconds since 1970.
    asset : int or None
        Column of the assets, if there is one.
    fields : dict of int to str
        Field of each column of numbers; its asset in a wide file.
    wide : bool
        Whether columns are assets.
    pairs : dict of int to (str, str)
        Field and asset of each column of numbers if names have two levels.
    separator : str
    """

    name: str
    header: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    date: tuple[int, ...]
    read: str
    asset: int | None
    fields: dict[int, str]
    wide: bool = False
    pairs: dict[int, tuple[str, str]] = field(default_factory=dict)
    separator: str = ","

    def text(self) -> str:
        """Return the file as text."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self.separator, lineterminator="\n")
        writer.writerows(self.header)
        writer.writerows(self.rows)
        return out.getvalue()

    def panel(self, stem: str) -> "qv.Panel | None":
        """Return the panel in the file, computed without Quarva's reader; None if it holds no panel.

        `stem` is the name of the file, which names the asset if no column does.
        """
        cells: dict[tuple[np.datetime64, str, str], float] = {}
        try:
            for row in self.rows:
                date = self._date(" ".join(row[place] for place in self.date))
                for place, name in self.fields.items():
                    asset = stem if self.asset is None else row[self.asset]
                    key = (date, asset, name)
                    if self.pairs:
                        key = (date, self.pairs[place][1], self.pairs[place][0])
                    elif self.wide:
                        key = (date, name, "close")
                    if key in cells:
                        return None
                    cells[key] = float(row[place]) if row[place] else np.nan
        except ValueError:
            return None
        return _panel(cells)

    def _date(self, text: str) -> np.datetime64:
        if self.read == "ms":
            return np.datetime64(int(text), "ms")
        return np.datetime64(pd.to_datetime(text, format=self.read).to_datetime64(), "ms")


@dataclass(frozen=True)
class Changed:
    """A changed file.

    Attributes
    ----------
    content : bytes or DataFrame
    right : tuple of Grid
        Layouts whose panels are a right reading; empty if only a refusal or a note is right.
    suffix : str
        Ending of the file's name.
    """

    content: "bytes | pd.DataFrame"
    right: tuple[Grid, ...] = ()
    suffix: str = ".csv"


def _panel(cells: dict[tuple[np.datetime64, str, str], float]) -> "qv.Panel | None":
    if not cells:
        return None
    dates, assets, fields = (sorted({key[k] for key in cells}) for k in range(3))
    values = {name: np.full((len(dates), len(assets)), np.nan) for name in fields}
    day, column = ({key: place for place, key in enumerate(keys)} for keys in (dates, assets))
    for (date, asset, name), value in cells.items():
        values[name][day[date], column[asset]] = value
    return qv.Panel.from_arrays(values, np.array(dates), assets)


def same(one: qv.Panel, other: qv.Panel) -> bool:
    """Return whether two panels hold the same dates, assets, fields and values."""
    return (
        one.assets == other.assets
        and set(one.fields) == set(other.fields)
        and one.dates.shape == other.dates.shape
        and bool((one.dates == other.dates).all())
        and all(np.array_equal(one.field(n), other.field(n), equal_nan=True) for n in one.fields)
    )


def bars(seed: int, start: float, decimals: int = 3, count: int = DAYS) -> dict[str, list[str]]:
    """Return prices and volumes of one asset, as text."""
    rng = np.random.default_rng(seed)
    close = start * np.exp(np.cumsum(rng.normal(0, 0.015, count)))
    opened = close * (1 + rng.normal(0, 0.005, count))
    high = np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 0.004, count)))
    low = np.minimum(opened, close) * (1 - np.abs(rng.normal(0, 0.004, count)))
    prices = {"open": opened, "high": high, "low": low, "close": close}
    out = {name: [f"{value:.{decimals}f}" for value in column] for name, column in prices.items()}
    return out | {"volume": [str(value) for value in rng.integers(100_000, 999_999, count)]}


_NAMES = ("open", "high", "low", "close", "volume")
_TICKERS = ("AAA", "BB", "Z.CC")
_TITLES = ("Open", "High", "Low", "Close", "Volume")
_DATES = pd.bdate_range("2022-01-03", periods=DAYS)
_ISO = [f"{day:%Y-%m-%d}" for day in _DATES]
_MILLISECONDS = [str(day.value // 10**6) for day in pd.date_range("2022-01-03", periods=DAYS)]


def _long(
    name: str, header: tuple[str, ...], form: str, by_date: bool, tickers: tuple[str, ...], decimals: int = 3
) -> Grid:
    """Rows of date, asset and five fields; `header` begins with the names of asset and date."""
    rows = [
        (form and day.strftime(form), ticker, *(bars(k, 20 + 45 * k, decimals)[field][n] for field in _NAMES))
        for k, ticker in enumerate(tickers)
        for n, day in enumerate(_DATES)
    ]
    if by_date:
        rows.sort(key=lambda row: row[0])
    fields = dict(enumerate(_NAMES, start=2))
    return Grid(name, (header,), tuple(rows), (0,), form, 1, fields)


def _one(name: str, header: tuple[str, ...], dates: list[str], read: str, decimals: int = 3) -> Grid:
    own = bars(7, 80, decimals)
    rows = [(day, *(own[field][n] for field in _NAMES)) for n, day in enumerate(dates)]
    fields = dict(enumerate(_NAMES, start=1))
    return Grid(name, (header,), tuple(rows), (0,), read, None, fields)


def _wide() -> Grid:
    assets = ("AAPL", "LOW", "MSFT", "OPEN", "XOM")
    columns = [bars(20 + k, start)["close"] for k, start in enumerate((150, 200, 250, 40, 90))]
    columns[4][:6] = [""] * 6
    rows = [(f"{day:%Y-%m-%d}", *(column[n] for column in columns)) for n, day in enumerate(_DATES)]
    fields = dict(enumerate(assets, start=1))
    return Grid("wide", (("Date", *assets),), tuple(rows), (0,), "%Y-%m-%d", None, fields, wide=True)


def _two_levels() -> Grid:
    order = [(field, ticker) for field in ("Close", "Volume") for ticker in ("AAPL", "MSFT", "XOM")]
    own = {ticker: bars(40 + k, 60 + 70 * k) for k, ticker in enumerate(("AAPL", "MSFT", "XOM"))}
    rows = [
        (f"{day:%Y-%m-%d}", *(own[ticker][field.lower()][n] for field, ticker in order))
        for n, day in enumerate(_DATES)
    ]
    header = (
        ("Price", *(f for f, _ in order)),
        ("Ticker", *(t for _, t in order)),
        ("Date", *[""] * len(order)),
    )
    pairs = {place: (field.lower(), ticker) for place, (field, ticker) in enumerate(order, start=1)}
    fields = {place: pair[0] for place, pair in pairs.items()}
    return Grid("yfinance, two levels", header, tuple(rows), (0,), "%Y-%m-%d", None, fields, pairs=pairs)


def _metatrader() -> Grid:
    own = bars(9, 32)
    times = pd.date_range("2022-01-03 09:30", periods=DAYS, freq="5min")
    rows = [
        (f"{t:%Y.%m.%d}", f"{t:%H:%M}", *(own[field][n] for field in _NAMES)) for n, t in enumerate(times)
    ]
    fields = dict(enumerate(_NAMES, start=2))
    header = (("Date", "Time", "Open", "High", "Low", "Close", "Volume"),)
    return Grid("MetaTrader", header, tuple(rows), (0, 1), "%Y.%m.%d %H:%M", None, fields)


def _crsp() -> Grid:
    rows = []
    for k, permno in enumerate(("10107", "14593")):
        own = bars(60 + k, 30 + 90 * k)
        for n, day in enumerate(_DATES):
            ticker = ("MSFT", "AAPL")[k] if n < 20 else ("MSFT", "APPL")[k]
            rows.append((permno, f"{day:%Y%m%d}", ticker, own["close"][n], own["volume"][n]))
    header = (("PERMNO", "date", "TICKER", "PRC", "VOL"),)
    return Grid("CRSP", header, tuple(rows), (1,), "%Y%m%d", 0, {3: "close", 4: "volume"})


GRIDS: tuple[Grid, ...] = (
    _long("long by date", ("date", "symbol", *_NAMES), "%Y-%m-%d", True, _TICKERS),
    _long("long by asset", ("Date", "Ticker", *_TITLES), "%Y-%m-%d", False, _TICKERS),
    _long(
        "tushare", ("trade_date", "ts_code", "open", "high", "low", "close", "vol"), "%Y%m%d", True,
        ("000001.SZ", "300750.SZ", "600000.SH"), decimals=2,
    ),
    _wide(),
    _one("yfinance, one asset", ("Date", *_TITLES), _ISO, "%Y-%m-%d"),
    _one("Binance", ("open_time", *_NAMES), _MILLISECONDS, "ms", 2),
    _one("akshare", ("日期", "开盘", "最高", "最低", "收盘", "成交量"), _ISO, "%Y-%m-%d", 4),
    _metatrader(),
    _two_levels(),
    _crsp(),
)  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """A pandas frame, read directly or from Parquet, and the panel that it holds."""

    name: str
    make: Callable[[], pd.DataFrame]
    panel: qv.Panel


def _frames() -> tuple[Frame, ...]:
    long = next(grid for grid in GRIDS if grid.name == "long by asset")
    truth = long.panel("")
    assert truth is not None  # for the type checker
    frame = pd.DataFrame(long.rows, columns=list(long.header[0]))
    frame["Date"] = pd.to_datetime(frame["Date"])
    numbers = ["Open", "High", "Low", "Close", "Volume"]
    frame[numbers] = frame[numbers].astype(float)
    wide = frame.pivot(index="Date", columns="Ticker", values="Close").rename_axis(index=None, columns=None)
    close = qv.Panel.from_arrays({"close": truth.field("close")}, truth.dates, truth.assets)
    two = frame.pivot(index="Date", columns="Ticker", values=["Close", "Volume"])
    both = qv.Panel.from_arrays(
        {name: truth.field(name) for name in ("close", "volume")}, truth.dates, truth.assets
    )
    return (
        Frame("long frame", frame.copy, truth),
        Frame("long frame, filtered index", lambda: frame.set_index(frame.index * 3 + 1), truth),
        Frame("frame with dates and assets in the index", lambda: frame.set_index(["Date", "Ticker"]), truth),
        Frame("wide frame, nameless index", wide.copy, close),
        Frame("frame with two levels of names", two.copy, both),
    )


FRAMES: tuple[Frame, ...] = _frames()


def as_file(grid: Grid, *right: Grid, encoding: str = "utf-8") -> Changed:
    """Write a layout to a file that may be read as any of `right`."""
    return Changed(grid.text().encode(encoding), right)


def with_rows(grid: Grid, rows: object) -> Grid:
    """Return the same layout with other rows."""
    return replace(grid, rows=tuple(tuple(row) for row in rows))  # type: ignore[attr-defined]
