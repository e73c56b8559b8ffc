"""Column names of two levels, fields and assets in either order, give the panel of the long table."""

import pandas as pd
import pytest

from quarva.errors import PanelError
from quarva.panel import Panel

from .prices import FIELDS, long


@pytest.fixture
def two():
    """Closes and volumes over three assets, levels of names in that order."""
    return long().pivot(index="date", columns="symbol", values=["close", "volume"])


@pytest.fixture
def want():
    return Panel.read(long(), fields=["close", "volume"]).fingerprint()


@pytest.mark.parametrize("names", [(None, None), ("Price", "Ticker"), ("field", "asset"), ("symbol", "x")])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("form", ["frame", "parquet", "csv"])
def test_both_orders_of_levels_are_read_from_frames_and_files(two, want, names, swapped, form, tmp_path):
    frame = two.rename_axis(columns=list(names))
    frame = frame.swaplevel(axis=1).sort_index(axis=1) if swapped else frame
    source = frame
    if form == "parquet":
        source = tmp_path / "two.parquet"
        frame.to_parquet(source)
    elif form == "csv":
        source = tmp_path / "two.csv"
        frame.to_csv(source)
    assert Panel.read(source).fingerprint() == want


def test_frames_of_each_asset_joined_side_by_side_are_read():
    frame = long()
    joined = pd.concat({s: g.set_index("date")[list(FIELDS)] for s, g in frame.groupby("symbol")}, axis=1)
    assert Panel.read(joined).fingerprint() == Panel.read(frame).fingerprint()


def test_one_asset_of_yfinance_with_three_rows_of_names_is_read(tmp_path):
    rows = ["Price,Close,High,Low,Open,Volume", "Ticker,AAA,AAA,AAA,AAA,AAA", "Date,,,,,"]
    frame = long(("AAA",))[["date", "close", "high", "low", "open", "volume"]]
    text = "\n".join(rows) + "\n" + frame.to_csv(index=False, header=False)
    (tmp_path / "yf.csv").write_text(text)
    panel = Panel.read(tmp_path / "yf.csv")
    assert panel.assets == ("AAA",)
    assert panel.fingerprint() == Panel.read(long(("AAA",))).fingerprint()


def test_names_over_several_columns_are_read_as_bloomberg_writes_them(tmp_path, two, want):
    frame = two.swaplevel(axis=1).sort_index(axis=1)
    upper = [asset if field == "close" else "" for asset, field in frame.columns]
    lower = ["PX_LAST" if field == "close" else "PX_VOLUME" for _, field in frame.columns]
    text = "," + ",".join(upper) + "\nDates," + ",".join(lower) + "\n" + frame.to_csv(header=False)
    (tmp_path / "bbg.csv").write_text(text)
    assert Panel.read(tmp_path / "bbg.csv").fingerprint() == want


def test_pairs_written_as_text_are_split(two, want, tmp_path):
    flat = two.set_axis([str(pair) for pair in two.columns], axis=1)
    flat.to_csv(tmp_path / "flat.csv")
    assert Panel.read(flat).fingerprint() == want
    assert Panel.read(tmp_path / "flat.csv").fingerprint() == want


@pytest.mark.parametrize("joint", ["_", ".", " ", "-"])
def test_levels_joined_into_one_name_are_split(two, want, joint):
    flat = two.set_axis([joint.join(pair) for pair in two.columns], axis=1)
    assert Panel.read(flat).fingerprint() == want
    assert (
        Panel.read(flat.set_axis([joint.join(pair[::-1]) for pair in two.columns], axis=1)).fingerprint()
        == want
    )


def test_tickers_in_the_asset_level_may_be_names_of_fields(two):
    frame = two.rename(columns={"AAA": "LOW", "BBB": "OPEN"}, level=1).rename_axis(columns=[None, None])
    assert Panel.read(frame).assets == ("CCC", "LOW", "OPEN")


def test_ambiguous_levels_are_refused_unless_they_are_named(two):
    frame = two.rename(columns={"close": "mom", "volume": "size"}, level=0).rename_axis(columns=[None, None])
    with pytest.raises(PanelError, match="two levels.*neither has known fields"):
        Panel.read(frame)
    assert Panel.read(frame.rename_axis(columns=["field", "symbol"])).fields == ("mom", "size")
    assert Panel.read(frame, rename={"mom": "close"}).fields == ("close", "size")


def test_a_duplicate_pair_is_refused(two):
    with pytest.raises(PanelError, match="duplicate column"):
        Panel.read(pd.concat([two, two.iloc[:, :1]], axis=1))


def test_a_row_of_units_is_not_read_as_assets(tmp_path):
    header, rows = long(("A",)).to_csv(index=False).split("\n", 1)
    (tmp_path / "units.csv").write_text(f"{header}\n,USD,USD,USD,USD,shares,\n{rows}")
    with pytest.raises(PanelError, match="keep one header line"):
        Panel.read(tmp_path / "units.csv")


def test_a_wrong_cell_is_reported_with_its_line_and_pair(tmp_path, two):
    two.iloc[5, 1] = None
    text = (
        two.to_csv().replace(",,", ",what,", 1)
        if False
        else two.astype(object).where(two.notna(), "what").to_csv()
    )
    (tmp_path / "two.csv").write_text(text)
    with pytest.raises(PanelError, match="two.csv: line 9: field 'close of BBB' contains 'what'"):
        Panel.read(tmp_path / "two.csv")


def test_an_index_equal_to_a_column_is_read_once():
    one = long(("AAA",)).drop(columns="symbol")
    assert Panel.read(one.set_index("date", drop=False)).fingerprint() == Panel.read(one).fingerprint()
    with pytest.raises(PanelError, match="index and the column 'date' differ"):
        Panel.read(one.set_index(one["date"].shift(-1).ffill(), drop=False))


def test_index_levels_that_repeat_columns_or_number_rows_are_not_fields():
    frame = long()
    kept = frame.groupby("symbol", group_keys=True)[["date", "close"]].apply(
        lambda g: g.assign(r=g["close"].pct_change())
    )
    assert (Panel.read(kept).assets, Panel.read(kept).fields) == (("AAA", "BBB", "CCC"), ("close", "r"))
    rolled = frame.set_index(["symbol", "date"])[["close"]].groupby(level="symbol").rolling(3).mean()
    assert Panel.read(rolled).shape == (40, 3)
    coded = frame.assign(symbol=frame["symbol"].map({"AAA": 11, "BBB": 12, "CCC": 13})).set_index(
        ["date", "symbol"]
    )
    assert Panel.read(coded.rename_axis([None, None])).assets == ("11", "12", "13")
