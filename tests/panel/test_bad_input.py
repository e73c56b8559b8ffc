"""Every unusable table is refused in one line: what is wrong, where, and how to mend it."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from quarva.errors import PanelError
from quarva.panel import Panel, Table

GOOD = """date,asset,close,volume
2020-01-01,A,10,100
2020-01-01,B,20,200
2020-01-02,A,11,110
2020-01-02,B,21,210
2020-01-03,A,12,120
2020-01-03,B,22,220
"""


def refusal(source, **options) -> str:
    with pytest.raises(PanelError) as caught:
        Panel.read(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "bars.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


# Each: what to change in the good table, and what the message must say: where, what, how to mend.
CASES = {
    "doubled row": (
        GOOD + "2020-01-03,B,22,220\n",
        ["bars.csv: line 8", "2020-01-03", "'B'", "twice", "keep one"],
    ),
    "whole file twice": (GOOD + GOOD.split("\n", 1)[1], ["line 8", "2020-01-01", "'A'", "twice"]),
    "out of order": (
        GOOD + "2019-12-31,B,22,220\n",
        ["line 8", "2019-12-31 comes after 2020-01-03", "'B'", "sort the rows by date"],
    ),
    "unparsable date": (
        GOOD.replace("2020-01-02,B", "2020-13-02,B"),
        ["line 5", "'2020-13-02'", "YYYY-MM-DD"],
    ),
    "year of two digits": (GOOD.replace("2020-", "20-"), ["line 2", "'20-01-01'", "YYYY-MM-DD"]),
    "missing date": (GOOD.replace("2020-01-02,B", ",B"), ["line 5", "date is missing"]),
    "missing asset": (GOOD.replace("2020-01-02,B", "2020-01-02,"), ["line 5", "asset is missing"]),
    "mixed zones": (
        GOOD.replace("2020-01-02,B", "2020-01-02T00:00:00+02:00,B").replace("01,A", "01T00:00:00Z,A"),
        ["or a different one than", "UTC"],
    ),
    "day or month": (
        GOOD.replace("2020-01-01", "01/02/2020")
        .replace("2020-01-02", "02/02/2020")
        .replace("2020-01-03", "03/02/2020"),
        ["bars.csv", "'01/02/2020'", "day/month or month/day", "YYYY-MM-DD"],
    ),
    "no date column": (
        GOOD.replace("date,", "when,").replace("2020-", "year 2020 "),
        ["no date column", "'when'"],
    ),
    "no rows": ("date,asset,close\n", ["bars.csv", "no rows"]),
    "no field": ("date,asset\n2020-01-01,A\n", ["no field", "close"]),
    "constant price": (
        "date,asset,close,volume\n2020-01-01,A,5,1\n2020-01-02,A,5,2\n",
        ["'close' is constant (5 everywhere)", "fields=['volume']", "--fields volume"],
    ),
    "only a constant field": (
        "date,asset,volume\n2020-01-01,A,5\n2020-01-02,A,5\n",
        ["'volume' is constant (5 everywhere)", "give a field that varies"],
    ),
    "all-NaN field": ("date,asset,close\n2020-01-01,A,NaN\n2020-01-02,A,\n", ["'close' has no values"]),
    "infinite field": (
        GOOD.replace("2020-01-02,A,11", "2020-01-02,A,inf"),
        ["'close'", "'A'", "2020-01-02", "infinite"],
    ),
    "beyond float32": (GOOD.replace(",110", ",1e39"), ["'volume'", "'A'", "2020-01-02", "3.4e38"]),
    "a word among numbers": (
        GOOD.replace("2020-01-02,A,11", "2020-01-02,A,halted"),
        ["line 4", "'close'", "'halted'", "leave it empty"],
    ),
    "text-valued field": (
        "date,asset,close,rating\n2020-01-01,A,1,buy\n2020-01-02,A,2,sell\n",
        ["line 3", "'rating'", "'sell'", "after 'buy'", "fields="],
    ),
    "text-valued price": (
        "date,asset,close,x\n2020-01-01,A,?,1\n2020-01-02,A,?,2\n",
        ["line 2", "'close' contains text, '?'"],
    ),
    "price of zero": (
        GOOD.replace("2020-01-03,B,22", "2020-01-03,B,0"),
        ["'close'", "'B'", "2020-01-03", "is 0", "must be positive"],
    ),
    "negative price": (GOOD.replace("A,12,", "A,-12,"), ["'close'", "'A'", "2020-01-03", "is -12"]),
    "jump": (
        GOOD.replace("2020-01-02,A,11", "2020-01-02,A,110").replace("2020-01-03,A,12", "2020-01-03,A,120"),
        ["'close'", "'A'", "2020-01-02", "+1,000 %", "splits", "allow_jumps=True", "--allow-jumps"],
    ),
    "unadjusted split": (
        GOOD.replace("2020-01-03,B,22", "2020-01-03,B,2"),
        ["'B'", "2020-01-03", "-90 %", "splits"],
    ),
    "ragged": (GOOD + "2020-01-04,A,1,2,3,4\n", ["not a table", "header"]),
    "doubled column": (
        "date,asset,close,close\n2020-01-01,A,1,2\n",
        ["line 1", "'close'", "duplicate column"],
    ),
    "two names for one field": (
        "date,asset,Adj Close,adj_close\n2020-01-01,A,1,2\n",
        ["'Adj Close'", "'adj_close'", "rename"],
    ),
    "nameless field": ("date,asset,盘口\n2020-01-01,A,1\n", ["'盘口'", "--rename"]),
}


@pytest.mark.parametrize("case", CASES)
def test_an_invalid_table_is_refused_with_the_place_of_the_fault(case, file):
    text, parts = CASES[case]
    message = refusal(file(text))
    for part in parts:
        assert part in message


def test_a_missing_file_is_reported_by_name(tmp_path):
    assert "no such file" in refusal(tmp_path / "bars.parquet")
    assert "bars.parquet" in refusal(str(tmp_path / "bars.parquet"))
    assert "is a folder" in refusal(tmp_path)
    assert "cannot be read" in refusal("bars\0.csv")


@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet", "bars.bin", "bars.csv.gz"])
@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"\x00\xff\x01rubbish\x00" * 50, "not a "), (b"PAR1rubbish", "not a Parquet file")],
)
def test_a_file_that_is_not_a_table_is_refused(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    message = refusal(path)
    assert name in message
    assert said in message


def test_a_spreadsheet_and_a_broken_archive_are_refused(tmp_path):
    path = tmp_path / "bars.xlsx"
    path.write_bytes(b"PK\x03\x04" + b"x" * 100)
    assert "save it as CSV" in refusal(path)
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode())[:40])
    assert "not a table" in refusal(path)


def test_a_wide_table_is_checked(file):
    wide = "date,A,B\n2020-01-01,1,2\n2020-01-02,2,3\n2020-01-03,3,4\n"
    assert Panel.read(file(wide)).shape == (3, 2)
    assert "line 5: 2020-01-02 occurs twice" in refusal(file(wide + "2020-01-02,5,6\n"))
    assert "line 5: 2019-01-02 comes after 2020-01-03" in refusal(file(wide + "2019-01-02,5,6\n"))
    assert "column 'B' contains text, 'x'" in refusal(file("date,A,B\n2020-01-01,1,x\n2020-01-02,2,y\n"))
    assert "line 1: duplicate column 'A'" in refusal(file("date,A,A\n2020-01-01,1,2\n"))
    assert "only dates" in refusal(file("date\n2020-01-01\n"))
    assert "'close' of asset 'B' on 2020-01-02 is 0" in refusal(
        file("date,A,B\n2020-01-01,1,2\n2020-01-02,2,0\n")
    )


def test_objects_other_than_tables_are_refused():
    assert "cannot read a dict" in refusal({"a": 1})
    assert "cannot read a ndarray" in refusal(np.zeros((2, 2)))
    assert "cannot read a polars Series" in refusal(pl.Series([1, 2]))


def test_an_unknown_field_gets_a_suggestion(file):
    assert "no field 'volum'; did you mean 'volume'?" in refusal(file(GOOD), fields=["close", "volum"])
    panel = Panel.read(file(GOOD))
    with pytest.raises(PanelError, match="no field 'closs'; did you mean 'close'"):
        panel.field("closs")


def test_assets_without_common_dates_are_refused():
    rows = 20_000
    frame = pl.DataFrame(
        {
            "date": np.arange(rows).astype("datetime64[us]"),
            "asset": [f"A{row}" for row in range(rows)],
            "close": np.arange(1.0, rows + 1),
        }
    )
    assert "dates are not aligned" in refusal(frame)


def test_a_jump_is_accepted_if_allowed(file):
    text = GOOD.replace("2020-01-03,B,22", "2020-01-03,B,220")
    assert Panel.read(file(text), allow_jumps=True).field("close")[2, 1] == 220


def test_an_empty_field_is_refused_if_it_is_requested(file):
    text = "date,asset,close,beta\n2020-01-01,A,1,\n2020-01-02,A,2,\n"
    assert "'beta' has no values" in refusal(file(text), fields=["close", "beta"])


def test_an_empty_field_can_be_left_out(file):
    text = "date,asset,close,beta,rating\n2020-01-01,A,1,,buy\n2020-01-02,A,2,,sell\n"
    assert Panel.read(file(text), fields=["close"]).fields == ("close",)


TABLES = {
    "no target": ("a,b\n1,2\n3,4\n", ["no target column 'y'", "available: a, b"]),
    "text": ("a,y\nx,2\nz,4\n", ["column 'a' contains text, 'x'"]),
    "word": ("a,y\n1,2\nx,4\n2,2\n", ["line 3", "'a'", "'x'"]),
    "constant": ("a,b,y\n1,5,2\n3,5,4\n", ["'b' is constant (5 everywhere)", "columns=['a']"]),
    "constant target": ("a,y\n1,5\n3,5\n", ["'y' is constant", "give a target that varies"]),
    "empty column": ("a,b,y\n1,,2\n3,,4\n", ["'b' has no values"]),
    "infinite": ("a,y\n1,5\ninf,6\n", ["row 2", "'a'", "infinite"]),
    "only target": ("y\n5\n3\n", ["no variable"]),
    "no rows": ("a,y\n", ["no rows"]),
}


@pytest.mark.parametrize("case", TABLES)
def test_an_invalid_regression_table_is_refused(case, file):
    text, parts = TABLES[case]
    with pytest.raises(PanelError) as caught:
        Table.read(file(text))
    for part in parts:
        assert part in str(caught.value)
