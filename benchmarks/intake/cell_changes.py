"""Changes of columns, names, cells and dates, each with the right readings of the result."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from intake.files import Changed, Grid, as_file, with_rows

__all__ = ["CELL_CHANGES"]


# Columns and names


def columns_shuffled(grid: Grid, rng: random.Random) -> Changed:
    order = rng.sample(range(len(grid.rows[0])), len(grid.rows[0]))
    header = tuple(tuple(line[k] for k in order) for line in grid.header)
    return as_file(
        replace(with_rows(grid, [[row[k] for k in order] for row in grid.rows]), header=header), grid
    )


def a_column_left_out(grid: Grid, rng: random.Random) -> Changed:
    gone = rng.randrange(len(grid.rows[0]))
    header = tuple(tuple(c for k, c in enumerate(line) if k != gone) for line in grid.header)
    fewer = replace(
        with_rows(grid, [[c for k, c in enumerate(row) if k != gone] for row in grid.rows]), header=header
    )
    if gone in grid.date or (gone == grid.asset and grid.name != "CRSP"):
        return as_file(fewer)
    if grid.name == "CRSP" and gone == grid.asset:
        return as_file(fewer, replace(grid, asset=2))
    if gone not in grid.fields:
        return as_file(fewer, grid)
    if grid.name == "CRSP":  # without a price, VOL may be volatility, and keeps its name
        return as_file(fewer, replace(grid, fields={3: "close"} if gone == 4 else {4: "vol"}))
    return as_file(fewer, replace(grid, fields={k: name for k, name in grid.fields.items() if k != gone}))


def a_column_twice(grid: Grid, rng: random.Random) -> Changed:
    again = rng.randrange(len(grid.rows[0]))
    header = tuple((*line, line[again]) for line in grid.header)
    return as_file(replace(with_rows(grid, [(*row, row[again]) for row in grid.rows]), header=header))


def two_names_swapped(grid: Grid, rng: random.Random) -> Changed:
    """A wrong header: the columns are read as it says, or the error is noticed."""
    one, other = rng.sample(range(len(grid.header[0])), 2)
    lines = [list(line) for line in grid.header]
    for line in lines:
        line[one], line[other] = line[other], line[one]
    lying = replace(grid, header=tuple(map(tuple, lines)))
    if one in grid.fields and other in grid.fields:
        fields = grid.fields | {one: grid.fields[other], other: grid.fields[one]}
        pairs = grid.pairs | {one: grid.pairs[other], other: grid.pairs[one]} if grid.pairs else {}
        return as_file(lying, replace(grid, fields=fields, pairs=pairs))
    return as_file(lying)


def a_name_unknown(grid: Grid, rng: random.Random) -> Changed:
    place = rng.randrange(len(grid.header[0]))
    header = list(grid.header[0])
    header[place] = rng.choice(["Foo", "kolom", "X1", "wert"])
    named = replace(grid, header=(tuple(header), *grid.header[1:]))
    if grid.pairs:
        return as_file(named, *([] if place else [grid]))
    if place in grid.fields:
        name = header[place] if grid.wide else header[place].lower()
        fields = grid.fields | {place: name}
        # Without a price, VOL may be volatility, and keeps its name.
        return as_file(named, replace(grid, fields=fields), replace(grid, fields=fields | {4: "vol"}))
    return as_file(named, grid)


def all_names_unknown(grid: Grid, rng: random.Random) -> Changed:
    words = ["alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
    header = [words[k] for k in range(len(grid.header[0]))]
    header[grid.date[0]] = rng.choice(["date", "when"])
    named = replace(grid, header=(tuple(header), *grid.header[1:]))
    if grid.wide:
        return as_file(named, replace(grid, fields={k: header[k] for k in grid.fields}))
    return as_file(named, grid)


def names_in_other_case(grid: Grid, rng: random.Random) -> Changed:
    case: Callable[[str], str] = rng.choice([str.upper, str.lower, str.title])
    if grid.wide:
        header = tuple(c if k in grid.fields else case(c) for k, c in enumerate(grid.header[0]))
    else:
        header = tuple(case(c) for c in grid.header[0])
    return as_file(replace(grid, header=(header, *grid.header[1:])), grid)


def names_of_another_vendor(grid: Grid, rng: random.Random) -> Changed:
    vendors = (
        {"open": "1. open", "high": "2. high", "low": "3. low", "close": "4. close", "volume": "5. volume"},
        {"open": "<OPEN>", "high": "<HIGH>", "low": "<LOW>", "close": "<CLOSE>", "volume": "<VOL>"},
        {"open": "PX_OPEN", "high": "PX_HIGH", "low": "PX_LOW", "close": "PX_LAST", "volume": "PX_VOLUME"},
        {"open": "开盘价", "high": "最高价", "low": "最低价", "close": "收盘价", "volume": "成交量(手)"},
        {"open": "시가", "high": "고가", "low": "저가", "close": "종가", "volume": "거래량"},
        {
            "open": "Otwarcie",
            "high": "Najwyzszy",
            "low": "Najnizszy",
            "close": "Zamkniecie",
            "volume": "Wolumen",
        },
        {"open": "prcod", "high": "prchd", "low": "prcld", "close": "prccd", "volume": "cshtrd"},
    )
    words = rng.choice(vendors)
    if grid.wide or grid.pairs:
        return names_in_other_case(grid, rng)
    header = tuple(words.get(grid.fields.get(k, ""), c) for k, c in enumerate(grid.header[0]))
    return as_file(replace(grid, header=(header,)), grid)


def labels_of_rows(grid: Grid, rng: random.Random) -> Changed:
    """The index that pandas writes: of all rows, of filtered rows, or of sorted rows."""
    numbers = list(range(len(grid.rows)))
    kind = rng.choice(["counting", "filtered", "shuffled"])
    if kind == "filtered":
        numbers = [3 * n + 1 for n in numbers]
    if kind == "shuffled":
        rng.shuffle(numbers)
    name = rng.choice(["", "Unnamed: 0", "index"]) if kind != "shuffled" else rng.choice(["", "Unnamed: 0"])
    header = ((name, *grid.header[0]), *(("", *line) for line in grid.header[1:]))
    rows = [(str(n), *row) for n, row in zip(numbers, grid.rows, strict=True)]
    return as_file(replace(with_rows(grid, rows), header=header), grid)


def an_empty_column(grid: Grid, rng: random.Random) -> Changed:
    header = tuple((*line, rng.choice(["", "beta"]) if not n else "") for n, line in enumerate(grid.header))
    empty = replace(with_rows(grid, [(*row, "") for row in grid.rows]), header=header)
    if grid.wide and header[0][-1]:
        return as_file(empty)
    return as_file(empty, grid)


def levels_swapped(grid: Grid, _rng: random.Random) -> Changed:
    if not grid.pairs:
        return as_file(grid, grid)
    first, second, *rest = grid.header
    return as_file(replace(grid, header=(second, first, *rest)), grid)


def a_level_twice(grid: Grid, rng: random.Random) -> Changed:
    """A row of names repeated, or the labels of another column."""
    if not grid.pairs:
        return a_column_twice(grid, rng)
    if rng.random() < 0.5:
        return as_file(replace(grid, header=(grid.header[0], *grid.header)))
    lines = [list(line) for line in grid.header]
    for line in lines:
        line[2] = line[1]
    return as_file(replace(grid, header=tuple(map(tuple, lines))))


# Cells


def words_for_missing(grid: Grid, rng: random.Random) -> Changed:
    word = rng.choice(["NA", "-", "null", "NaN", "#N/A", "n.a.", "--", "."])
    cells = {(rng.randrange(len(grid.rows)), rng.choice(list(grid.fields))) for _ in range(5)}

    def filled(text: str) -> Grid:
        return with_rows(
            grid,
            [[text if (n, k) in cells else c for k, c in enumerate(row)] for n, row in enumerate(grid.rows)],
        )

    return as_file(filled(word), filled(""))


def a_word_among_numbers(grid: Grid, rng: random.Random) -> Changed:
    n, k = rng.randrange(len(grid.rows)), rng.choice(list(grid.fields))
    rows = [list(row) for row in grid.rows]
    rows[n][k] = rng.choice(["halted", "12.3.4", "1,2,3,4", "0x1F", "12 34 5", "1e", "(5.0)", "-5", "0"])
    is_price = grid.wide or (grid.pairs[k][0] if grid.pairs else grid.fields[k]) != "volume"
    if rows[n][k] == "0" and not is_price:
        return as_file(with_rows(grid, rows), with_rows(grid, rows))
    return as_file(with_rows(grid, rows))


def other_units_from_a_row_on(grid: Grid, rng: random.Random) -> Changed:
    """Prices in cents and volumes in thousands, or volumes alone; never from an asset's first row."""
    start = rng.randrange(5, len(grid.rows) - 5)
    start += 5 * (start % 40 < 5)
    factor = rng.choice([100, 1000, 0.01])
    alone = [k for k in grid.fields if (grid.pairs[k][0] if grid.pairs else grid.fields[k]) == "volume"]
    where = set(alone if alone and not grid.wide and rng.random() < 0.5 else grid.fields)
    rows = [
        [f"{float(c) * factor:.6g}" if k in where and c and n >= start else c for k, c in enumerate(row)]
        for n, row in enumerate(grid.rows)
    ]
    return as_file(with_rows(grid, rows))


def numbers_written_otherwise(grid: Grid, rng: random.Random) -> Changed:
    form = rng.choice(["{:e}", "{:+}", "{:.10f}", "${}", "{} "])

    def written(cell: str) -> str:
        return form.format(float(cell) if "}" not in form or (form[0] == "{" and form != "{} ") else cell)

    rows = [[written(c) if k in grid.fields and c else c for k, c in enumerate(row)] for row in grid.rows]
    same_values = [
        [str(float(c.replace("$", ""))) if k in grid.fields and c.strip() else c for k, c in enumerate(r)]
        for r in rows
    ]
    return as_file(with_rows(grid, rows), with_rows(grid, same_values))


# Dates


def _moments(grid: Grid) -> list[datetime]:
    parsed = [grid._date(" ".join(row[place] for place in grid.date)) for row in grid.rows]
    return [pd.Timestamp(each).to_pydatetime() for each in parsed]


def _dated(grid: Grid, texts: list[str]) -> Grid:
    """Return the layout with other texts as dates, in one column."""
    rows = [list(row) for row in grid.rows]
    for row, text in zip(rows, texts, strict=True):
        row[grid.date[0]] = text
    if len(grid.date) == 1:
        return with_rows(grid, rows)
    gone = grid.date[1]
    header = tuple(tuple(c for k, c in enumerate(line) if k != gone) for line in grid.header)
    return replace(
        with_rows(grid, [[c for k, c in enumerate(row) if k != gone] for row in rows]), header=header
    )


_FORMS = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%b-%Y", "%d-%b-%y", "%Y%m%d", "%b %d, %Y",
    "%m/%d/%y", "%d.%m.%y", "%y-%m-%d", "%y%m%d", "%Y-%j", "%a %d %b %Y", "%Y年%m月%d日", "%d%b%Y",
)  # fmt: skip


def dates_written_otherwise(grid: Grid, rng: random.Random) -> Changed:
    form = rng.choice(_FORMS)
    if any(moment.hour for moment in _moments(grid)):
        form += rng.choice([" %H:%M", "T%H:%M:%S", " %I:%M %p"])
    return as_file(_dated(grid, [moment.strftime(form) for moment in _moments(grid)]), grid)


def dates_in_two_formats(grid: Grid, rng: random.Random) -> Changed:
    one, other = rng.sample(_FORMS[:9], 2)
    start = rng.randrange(1, len(grid.rows))
    texts = [moment.strftime(one if n < start else other) for n, moment in enumerate(_moments(grid))]
    right = () if any(moment.hour for moment in _moments(grid)) else (grid,)
    return as_file(_dated(grid, texts), *right)


def dates_since_1970(grid: Grid, rng: random.Random) -> Changed:
    unit = rng.choice([1, 1000, 10**6, 10**9])
    texts = [str(int(moment.replace(tzinfo=UTC).timestamp()) * unit) for moment in _moments(grid)]
    return as_file(_dated(grid, texts), grid)


def dates_since_1970_in_two_units(grid: Grid, rng: random.Random) -> Changed:
    one, other = rng.sample([1, 1000, 10**6, 10**9], 2)
    start = rng.randrange(1, len(grid.rows))
    texts = [
        str(int(moment.replace(tzinfo=UTC).timestamp()) * (one if n < start else other))
        for n, moment in enumerate(_moments(grid))
    ]
    return as_file(_dated(grid, texts), grid)


def dates_with_offsets(grid: Grid, rng: random.Random) -> Changed:
    """Local midnight with an offset, which daylight saving time may change; or UTC."""
    zone = rng.choice(["America/New_York", "Europe/Berlin", "Asia/Tokyo"])
    moments = [pd.Timestamp(moment) + timedelta(days=45) for moment in _moments(grid)]
    shifted = _dated(grid, [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments])
    if len(grid.date) > 1:
        fields = {place - 1: name for place, name in grid.fields.items()}
        shifted = replace(shifted, date=(grid.date[0],), fields=fields)
    if any(moment.hour for moment in moments):
        zone = "UTC"
    texts = [str(moment.tz_localize(zone)) for moment in moments]
    return as_file(_dated(grid, texts), replace(shifted, read="%Y-%m-%d %H:%M:%S"))


def a_date_broken(grid: Grid, rng: random.Random) -> Changed:
    n = rng.randrange(len(grid.rows))
    rows = [list(row) for row in grid.rows]
    rows[n][grid.date[0]] = rng.choice(["", "soon", "2022-13-45", "0", "2022-02-30", "22", "99999999"])
    return as_file(with_rows(grid, rows))


CELL_CHANGES: tuple[Callable[[Grid, random.Random], Changed], ...] = (
    columns_shuffled, a_column_left_out, a_column_twice, two_names_swapped, a_name_unknown,
    all_names_unknown, names_in_other_case, names_of_another_vendor, labels_of_rows, an_empty_column,
    levels_swapped, a_level_twice, words_for_missing, a_word_among_numbers, other_units_from_a_row_on,
    numbers_written_otherwise, dates_written_otherwise, dates_in_two_formats, dates_since_1970,
    dates_since_1970_in_two_units, dates_with_offsets, a_date_broken,
)  # fmt: skip
"""Functions of a layout and a random generator."""
