"""Column headers of data vendors and of other languages: one table from header to field or role."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

__all__ = [
    "ASSET",
    "BESIDE_PRICES",
    "DATE",
    "HEADERS",
    "ID",
    "ISSUE",
    "LABEL",
    "PERMANENT",
    "SIGNED_PRICES",
    "SKIP",
    "TIME",
    "header_key",
    "meaning_of",
]

DATE: Final = "@date"
"""A date, with or without a time of day. Of several columns the first in the table is used."""
TIME: Final = "@time"
"""A time of day that complements a date; the date itself if there is no other."""
PERMANENT: Final = "@permanent"
"""A permanent identifier of an asset, preferred to its ticker."""
ISSUE: Final = "@issue"
"""The number of an issue, which together with a company's identifier identifies an asset."""
ASSET: Final = "@asset"
"""A name or code of an asset, in order of preference."""
ID: Final = "@id"
"""An identifier that is neither the asset nor a field."""
LABEL: Final = "@label"
"""A label or code of an asset: a group if it is constant for each asset, never a numeric field."""
SKIP: Final = "@skip"
"""Neither a field nor a label, such as the end time of a bar or an unused column."""

BESIDE_PRICES: Final = "?"
"""Suffix of a meaning that applies only if the table has prices in other columns: `vol` may be volatility."""

HEADERS: Final[dict[str, str]] = {
    # Permanent identifiers: CRSP, Compustat, OptionMetrics, OpenFIGI
    "permno": PERMANENT, "lpermno": PERMANENT, "kypermno": PERMANENT, "gvkey": PERMANENT,
    "secid": PERMANENT, "composite_figi": PERMANENT, "share_class_figi": PERMANENT, "figi": PERMANENT,
    "iid": ISSUE, "liid": ISSUE,
    "permco": ID, "lpermco": ID, "kypermco": ID, "hdrcusip": ID, "cusip9": ID, "cusip8": ID, "ncusip": ID,
    # Names of assets: Quarva, yfinance, Alpha Vantage, Kaggle, Tiingo, Polygon
    "asset": ASSET, "symbol": ASSET, "ticker": ASSET, "instrument": ASSET, "tickers": ASSET, "symbols": ASSET,
    # tushare, Wind, RiceQuant, JoinQuant, Compustat, Bloomberg, Refinitiv, Qlib, zipline
    "ts_code": ASSET, "wind_code": ASSET, "windcode": ASSET, "s_info_windcode": ASSET,
    "order_book_id": ASSET, "tic": ASSET, "bb_ticker": ASSET, "bbg_ticker": ASSET, "ric": ASSET,
    "sid": ASSET, "sec_id": ASSET, "security_id": ASSET, "asset_id": ASSET,
    "instrument_id": ASSET, "stock_code": ASSET, "stock_id": ASSET, "stock_symbol": ASSET, "code": ASSET,
    "act_symbol": ASSET, "symbol_id": ASSET, "product_id": ASSET, "coin": ASSET, "pair": ASSET,
    "currency_pair": ASSET, "contract": ASSET, "security": ASSET, "stock": ASSET, "fund": ASSET,
    # CSMAR and Chinese
    "stkcd": ASSET, "股票代码": ASSET, "证券代码": ASSET, "合约代码": ASSET, "基金代码": ASSET,
    "指数代码": ASSET,
    "标的代码": ASSET, "代码": ASSET, "合约": ASSET, "證券代號": ASSET, "股票代號": ASSET,
    # Japanese, Korean, Russian
    "銘柄コード": ASSET, "証券コード": ASSET, "コード": ASSET, "종목코드": ASSET, "티커": ASSET,
    "тикер": ASSET,
    # Identifiers of securities, used only if there is no other name
    "isin": ASSET, "sedol": ASSET, "cusip": ASSET, "wkn": ASSET, "cik": ASSET,
    # Names of companies: Kaggle (`Name` of the S&P 500, `Index` of the world's exchanges), akshare, TWSE, KRX
    "name": ASSET, "company": ASSET, "company_name": ASSET, "stock_name": ASSET, "index": ASSET,
    "conm": LABEL, "comnam": LABEL, "issuernm": LABEL, "securitynm": LABEL, "tsymbol": LABEL,
    "股票名称": ASSET, "证券名称": ASSET, "证券简称": ASSET, "股票简称": ASSET, "名称": ASSET,
    "證券名稱": ASSET, "銘柄名": ASSET, "종목명": ASSET,
    # Labels and codes: CRSP, Compustat
    "sic": LABEL, "siccd": LABEL, "hsiccd": LABEL, "naics": LABEL, "exchcd": LABEL, "hexcd": LABEL,
    "shrcd": LABEL, "shrcls": LABEL, "primexch": LABEL, "trdstat": LABEL, "secstat": LABEL, "exchg": LABEL,
    "gsector": LABEL, "ggroup": LABEL, "gind": LABEL, "gsubind": LABEL, "tpci": LABEL, "prcstd": LABEL,
    "curcdd": LABEL, "costat": LABEL, "fic": LABEL, "sector": LABEL, "industry": LABEL, "subindustry": LABEL,
    "sub_industry": LABEL, "exchange": LABEL, "currency": LABEL, "country": LABEL, "series": LABEL,
    # Stooq and Finam: bar length (`PER` without brackets is a ratio in other data); Chinese
    "<per>": LABEL, "行业": LABEL, "板块": LABEL, "交易所": LABEL,
    # Dates with a time of day first: a file may have both `timestamp` and `time`
    "datetime": DATE, "date_time": DATE, "timestamp": DATE, "open_time": DATE, "trade_time": DATE,
    "window_start": DATE, "bar_time": DATE, "date": DATE, "trade_date": DATE, "trading_date": DATE,
    "tradedate": DATE, "trade_dt": DATE, "dates": DATE, "day": DATE + BESIDE_PRICES,
    # Compustat, CRSP
    "datadate": DATE, "caldt": DATE, "mcaldt": DATE, "dly_cal_dt": DATE, "dlycaldt": DATE, "mth_cal_dt": DATE,
    "mthcaldt": DATE,
    # CSMAR; Chinese, Japanese, Korean
    "trddt": DATE, "日期": DATE, "交易日期": DATE, "交易日": DATE, "交易时间": DATE, "净值日期": DATE,
    "日付": DATE, "日時": DATE, "날짜": DATE, "일자": DATE,
    # German and Dutch; Polish, Italian and Portuguese; Spanish; Russian; Turkish
    "datum": DATE, "data": DATE, "fecha": DATE, "дата": DATE, "tarih": DATE,
    # CryptoDataDownload (`unix` beside `date`), Polygon's letters
    "unix": DATE, "unix_timestamp": DATE, "epoch": DATE, "t": DATE + BESIDE_PRICES,
    # MetaTrader, Stooq, Finam, akshare
    "time": TIME, "时间": TIME, "時間": TIME, "시간": TIME, "время": TIME, "zeit": TIME, "hora": TIME,
    # Prices by their plain names: yfinance, Alpha Vantage (`1. open`), MetaTrader (`<OPEN>`), Kaggle
    "open": "open", "high": "high", "low": "low", "close": "close", "last": "last", "price": "price",
    "bid": "bid", "ask": "ask", "mid": "mid", "settle": "settle", "vwap": "vwap", "volume": "volume",
    "amount": "amount", "turnover": "turnover", "adj_close": "adj_close", "adj_open": "adj_open",
    "adj_high": "adj_high", "adj_low": "adj_low", "adj_volume": "adj_volume",
    "open_interest": "open_interest", "trades": "trades", "spread": "spread",
    "open_price": "open", "opening_price": "open", "high_price": "high", "low_price": "low",
    "close_price": "close", "closing_price": "close", "last_price": "last", "settlement_price": "settle",
    "settlement": "settle", "average_price": "vwap", "vol": "volume?", "volumes": "volume",
    "trade_volume": "volume", "trading_volume": "volume", "prev_close": "pre_close",
    "previous_close": "pre_close", "pre_close": "pre_close", "preclose": "pre_close",
    # yfinance, Tiingo, Alpha Vantage, Nasdaq Data Link, quantmod, EOD
    "adjclose": "adj_close", "adj_close_price": "adj_close", "adjusted_close": "adj_close",
    "adjusted": "adj_close?", "adjusted_open": "adj_open", "adjusted_high": "adj_high",
    "adjusted_low": "adj_low", "adjusted_volume": "adj_volume", "dividends": "dividends",
    "dividend_amount": "dividends", "div_cash": "dividends", "ex_dividend": "dividends",
    "stock_splits": "stock_splits", "split_coefficient": "split_coefficient", "split_factor": "split_factor",
    "split_ratio": "split_ratio", "capital_gains": "capital_gains",
    # nasdaq.com (`Close/Last`), NSE of India, Investing.com
    "close_last": "close", "ltp": "last", "no_of_trades": "trades", "change_pct": "pct_chg",
    # Bloomberg, Refinitiv
    "px_last": "close", "px_open": "open", "px_high": "high", "px_low": "low", "px_volume": "volume",
    "px_settle": "settle", "px_bid": "bid", "px_ask": "ask", "px_mid": "mid",
    "eqy_weighted_avg_px": "vwap", "open_int": "open_interest", "cur_mkt_cap": "market_cap",
    "price_close": "close", "price_open": "open", "price_high": "high", "price_low": "low",
    "trdprc_1": "close", "open_prc": "open", "high_1": "high", "low_1": "low", "acvol_uns": "volume",
    # CRSP
    "prc": "close", "dly_prc": "close", "dlyprc": "close", "mth_prc": "close", "mthprc": "close",
    "dly_close": "close", "dlyclose": "close", "openprc": "open", "dly_open": "open", "dlyopen": "open",
    "askhi": "high", "dly_high": "high", "dlyhigh": "high", "bidlo": "low", "dly_low": "low", "dlylow": "low",
    "dly_vol": "volume", "dlyvol": "volume", "mth_vol": "volume", "mthvol": "volume",
    # Compustat
    "prccd": "close", "prcod": "open", "prchd": "high", "prcld": "low", "cshtrd": "volume",
    "prccm": "close", "prchm": "high", "prclm": "low", "cshtrm": "volume",
    # tushare, baostock, JoinQuant, RiceQuant, Wind
    "pct_chg": "pct_chg", "pct_change": "pct_chg", "change": "change?", "turn": "turnover_rate?",
    "turnover_rate": "turnover_rate", "money": "amount?", "total_turnover": "amount",
    "s_dq_open": "open", "s_dq_high": "high", "s_dq_low": "low", "s_dq_close": "close",
    "s_dq_preclose": "pre_close", "s_dq_volume": "volume", "s_dq_amount": "amount",
    "s_dq_pctchange": "pct_chg", "s_dq_avgprice": "vwap",
    # Binance and other exchanges of coins; Polygon's letters
    "close_time": SKIP, "ignore": SKIP, "quote_asset_volume": "quote_volume", "quote_volume": "quote_volume",
    "number_of_trades": "trades", "count": "trades?", "tradecount": "trades", "transactions": "trades?",
    "o": "open?", "h": "high?", "l": "low?", "c": "close?", "v": "volume?", "vw": "vwap?", "n": "trades?",
    # MetaTrader, Stooq
    "tickvol": "tick_volume", "tick_volume": "tick_volume", "real_volume": "volume",
    "openint": "open_interest",
    # CSMAR
    "opnprc": "open", "hiprc": "high", "loprc": "low", "clsprc": "close", "dnshrtrd": "volume",
    "dnvaltrd": "amount",
    # Chinese: akshare, tushare's and Wind's exports, TWSE
    "开盘": "open", "开盘价": "open", "今开": "open", "今开盘": "open", "收盘": "close", "收盘价": "close",
    "最高": "high", "最高价": "high", "最低": "low", "最低价": "low", "最新价": "last", "昨收": "pre_close",
    "昨收价": "pre_close", "前收盘": "pre_close", "前收盘价": "pre_close", "成交量": "volume",
    "成交额": "amount", "成交金额": "amount", "均价": "vwap", "成交均价": "vwap", "振幅": "amplitude",
    "涨跌幅": "pct_chg", "涨跌额": "change", "涨跌": "change", "换手率": "turnover_rate",
    "持仓量": "open_interest", "结算价": "settle", "动态结算价": "settle", "总市值": "market_cap",
    "流通市值": "float_market_cap", "市盈率": "pe", "市净率": "pb", "单位净值": "unit_nav",
    "累计净值": "accumulated_nav", "複權收盤價": "adj_close", "后复权价": "adj_close",
    "開盤價": "open", "開盤": "open", "收盤價": "close", "收盤": "close", "最高價": "high", "最低價": "low",
    "成交股數": "volume", "成交金額": "amount", "成交筆數": "trades", "漲跌價差": "change",
    # Japanese, Korean
    "始値": "open", "高値": "high", "安値": "low", "終値": "close", "出来高": "volume", "売買代金": "amount",
    "調整後終値": "adj_close", "시가": "open", "고가": "high", "저가": "low",
    "종가": "close", "현재가": "last", "거래량": "volume", "거래대금": "amount", "등락률": "pct_chg",
    "전일비": "change", "수정종가": "adj_close", "시가총액": "market_cap",
    # German, Dutch (headers are looked up without accents)
    "eroffnung": "open", "eroffnungskurs": "open", "eroeffnung": "open", "erster": "open?", "hoch": "high?",
    "tageshoch": "high", "tief": "low?", "tagestief": "low", "schluss": "close", "schlusskurs": "close",
    "volumen": "volume", "umsatz": "amount?", "opening": "open?", "hoog": "high", "laag": "low",
    "slot": "close?", "slotkoers": "close",
    # French, Italian
    "ouverture": "open", "ouv": "open?", "haut": "high?", "plus_haut": "high", "bas": "low?",
    "plus_bas": "low", "cloture": "close", "clot": "close?", "dernier": "last", "massimo": "high",
    "minimo": "low", "chiusura": "close", "ultimo": "last",
    # Spanish, Portuguese
    "apertura": "open", "maximo": "high", "cierre": "close", "abertura": "open", "maxima": "high",
    "minima": "low", "fechamento": "close",
    # Polish (Stooq), Turkish, Russian
    "otwarcie": "open", "najwyzszy": "high", "najnizszy": "low", "zamkniecie": "close", "wolumen": "volume",
    "obrot": "amount", "acılıs": "open", "acilis": "open", "yuksek": "high", "dusuk": "low",
    "kapanıs": "close", "kapanis": "close",
    "hacim": "volume", "открытие": "open", "откр": "open", "закрытие": "close", "закр": "close",
    "максимум": "high", "макс": "high", "минимум": "low", "мин": "low", "объем": "volume", "цена": "price",
}  # fmt: skip
"""Header, as normalised by `header_key`, → field or a role that begins with @.

Among headers with the same meaning the first in the table is preferred.
"""

SIGNED_PRICES: Final = frozenset(
    ["prc", "dly_prc", "dlyprc", "mth_prc", "mthprc", "openprc", "askhi", "bidlo"]
)
"""Headers of CRSP columns in which a minus sign marks a bid–ask mean and 0 a missing price."""


@lru_cache(maxsize=1 << 16)
def header_key(name: str) -> str:
    """Normalise a header to the form used in `HEADERS`.

    The result is lower case with words joined by underscores. Letters of all scripts are kept, accents of
    Latin and Cyrillic letters are removed. A leading number (`1. open`), angle brackets (`<OPEN>`) and a unit
    in parentheses (`成交量(手)`) are removed; % becomes `pct`.
    """
    text = unicodedata.normalize("NFKC", name).strip().strip("\ufeff*$ ")
    text = re.sub(r"^<(.*)>$", r"\1", text)
    text = re.sub(r"^\d+[a-z]?[.)]\s*(?=[^\d\s])", "", text)
    text = re.sub(r"(?<=[^\s(\[])\s*[(\[][^()\[\]]*[)\]]$", "", text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).replace("%", " pct ").lower()
    text = re.sub(r"\W+", "_", _without_accents(text)).strip("_")
    return re.sub(r"_+", "_", text)


@lru_cache(maxsize=1 << 16)  # reading a wide table looks up the same thousands of names several times
def meaning_of(name: str) -> str | None:
    """Field or role of a header in `HEADERS`, including the suffix `BESIDE_PRICES`; None if unknown."""
    return HEADERS.get(name.strip().lower()) or HEADERS.get(header_key(name))


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    letters = (
        char
        for char in unicodedata.normalize("NFKD", text)
        if not ("\u0300" <= char <= "\u036f")  # Hangul and kana are recomposed below
    )
    return unicodedata.normalize("NFC", "".join(letters))
