"""Delimited files of many programs are read, or refused with the right line number."""

import pytest

from quarva.errors import PanelError
from quarva.panel import Panel

from .prices import bars, long

TEXT = long().to_csv(index=False)


@pytest.fixture
def file(tmp_path):
    def write(content, name="bars.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="module")
def want():
    return Panel.read(long()).fingerprint()


def refusal(path, **options):
    with pytest.raises(PanelError) as caught:
        Panel.read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "gb18030"]
)
def test_encodings_are_recognised(file, want, encoding):
    panel = Panel.read(file(TEXT.encode(encoding)))
    assert panel.fingerprint() == want
    assert any(encoding in note for note in panel.notes) == (
        encoding.startswith("utf-16") or encoding == "utf-32"
    )


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "utf-16"])
def test_names_keep_their_accents(file, encoding):
    panel = Panel.read(file(TEXT.replace("AAA", "Société").encode(encoding)))
    assert "Société" in panel.assets


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("日期,开盘,最高,最低,收盘,成交量", "gbk"),
        ("日期,開盤價,最高價,最低價,收盤價,成交股數", "big5"),
        ("日付,始値,高値,安値,終値,出来高", "cp932"),
        ("날짜,시가,고가,저가,종가,거래량", "cp949"),
        ("Дата,Открытие,Максимум,Минимум,Закрытие,Объём", "cp1251"),
        ("Data,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen", "cp1250"),
    ],
)
def test_legacy_encodings_are_recognised_by_their_headers(file, header, encoding):
    rows = bars().to_csv(index=False).split("\n", 1)[1]
    panel = Panel.read(file(f"{header}\n{rows}".encode(encoding)))
    assert panel.fields == ("open", "high", "low", "close", "volume")
    assert "not UTF-8" in panel.notes[0]


def test_an_ambiguous_encoding_is_refused(file):
    assert "encoding is not UTF-8" in refusal(file(TEXT.replace("AAA", "Газпром").encode("cp1251")))


def test_a_byte_of_another_encoding_is_found_far_into_the_file(file):
    lines = ["date,symbol,close", *(f"{day:%Y-%m-%d},A,{n + 1}.5" for n, day in enumerate(_days(9000)))]
    content = "\n".join([*lines, "2100-01-01,É,5.5", ""]).encode("cp1252")
    assert Panel.read(file(content), allow_jumps=True).assets == ("A", "É")


def _days(count):
    import pandas as pd

    return pd.date_range("2000-01-03", periods=count)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_and_line_ends_do_not_matter(file, want, separator, end):
    text = TEXT.replace(",", separator).replace("\n", end)
    assert Panel.read(file(text)).fingerprint() == want


def test_lines_before_the_header_are_skipped_with_a_note(file, want):
    for first in ("https://www.example.com\n", "# made by a program, in 2022\n", "sep=,\n", "Prices\n\n"):
        panel = Panel.read(file(first + TEXT))
        assert panel.fingerprint() == want
        assert "are skipped" in panel.notes[0]


def test_blank_lines_are_skipped_but_count_as_lines(file, want):
    lines = TEXT.split("\n")
    with_blanks = [*lines[:1], "", *lines[1:50], "", "", *lines[50:]]
    assert Panel.read(file("\n".join(with_blanks))).fingerprint() == want
    with_blanks[60] = with_blanks[60].replace(",", ",x", 1)
    assert "bars.csv: line 61: " in refusal(file("\n".join(with_blanks)))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quoted_line_breaks_count_as_lines(file, end):
    rows = [f'2023-01-{day:02d},A,"Alpha{end}Corp",{49 + day / 10}' for day in range(2, 12)]
    rows[5] = rows[5].rsplit(",", 1)[0] + ",bad"
    path = file("date,symbol,name,close" + end + end.join(rows) + end)
    line = path.read_bytes().decode().split(end).index('Corp",bad') + 1
    assert f"bars.csv: line {line}: field 'close' contains 'bad'" in refusal(path)


@pytest.mark.parametrize("with_assets", [True, False])
def test_a_file_without_a_header_is_refused(file, with_assets):
    rows = TEXT.split("\n", 1)[1]
    if not with_assets:
        rows = bars().to_csv(index=False, header=False)
    assert "line 1 is data, not a header" in refusal(file(rows))
    epochs = "".join(f"{1733011200000 + 86400000 * n},{n + 1}.5,{n + 2}.5\n" for n in range(9))
    assert "line 1 is data, not a header" in refusal(file(epochs))


def test_a_header_of_numbers_is_read_as_names_of_assets(file):
    rows = "".join(f"2022-01-{n + 3:02d},{n + 10}.5,{n + 20}.5\n" for n in range(5))
    assert Panel.read(file(f"date,600000,000001\n{rows}")).assets == ("000001", "600000")
    assert Panel.read(file(f",600000,000001\n{rows}")).assets == ("000001", "600000")


def test_a_truncated_line_is_refused(file):
    lines = TEXT.rstrip("\n").split("\n")
    for cells in (1, 3, 6):
        short = [*lines[:-1], ",".join(lines[-1].split(",")[:cells])]
        assert f"line {len(lines)} has {cells} cells but the header has 7" in refusal(file("\n".join(short)))
    in_the_middle = [*lines[:70], ",".join(lines[70].split(",")[:4]), *lines[71:], ""]
    assert "line 71 has 4 cells" in refusal(file("\n".join(in_the_middle)))


def test_a_file_without_a_final_line_end_has_a_note(file, want):
    panel = Panel.read(file(TEXT.rstrip("\n")))
    assert panel.fingerprint() == want
    assert "no line end" in panel.notes[0]


def test_a_quotation_mark_that_is_not_closed_is_refused(file):
    lines = [
        line.replace("AAA", '"AAA') if n in (10, 20) else line for n, line in enumerate(TEXT.split("\n"))
    ]
    assert 'not a table (could not parse `"AAA)' in refusal(file("\n".join(lines)))


def test_a_repeated_header_is_refused(file):
    lines = TEXT.split("\n")
    assert "line 31: 'date' is not a date" in refusal(file("\n".join([*lines[:30], lines[0], *lines[30:]])))


def test_decimal_commas_are_read(file, want):
    for separator in ";\t":
        text = long().to_csv(index=False, sep=separator, decimal=",")
        panel = Panel.read(file(text))
        assert panel.fingerprint() == want
        assert "decimal comma" in panel.notes[0]


def test_points_are_thousands_separators_if_commas_are_decimal(file):
    rows = "".join(f"{n + 3:02d}.01.2022;1.{n + 100},{n + 25};{n + 7}.000\n" for n in range(9))
    panel = Panel.read(file("Datum;Schluss;Volumen\n" + rows))
    assert panel.field("close")[0, 0] == 1100.25
    assert panel.field("volume")[0, 0] == 7000


def test_thousands_separators_are_read(file, want):
    for mark in (",", " ", "'"):
        frame = long()
        frame["volume"] = frame["volume"].map(lambda v, mark=mark: f"{v:,}".replace(",", mark))
        assert Panel.read(file(frame.to_csv(index=False))).fingerprint() == want


def test_an_ambiguous_comma_is_refused(file):
    rows = "".join(f'2022-01-{n + 3:02d},"{n + 10},277"\n' for n in range(9))
    assert "line 2: column 'close' has '10,277', where the comma may" in refusal(file("date,close\n" + rows))
    mixed = "".join(f'2022-01-{n + 3:02d},"{n + 10},27",5{n}.25\n' for n in range(9))
    assert "decimal comma but column 'open' has '50.25'" in refusal(file("date,close,open\n" + mixed))


def test_invalid_groups_of_digits_are_refused(file):
    rows = "".join(f'2022-01-{n + 3:02d},{n + 10}.25,"1,0{n}0,000"\n' for n in range(9))
    path = file("date,close,volume\n" + rows.replace("1,040,000", "1,2,3,4"))
    assert "line 6: field 'volume' contains '1,2,3,4'" in refusal(path)


def test_suffixes_and_currencies_are_read_with_a_note(file):
    rows = "".join(
        f'"Jan {n + 3:02d}, 2022","${n + 10}.25","1.{n}5M","0.{n}0%"\n' for n in reversed(range(9))
    )
    panel = Panel.read(file('"Date","Price","Vol.","Change %"\n' + rows))
    assert panel.fields == ("price", "volume", "pct_chg")
    assert panel.field("volume")[1, 0] == 1_150_000
    assert panel.field("pct_chg")[1, 0] == pytest.approx(0.001)
    assert len(panel.notes) == 4  # M, %, $ and the order of rows


def test_rows_in_descending_order_are_sorted_and_unordered_rows_are_refused(file, want):
    frame = long()
    panel = Panel.read(file(frame.iloc[::-1].to_csv(index=False)))
    assert panel.fingerprint() == want
    assert "in descending order" in panel.notes[0]
    assert "sort the rows" in refusal(file(frame.sample(frac=1, random_state=1).to_csv(index=False)))
    closes = frame.pivot(index="date", columns="symbol", values="close")
    closes.to_csv(file("", "up.csv"))
    closes.iloc[::-1].to_csv(file("", "down.csv"))
    up, down = (Panel.read(file.__closure__[0].cell_contents / name) for name in ("up.csv", "down.csv"))
    assert up.fingerprint() == down.fingerprint()


def test_the_format_of_a_file_is_recorded(file):
    about = Panel.read(file(long().to_csv(index=False, sep=";", decimal=",").encode("utf-16"))).reading.file
    assert about == {
        "encoding": "utf-16",
        "separator": "semicolon",
        "header_lines": "1",
        "decimal_mark": "comma",
    }
