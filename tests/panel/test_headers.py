"""Headers of vendors and other languages are known; flags resolve the others."""

import numpy as np
import pandas as pd
import pytest

from quarva.errors import PanelError
from quarva.panel import Panel
from quarva.panel.vendors import HEADERS, header_key

from .prices import DAYS, FIELDS, bars, long

VENDORS = {
    "Alpha Vantage": ("date", "1. open", "2. high", "3. low", "4. close", "5. volume"),
    "yfinance": ("Date", "Open", "High", "Low", "Close", "Volume"),
    "akshare": ("日期", "开盘", "最高", "最低", "收盘", "成交量"),
    "units": ("日期", "开盘价(元)", "最高价(元)", "最低价(元)", "收盘价(元)", "成交量(手)"),
    "Taiwan": ("日期", "開盤價", "最高價", "最低價", "收盤價", "成交股數"),
    "Japan": ("日付", "始値", "高値", "安値", "終値", "出来高"),
    "Korea": ("날짜", "시가", "고가", "저가", "종가", "거래량"),
    "Bloomberg": ("Dates", "PX_OPEN", "PX_HIGH", "PX_LOW", "PX_LAST", "PX_VOLUME"),
    "Compustat": ("datadate", "prcod", "prchd", "prcld", "prccd", "cshtrd"),
    "CRSP": ("DlyCalDt", "DlyOpen", "DlyHigh", "DlyLow", "DlyPrc", "DlyVol"),
    "Stooq": ("<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"),
    "Stooq in Polish": ("Data", "Otwarcie", "Najwyzszy", "Najnizszy", "Zamkniecie", "Wolumen"),
    "German": ("Datum", "Eröffnung", "Hoch", "Tief", "Schlusskurs", "Volumen"),
    "French": ("Date", "Ouverture", "Plus haut", "Plus bas", "Clôture", "Volume"),
    "Spanish": ("Fecha", "Apertura", "Máximo", "Mínimo", "Cierre", "Volumen"),
    "Russian": ("Дата", "Открытие", "Максимум", "Минимум", "Закрытие", "Объём"),
    "nasdaq.com": ("Date", "Open", "High", "Low", "Close/Last", "Volume"),
    "letters": ("t", "o", "h", "l", "c", "v"),
    "unknown date": ("when", "Open", "High", "Low", "Close", "Volume"),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_bars_of_one_asset_are_recognised_in_the_headers_of_any_vendor(vendor, tmp_path):
    frame = bars()
    frame.set_axis(VENDORS[vendor], axis=1).to_csv(tmp_path / "spy.csv", index=False)
    panel = Panel.read(tmp_path / "spy.csv")
    assert panel.assets == ("spy",)
    assert panel.fields == FIELDS
    for field in FIELDS:
        np.testing.assert_array_equal(panel.field(field)[:, 0], frame[field].to_numpy(np.float32))


def test_the_table_of_headers_has_normalised_keys():
    assert [name for name in HEADERS if header_key(name) != name and name[0] != "<"] == []


def test_several_stocks_of_tushare_are_read_by_their_codes(tmp_path):
    frame = long(("000001.SZ", "300750.SZ", "600000.SH"))
    frame["date"] = frame["date"].dt.strftime("%Y%m%d")
    frame = frame.rename(columns={"symbol": "ts_code", "date": "trade_date", "volume": "vol"})
    frame.to_csv(tmp_path / "bars.csv", index=False)
    panel = Panel.read(tmp_path / "bars.csv")
    assert panel.assets == ("000001.SZ", "300750.SZ", "600000.SH")
    assert panel.fields == FIELDS


def test_a_volatility_column_is_not_read_as_volume():
    frame = pd.DataFrame({"date": DAYS, "symbol": "A", "ret": np.arange(40.0), "vol": np.arange(40.0) + 1})
    assert Panel.read(frame).fields == ("ret", "vol")


def test_the_layout_that_quarva_writes_keeps_its_names():
    frame = pd.DataFrame({"date": DAYS, "asset": "A", "close": np.arange(40.0) + 1, "vol": np.arange(40.0)})
    assert Panel.read(frame).fields == ("close", "vol")


def test_an_ambiguous_header_in_that_layout_gets_a_plain_name():
    frame = pd.DataFrame({"date": DAYS, "asset": "A", "Close": np.arange(40.0) + 1, "Vol": np.arange(40.0)})
    assert Panel.read(frame).fields == ("close", "volume")


def test_an_unknown_asset_column_is_refused_with_the_flag():
    frame = long().rename(columns={"symbol": "firm"})
    with pytest.raises(PanelError, match="row 41: 2022-01-03 occurs twice.*'firm'.*--asset-column firm"):
        Panel.read(frame)
    assert Panel.read(frame, asset_column="firm").assets == ("AAA", "BBB", "CCC")
    with pytest.raises(PanelError, match="no column 'frim'.*--asset-column.*did you mean 'firm'"):
        Panel.read(frame, asset_column="frim")


def test_codes_of_a_named_column_keep_leading_zeros(tmp_path):
    frame = long(("000001", "000002")).rename(columns={"symbol": "firm"})
    frame.to_csv(tmp_path / "bars.csv", index=False)
    assert Panel.read(tmp_path / "bars.csv", asset_column="Firm").assets == ("000001", "000002")
    assert Panel.read(tmp_path / "bars.csv", rename={"firm": "symbol"}).assets == ("000001", "000002")


def test_two_date_columns_are_refused_unless_one_is_named():
    frame = long().rename(columns={"date": "bar"}).assign(listed="1999-01-04")
    with pytest.raises(PanelError, match="'bar' and 'listed' have dates.*--date-column"):
        Panel.read(frame)
    panel = Panel.read(frame, date_column="bar")
    assert panel.fields == FIELDS
    assert "'listed'" in panel.notes[0]


def test_two_known_date_columns_must_agree():
    frame = long()
    agrees = frame.assign(unix=frame["date"].astype("datetime64[s]").astype("int64"))
    assert Panel.read(agrees).fingerprint() == Panel.read(frame).fingerprint()
    with pytest.raises(PanelError, match="'timestamp' and 'date' have different dates.*--date-column"):
        Panel.read(frame.assign(timestamp=1_600_000_000))


def test_columns_are_renamed_before_their_roles_are_determined():
    frame = bars().drop(columns="volume").set_axis(["date", "alku", "ylin", "alin", "loppu"], axis=1)
    with pytest.raises(
        PanelError, match="'alku', 'ylin', 'alin', 'loppu' behave like open.*--rename.*--field"
    ):
        Panel.read(frame)
    names = {"alku": "open", "ylin": "high", "alin": "low", "loppu": "close"}
    assert Panel.read(frame, rename=names).fields == FIELDS[:4]
    assert Panel.read(frame, field="close").fields == ("close",)  # as if each were an asset
    with pytest.raises(PanelError, match="no column 'aklu' to rename; did you mean 'alku'"):
        Panel.read(frame, rename={"aklu": "open"})
    with pytest.raises(PanelError, match="two columns would be named 'loppu'"):
        Panel.read(frame, rename={"alku": "loppu"})


def test_permanent_identifiers_are_preferred_to_tickers(tmp_path):
    frame = long(("13407", "10026"))[["symbol", "date", "close"]]
    frame["TICKER"] = np.where(
        frame["symbol"] == "10026", "KO", np.where(frame["date"] < DAYS[20], "FB", "META")
    )
    frame.rename(columns={"symbol": "PERMNO", "close": "PRC"}).to_csv(tmp_path / "crsp.csv", index=False)
    panel = Panel.read(tmp_path / "crsp.csv")
    assert (panel.assets, panel.fields) == (("10026", "13407"), ("close",))
    assert any("'TICKER' left out" in note for note in panel.notes)


def test_negative_crsp_prices_are_bid_ask_means_and_zeros_are_missing():
    prices = [-10.5, 10.0, 0.0, 11.0]
    frame = pd.DataFrame({"date": DAYS[:4], "permno": 10107, "PRC": prices})
    panel = Panel.read(frame)
    np.testing.assert_array_equal(panel.field("close")[:, 0], np.float32([10.5, 10.0, np.nan, 11.0]))
    assert len(panel.notes) == 2


def test_share_classes_of_one_company_are_distinguished(tmp_path):
    frame = long(("A", "B", "C")).assign(
        gvkey=lambda f: f["symbol"].map({"A": "001690", "B": "012141", "C": "012141"})
    )
    frame["iid"] = frame["symbol"].map({"A": "01", "B": "01", "C": "02"})
    frame.rename(columns={"symbol": "tic", "date": "datadate"}).to_csv(tmp_path / "c.csv", index=False)
    assert Panel.read(tmp_path / "c.csv").assets == ("001690.01", "012141.01", "012141.02")
    one = frame[frame["symbol"] != "C"].rename(columns={"symbol": "tic"})
    assert Panel.read(one).assets == ("001690", "012141")


def test_identifiers_and_codes_do_not_become_fields():
    frame = long().assign(
        permco=7, cik=320193, sic=lambda f: f["symbol"].map({"AAA": 3571, "BBB": 2834, "CCC": 2834})
    )
    panel = Panel.read(frame)
    assert panel.fields == FIELDS
    assert panel.groups["sic"].labels == ("2834", "3571")


def test_row_labels_do_not_become_a_field(tmp_path):
    frame = long()
    half = frame.iloc[::2].reset_index(drop=True)
    labelled = (
        half,
        frame.set_axis(frame.index * 3 + 1, axis=0),
        frame.sample(frac=1, random_state=0).sort_values(["symbol", "date"]),
        frame.set_axis(np.random.default_rng(0).permutation(len(frame)), axis=0),
    )
    for each in labelled:
        want = Panel.read(half if each is half else frame).fingerprint()
        each.to_csv(tmp_path / "rows.csv")
        each.to_parquet(tmp_path / "rows.parquet")
        for source in (each, tmp_path / "rows.csv", tmp_path / "rows.parquet"):
            panel = Panel.read(source)
            assert panel.fields == FIELDS
            assert panel.fingerprint() == want


def test_a_chinese_volume_column_is_not_read_as_row_labels():
    frame = bars().rename(columns={"volume": "成交量"})
    assert "volume" in Panel.read(frame).fields


def test_an_index_of_names_is_read_as_the_assets(tmp_path):
    frame = long()[["symbol", "date", *FIELDS]].rename(columns={"symbol": "Index"})
    frame.to_csv(tmp_path / "indices.csv", index=False)
    assert Panel.read(tmp_path / "indices.csv").assets == ("AAA", "BBB", "CCC")


def test_the_roles_of_columns_are_recorded():
    reading = Panel.read(bars().set_axis(VENDORS["akshare"], axis=1)).reading
    assert (reading.layout, reading.date, reading.asset) == ("one asset", "日期", None)
    assert reading.columns["close"] == "收盘"
    assert "close = '收盘'" in str(reading)
    assert Panel.from_arrays({"x": np.ones((2, 1))}, DAYS[:2], ["A"]).reading is None
