"""Lines of CSV become one table per day, as soon as the day is complete."""

import re

import pytest

from quarva.errors import PanelError
from quarva.live import days_in_lines

HEADER = "date,asset,close\n"


def tables(lines):
    return [source.frame.rows() for source in days_in_lines(iter(lines), "input")]


def test_a_day_is_complete_at_the_next_date_and_at_the_end():
    lines = [HEADER, "2020-01-02,A,1\n", "2020-01-02,B,2\n", "2020-01-03,A,3\n"]
    assert tables(lines) == [[("2020-01-02", "A", 1), ("2020-01-02", "B", 2)], [("2020-01-03", "A", 3)]]


def test_a_day_is_complete_at_an_empty_line():
    seen = []

    def lines():
        yield HEADER
        yield "2020-01-02,A,1\n"
        assert not seen
        yield "\n"
        assert seen == [1]
        yield "2020-01-03,A,1\n"

    for source in days_in_lines(lines(), "input"):
        seen += [source.frame.height]
    assert seen == [1, 1]


def test_concatenated_files_may_repeat_the_header():
    assert len(tables([HEADER, "2020-01-02,A,1\n", HEADER, "2020-01-03,A,1\n", "\n", "\n"])) == 2


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_line_ends_and_byte_order_marks(separator):
    lines = ["\ufeffasset,Date,close\r\n", "000001,2020-01-02,1\r\n", "NA,2020-01-02,\r\n"]
    (rows,) = tables([line.replace(",", separator) for line in lines])
    assert rows == [("000001", "2020-01-02", 1), ("NA", "2020-01-02", None)]


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([], "input: no line"),
        (["\n", "\n"], "input: no line"),
        (["asset,close\n"], "input: no date column"),
        (["date,close,close\n"], "input: line 1: column 'close' occurs more than once"),
        (
            [HEADER, "2020-01-02,A,1\n", "2020-01-02,B\n"],
            "input: line 3 has 2 cells but the first line has 3",
        ),
        ([HEADER, "2020-01-02,A,1,7\n"], "input: line 2 has 4 cells"),
    ],
)
def test_lines_that_are_not_a_table_are_refused(lines, word):
    with pytest.raises(PanelError) as caught:
        tables(lines)
    assert "\n" not in str(caught.value)
    assert re.search(word, str(caught.value))


def test_a_wrong_cell_is_reported_with_its_line_number():
    lines = [HEADER, "2020-01-02,A,1\n", "2020-01-03,A,1\n", "2020-01-03,B,2\n", "2020-01-03,C,what\n"]
    *_, last = days_in_lines(iter(lines), "input")
    with pytest.raises(PanelError, match="input: line 5: field 'close' contains 'what'"):
        last.numbers("close")
