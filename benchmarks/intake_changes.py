"""What happens to files on their way: each change makes another file, and says what may be read from it."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
from intake_files import Changed, Grid, with_rows

__all__ = ["GRID_CHANGES"]


def _as(grid: Grid, *right: Grid, encoding: str = "utf-8") -> Changed:
    return Changed(grid.text().encode(encoding), right)


# The file as bytes


def truncated(grid: Grid, rng: random.Random) -> Changed:
    content = grid.text().encode()
    end = rng.randrange(len(content) // 3, len(content))
    lines = content[:end].count(b"\n")
    return Changed(content[:end], (with_rows(grid, grid.rows[: lines - len(grid.header)]),))


def truncated_after_a_line(grid: Grid, rng: random.Random) -> Changed:
    keep = rng.randrange(len(grid.rows) // 3, len(grid.rows))
    cut = with_rows(grid, grid.rows[:keep])
    return _as(cut, cut)


def re_encoded(grid: Grid, rng: random.Random) -> Changed:
    encoding = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "gb18030", "cp1252"])
    try:
        return _as(grid, grid, encoding=encoding)
    except UnicodeEncodeError:
        return _as(grid, grid, encoding="gb18030")


def accents_in_a_legacy_encoding(grid: Grid, rng: random.Random) -> Changed:
    if grid.asset is None:
        return _as(grid, grid, encoding="utf-8-sig")
    if grid.name == "CRSP":
        return _as(grid, grid, encoding="utf-8-sig")
    words = {
        name: name[0] + rng.choice("éüöçñ") + name[1:] for name in {row[grid.asset] for row in grid.rows}
    }
    rows = [[words[c] if k == grid.asset else c for k, c in enumerate(row)] for row in grid.rows]
    accented = with_rows(grid, rows)
    return _as(accented, accented, encoding=rng.choice(["latin-1", "cp1252", "utf-8", "utf-16"]))


def other_line_ends(grid: Grid, rng: random.Random) -> Changed:
    return Changed(grid.text().replace("\n", rng.choice(["\r\n", "\r"])).encode(), (grid,))


def a_null_byte(grid: Grid, rng: random.Random) -> Changed:
    content = bytearray(grid.text().encode())
    content.insert(rng.randrange(len(content)), 0)
    return Changed(bytes(content), (grid,))


def a_stray_character(grid: Grid, rng: random.Random) -> Changed:
    text = grid.text()
    place = rng.randrange(len(with_rows(grid, ()).text()), len(text))
    return Changed((text[:place] + rng.choice(";\"'#? \t|$%") + text[place:]).encode(), (grid,))


# Separators, quotes, marks


def another_separator(grid: Grid, rng: random.Random) -> Changed:
    changed = replace(grid, separator=rng.choice(";\t| :"))
    return _as(changed, grid)


def another_separator_in_the_rows(grid: Grid, rng: random.Random) -> Changed:
    rows = replace(grid, header=(), separator=rng.choice(";\t|")).text()
    return Changed((with_rows(grid, ()).text() + rows).encode())


def another_separator_from_a_row_on(grid: Grid, rng: random.Random) -> Changed:
    lines = grid.text().split("\n")
    start = rng.randrange(1, len(lines) - 1)
    return Changed("\n".join([*lines[:start], *(line.replace(",", ";") for line in lines[start:])]).encode())


def decimal_commas(grid: Grid, rng: random.Random) -> Changed:
    """With semicolons, or in quotes between commas."""
    rows = [[c.replace(".", ",") if k in grid.fields else c for k, c in enumerate(row)] for row in grid.rows]
    return _as(replace(with_rows(grid, rows), separator=rng.choice(";,\t")), grid)


def decimal_commas_without_quotes(grid: Grid, _rng: random.Random) -> Changed:
    rows = [
        ",".join(c.replace(".", ",") if k in grid.fields else c for k, c in enumerate(r)) for r in grid.rows
    ]
    return Changed((with_rows(grid, ()).text() + "\n".join(rows) + "\n").encode())


def decimal_commas_from_a_row_on(grid: Grid, rng: random.Random) -> Changed:
    start = rng.randrange(1, len(grid.rows))
    rows = [
        [c.replace(".", ",") if k in grid.fields and n >= start else c for k, c in enumerate(row)]
        for n, row in enumerate(grid.rows)
    ]
    return _as(with_rows(grid, rows), grid)


def thousands_separators(grid: Grid, rng: random.Random) -> Changed:
    mark = rng.choice([",", " ", "'"])
    rows = [
        [
            f"{int(c):,}".replace(",", mark) if k in grid.fields and c.isdigit() else c
            for k, c in enumerate(row)
        ]
        for row in grid.rows
    ]
    return _as(with_rows(grid, rows), grid)


def units_after_numbers(grid: Grid, rng: random.Random) -> Changed:
    """Volumes in thousands, said so by a K; from some row on, or all."""
    start = rng.choice([0, len(grid.rows) // 2])
    rows = [
        [
            f"{int(c) / 1000:.3f}K" if k in grid.fields and c.isdigit() and n >= start else c
            for k, c in enumerate(row)
        ]
        for n, row in enumerate(grid.rows)
    ]
    return _as(with_rows(grid, rows), grid)


def quotes_everywhere(grid: Grid, _rng: random.Random) -> Changed:
    lines = [*grid.header, *grid.rows]
    return Changed("".join(",".join(f'"{c}"' for c in line) + "\n" for line in lines).encode(), (grid,))


def blanks_around_cells(grid: Grid, rng: random.Random) -> Changed:
    pad = rng.choice([" {}", "{} ", "  {} "])
    header = tuple(tuple(pad.format(c) if c else c for c in line) for line in grid.header)
    rows = [[pad.format(c) if c else c for c in row] for row in grid.rows]
    return _as(replace(with_rows(grid, rows), header=header), grid)


def a_separator_at_line_ends(grid: Grid, rng: random.Random) -> Changed:
    lines = grid.text().split("\n")
    kept = len(grid.header) if rng.random() < 0.3 else 0
    return Changed(
        "\n".join(line + "," if line and n >= kept else line for n, line in enumerate(lines)).encode(),
        (grid,),
    )


# Lines


def no_header(grid: Grid, _rng: random.Random) -> Changed:
    return _as(replace(grid, header=()))


def a_header_again(grid: Grid, rng: random.Random) -> Changed:
    lines = grid.text().split("\n")
    lines.insert(rng.randrange(2, len(lines) - 1), lines[0])
    return Changed("\n".join(lines).encode(), (grid,))


def words_before_the_header(grid: Grid, rng: random.Random) -> Changed:
    first = rng.choice(["# made by a program", "https://www.example.com", "sep=,", "Daily prices", ""])
    return Changed((first + "\n" + grid.text()).encode(), (grid,))


def a_footer(grid: Grid, rng: random.Random) -> Changed:
    return Changed(
        (grid.text() + rng.choice(["Total,1,2\n", "Source: a vendor\n", "\n\n", "# end\n"])).encode(), (grid,)
    )


def units_under_the_header(grid: Grid, rng: random.Random) -> Changed:
    units = tuple(rng.choice(["USD", "EUR", "shares", "", "unit"]) for _ in grid.header[0])
    return _as(replace(grid, header=(*grid.header, units)), grid)


def blank_lines(grid: Grid, rng: random.Random) -> Changed:
    lines = grid.text().split("\n")
    lines.insert(rng.choice([0, 1, len(lines) // 2, len(lines) - 1]), "")
    return Changed("\n".join(lines).encode(), (grid,))


def a_row_twice(grid: Grid, rng: random.Random) -> Changed:
    rows = list(grid.rows)
    rows.insert(rng.randrange(len(rows)), rng.choice(rows))
    return _as(with_rows(grid, rows))


def rows_shuffled(grid: Grid, rng: random.Random) -> Changed:
    return _as(with_rows(grid, rng.sample(grid.rows, len(grid.rows))), grid)


def newest_first(grid: Grid, _rng: random.Random) -> Changed:
    return _as(with_rows(grid, grid.rows[::-1]), grid)


def rows_left_out(grid: Grid, rng: random.Random) -> Changed:
    fewer = with_rows(grid, [row for row in grid.rows if rng.random() < 0.9])
    return _as(fewer, fewer)


# Columns and names


def columns_shuffled(grid: Grid, rng: random.Random) -> Changed:
    order = rng.sample(range(len(grid.rows[0])), len(grid.rows[0]))
    header = tuple(tuple(line[k] for k in order) for line in grid.header)
    return _as(replace(with_rows(grid, [[row[k] for k in order] for row in grid.rows]), header=header), grid)


def a_column_left_out(grid: Grid, rng: random.Random) -> Changed:
    gone = rng.randrange(len(grid.rows[0]))
    header = tuple(tuple(c for k, c in enumerate(line) if k != gone) for line in grid.header)
    fewer = replace(
        with_rows(grid, [[c for k, c in enumerate(row) if k != gone] for row in grid.rows]), header=header
    )
    if gone in grid.date or (gone == grid.asset and grid.name != "CRSP"):
        return _as(fewer)
    if grid.name == "CRSP" and gone == grid.asset:
        return _as(fewer, replace(grid, asset=2))
    if gone not in grid.fields:
        return _as(fewer, grid)
    if grid.name == "CRSP":  # without a price, VOL may be volatility, and keeps its name
        return _as(fewer, replace(grid, fields={3: "close"} if gone == 4 else {4: "vol"}))
    return _as(fewer, replace(grid, fields={k: name for k, name in grid.fields.items() if k != gone}))


def a_column_twice(grid: Grid, rng: random.Random) -> Changed:
    again = rng.randrange(len(grid.rows[0]))
    header = tuple((*line, line[again]) for line in grid.header)
    return _as(replace(with_rows(grid, [(*row, row[again]) for row in grid.rows]), header=header))


def two_names_swapped(grid: Grid, rng: random.Random) -> Changed:
    """A header that lies: the columns are then what it says, or it is noticed."""
    one, other = rng.sample(range(len(grid.header[0])), 2)
    lines = [list(line) for line in grid.header]
    for line in lines:
        line[one], line[other] = line[other], line[one]
    lying = replace(grid, header=tuple(map(tuple, lines)))
    if one in grid.fields and other in grid.fields:
        fields = grid.fields | {one: grid.fields[other], other: grid.fields[one]}
        pairs = grid.pairs | {one: grid.pairs[other], other: grid.pairs[one]} if grid.pairs else {}
        return _as(lying, replace(grid, fields=fields, pairs=pairs))
    return _as(lying)


def a_name_unknown(grid: Grid, rng: random.Random) -> Changed:
    place = rng.randrange(len(grid.header[0]))
    header = list(grid.header[0])
    header[place] = rng.choice(["Foo", "kolom", "X1", "wert"])
    named = replace(grid, header=(tuple(header), *grid.header[1:]))
    if grid.pairs:
        return _as(named, *([] if place else [grid]))
    if place in grid.fields:
        name = header[place] if grid.wide else header[place].lower()
        fields = grid.fields | {place: name}
        # Without a price, VOL may be volatility, and keeps its name.
        return _as(named, replace(grid, fields=fields), replace(grid, fields=fields | {4: "vol"}))
    return _as(named, grid)


def all_names_unknown(grid: Grid, rng: random.Random) -> Changed:
    words = ["alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
    header = [words[k] for k in range(len(grid.header[0]))]
    header[grid.date[0]] = rng.choice(["date", "when"])
    named = replace(grid, header=(tuple(header), *grid.header[1:]))
    if grid.wide:
        return _as(named, replace(grid, fields={k: header[k] for k in grid.fields}))
    return _as(named, grid)


def names_in_other_case(grid: Grid, rng: random.Random) -> Changed:
    case: Callable[[str], str] = rng.choice([str.upper, str.lower, str.title])
    if grid.wide:
        header = tuple(c if k in grid.fields else case(c) for k, c in enumerate(grid.header[0]))
    else:
        header = tuple(case(c) for c in grid.header[0])
    return _as(replace(grid, header=(header, *grid.header[1:])), grid)


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
    return _as(replace(grid, header=(header,)), grid)


def labels_of_rows(grid: Grid, rng: random.Random) -> Changed:
    """The index that pandas writes: of all rows, of filtered ones, of sorted ones."""
    numbers = list(range(len(grid.rows)))
    kind = rng.choice(["counting", "filtered", "shuffled"])
    if kind == "filtered":
        numbers = [3 * n + 1 for n in numbers]
    if kind == "shuffled":
        rng.shuffle(numbers)
    name = rng.choice(["", "Unnamed: 0", "index"]) if kind != "shuffled" else rng.choice(["", "Unnamed: 0"])
    header = ((name, *grid.header[0]), *(("", *line) for line in grid.header[1:]))
    rows = [(str(n), *row) for n, row in zip(numbers, grid.rows, strict=True)]
    return _as(replace(with_rows(grid, rows), header=header), grid)


def an_empty_column(grid: Grid, rng: random.Random) -> Changed:
    header = tuple((*line, rng.choice(["", "beta"]) if not n else "") for n, line in enumerate(grid.header))
    empty = replace(with_rows(grid, [(*row, "") for row in grid.rows]), header=header)
    if grid.wide and header[0][-1]:
        return _as(empty)
    return _as(empty, grid)


def levels_swapped(grid: Grid, _rng: random.Random) -> Changed:
    if not grid.pairs:
        return _as(grid, grid)
    first, second, *rest = grid.header
    return _as(replace(grid, header=(second, first, *rest)), grid)


def a_level_twice(grid: Grid, rng: random.Random) -> Changed:
    """One row of names once more, or with the labels of another column."""
    if not grid.pairs:
        return a_column_twice(grid, rng)
    if rng.random() < 0.5:
        return _as(replace(grid, header=(grid.header[0], *grid.header)))
    lines = [list(line) for line in grid.header]
    for line in lines:
        line[2] = line[1]
    return _as(replace(grid, header=tuple(map(tuple, lines))))


# Cells


def words_for_missing(grid: Grid, rng: random.Random) -> Changed:
    word = rng.choice(["NA", "-", "null", "NaN", "#N/A", "n.a.", "--", "."])
    cells = {(rng.randrange(len(grid.rows)), rng.choice(list(grid.fields))) for _ in range(5)}

    def filled(text: str) -> Grid:
        return with_rows(
            grid,
            [[text if (n, k) in cells else c for k, c in enumerate(row)] for n, row in enumerate(grid.rows)],
        )

    return _as(filled(word), filled(""))


def a_word_among_numbers(grid: Grid, rng: random.Random) -> Changed:
    n, k = rng.randrange(len(grid.rows)), rng.choice(list(grid.fields))
    rows = [list(row) for row in grid.rows]
    rows[n][k] = rng.choice(["halted", "12.3.4", "1,2,3,4", "0x1F", "12 34 5", "1e", "(5.0)", "-5", "0"])
    is_price = grid.wide or (grid.pairs[k][0] if grid.pairs else grid.fields[k]) != "volume"
    if rows[n][k] == "0" and not is_price:
        return _as(with_rows(grid, rows), with_rows(grid, rows))
    return _as(with_rows(grid, rows))


def other_units_from_a_row_on(grid: Grid, rng: random.Random) -> Changed:
    """Prices in cents, volumes in thousands, or volumes alone; not from an asset's first row on."""
    start = rng.randrange(5, len(grid.rows) - 5)
    start += 5 * (start % 40 < 5)
    factor = rng.choice([100, 1000, 0.01])
    alone = [k for k in grid.fields if (grid.pairs[k][0] if grid.pairs else grid.fields[k]) == "volume"]
    where = set(alone if alone and not grid.wide and rng.random() < 0.5 else grid.fields)
    rows = [
        [f"{float(c) * factor:.6g}" if k in where and c and n >= start else c for k, c in enumerate(row)]
        for n, row in enumerate(grid.rows)
    ]
    return _as(with_rows(grid, rows))


def numbers_written_otherwise(grid: Grid, rng: random.Random) -> Changed:
    form = rng.choice(["{:e}", "{:+}", "{:.10f}", "${}", "{} "])

    def written(cell: str) -> str:
        return form.format(float(cell) if "}" not in form or (form[0] == "{" and form != "{} ") else cell)

    rows = [[written(c) if k in grid.fields and c else c for k, c in enumerate(row)] for row in grid.rows]
    same_values = [
        [str(float(c.replace("$", ""))) if k in grid.fields and c.strip() else c for k, c in enumerate(r)]
        for r in rows
    ]
    return _as(with_rows(grid, rows), with_rows(grid, same_values))


# Dates


def _moments(grid: Grid) -> list[datetime]:
    parsed = [grid._date(" ".join(row[place] for place in grid.date)) for row in grid.rows]
    return [pd.Timestamp(each).to_pydatetime() for each in parsed]


def _dated(grid: Grid, texts: list[str]) -> Grid:
    """Other texts of dates, in one column."""
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
    return _as(_dated(grid, [moment.strftime(form) for moment in _moments(grid)]), grid)


def dates_in_two_formats(grid: Grid, rng: random.Random) -> Changed:
    one, other = rng.sample(_FORMS[:9], 2)
    start = rng.randrange(1, len(grid.rows))
    texts = [moment.strftime(one if n < start else other) for n, moment in enumerate(_moments(grid))]
    right = () if any(moment.hour for moment in _moments(grid)) else (grid,)
    return _as(_dated(grid, texts), *right)


def dates_since_1970(grid: Grid, rng: random.Random) -> Changed:
    unit = rng.choice([1, 1000, 10**6, 10**9])
    texts = [str(int(moment.replace(tzinfo=UTC).timestamp()) * unit) for moment in _moments(grid)]
    return _as(_dated(grid, texts), grid)


def dates_since_1970_in_two_units(grid: Grid, rng: random.Random) -> Changed:
    one, other = rng.sample([1, 1000, 10**6, 10**9], 2)
    start = rng.randrange(1, len(grid.rows))
    texts = [
        str(int(moment.replace(tzinfo=UTC).timestamp()) * (one if n < start else other))
        for n, moment in enumerate(_moments(grid))
    ]
    return _as(_dated(grid, texts), grid)


def dates_with_offsets(grid: Grid, rng: random.Random) -> Changed:
    """Local midnight with an offset, the same or changing with the clocks; or in UTC."""
    zone = rng.choice(["America/New_York", "Europe/Berlin", "Asia/Tokyo"])
    moments = [pd.Timestamp(moment) + timedelta(days=45) for moment in _moments(grid)]
    shifted = _dated(grid, [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments])
    if len(grid.date) > 1:
        fields = {place - 1: name for place, name in grid.fields.items()}
        shifted = replace(shifted, date=(grid.date[0],), fields=fields)
    if any(moment.hour for moment in moments):
        zone = "UTC"
    texts = [str(moment.tz_localize(zone)) for moment in moments]
    return _as(_dated(grid, texts), replace(shifted, read="%Y-%m-%d %H:%M:%S"))


def a_date_broken(grid: Grid, rng: random.Random) -> Changed:
    n = rng.randrange(len(grid.rows))
    rows = [list(row) for row in grid.rows]
    rows[n][grid.date[0]] = rng.choice(["", "soon", "2022-13-45", "0", "2022-02-30", "22", "99999999"])
    return _as(with_rows(grid, rows))


GRID_CHANGES: tuple[Callable[[Grid, random.Random], Changed], ...] = (
    truncated, truncated_after_a_line, re_encoded, accents_in_a_legacy_encoding, other_line_ends, a_null_byte,
    a_stray_character, another_separator, another_separator_in_the_rows, another_separator_from_a_row_on,
    decimal_commas, decimal_commas_without_quotes, decimal_commas_from_a_row_on, thousands_separators,
    units_after_numbers, quotes_everywhere, blanks_around_cells, a_separator_at_line_ends, no_header,
    a_header_again, words_before_the_header, a_footer, units_under_the_header, blank_lines, a_row_twice,
    rows_shuffled, newest_first, rows_left_out, columns_shuffled, a_column_left_out, a_column_twice,
    two_names_swapped, a_name_unknown, all_names_unknown, names_in_other_case, names_of_another_vendor,
    labels_of_rows, an_empty_column, levels_swapped, a_level_twice, words_for_missing, a_word_among_numbers,
    other_units_from_a_row_on, numbers_written_otherwise, dates_written_otherwise, dates_in_two_formats,
    dates_since_1970, dates_since_1970_in_two_units, dates_with_offsets, a_date_broken,
)  # fmt: skip
