"""Bars of one asset and wide tables of many assets are distinguished by names and values."""

import numpy as np
import pandas as pd
import pytest

from quarva.errors import PanelError
from quarva.panel import Panel

from .prices import DAYS, bars, wide


@pytest.mark.parametrize("levels", [(20, 110), (50, 90), (200, 215)])
def test_tickers_that_are_names_of_fields_are_read_as_assets(levels):
    frame = pd.DataFrame(
        {
            "Date": DAYS,
            "AAPL": bars(1)["close"],
            "LOW": bars(2, levels[0])["close"],
            "OPEN": bars(3, levels[1])["close"],
            "MSFT": bars(4)["close"],
        }
    )
    panel = Panel.read(frame)
    assert (panel.assets, panel.fields) == (("AAPL", "LOW", "MSFT", "OPEN"), ("close",))
    assert "'LOW', 'OPEN'" in panel.notes[0]


def test_an_upper_case_field_name_is_an_asset_but_a_lower_case_one_is_a_field():
    frame = wide().rename(columns={"AAA": "OPEN"}).reset_index(names="date")
    assert Panel.read(frame).assets == ("BBB", "CCC", "OPEN")
    close = pd.DataFrame({"date": DAYS, "close": bars()["close"], "rsi": np.arange(40.0)})
    panel = Panel.read(close)
    assert (panel.fields, len(panel.assets)) == (("close", "rsi"), 1)


def test_upper_case_field_names_next_to_an_indicator_are_fields():
    frame = bars().rename(columns=str.upper).assign(RSI=np.arange(40.0))
    assert Panel.read(frame).fields == ("open", "high", "low", "close", "volume", "rsi")


def test_names_that_contradict_the_prices_are_refused():
    frame = bars().rename(columns={"high": "low", "low": "high"})
    with pytest.raises(PanelError, match="violate low.*--rename"):
        Panel.read(frame)


def test_a_few_rows_are_not_enough_to_distinguish_tickers_from_fields():
    frame = pd.DataFrame(
        {"Date": DAYS[:4], "LOW": [1.0, 2, 3, 4], "OPEN": [5.0, 6, 7, 8], "XOM": [1.0, 2, 1, 2]}
    )
    with pytest.raises(PanelError, match="'LOW', 'OPEN'.*--field close"):
        Panel.read(frame)
    assert Panel.read(frame, field="close").assets == ("LOW", "OPEN", "XOM")


def test_correlated_assets_are_not_read_as_fields():
    rng = np.random.default_rng(0)
    market = rng.normal(0, 0.01, 40)
    frame = pd.DataFrame(
        {name: 100 * np.exp(np.cumsum(market + rng.normal(0, 0.004, 40))) for name in "ABCDE"}
    )
    assert len(Panel.read(frame.set_index(DAYS)).assets) == 5


def test_calendar_columns_of_a_wide_table_are_not_assets():
    frame = wide().reset_index(names="date")
    frame.insert(1, "year", frame["date"].dt.year)
    panel = Panel.read(frame)
    assert panel.assets == ("AAA", "BBB", "CCC")
    assert "'year' left out" in panel.notes[0]


def test_a_wide_frame_with_its_dates_last_is_read(tmp_path):
    wide().to_parquet(tmp_path / "wide.parquet")
    panel = Panel.read(tmp_path / "wide.parquet")
    assert (panel.assets, panel.shape) == (("AAA", "BBB", "CCC"), (40, 3))


def test_dates_as_columns_are_refused(tmp_path):
    wide().T.to_csv(tmp_path / "turned.csv")
    with pytest.raises(PanelError, match="transpose the table"):
        Panel.read(tmp_path / "turned.csv")
