"""Changes of a file's text (bytes, separators, quotes, lines), each with the right readings of the result."""

import random
from collections.abc import Callable
from dataclasses import replace

from intake.files import Changed, Grid, as_file, with_rows

__all__ = ["TEXT_CHANGES"]


# The file as bytes


def truncated(grid: Grid, rng: random.Random) -> Changed:
    content = grid.text().encode()
    end = rng.randrange(len(content) // 3, len(content))
    lines = content[:end].count(b"\n")
    return Changed(content[:end], (with_rows(grid, grid.rows[: lines - len(grid.header)]),))


def truncated_after_a_line(grid: Grid, rng: random.Random) -> Changed:
    keep = rng.randrange(len(grid.rows) // 3, len(grid.rows))
    cut = with_rows(grid, grid.rows[:keep])
    return as_file(cut, cut)


def re_encoded(grid: Grid, rng: random.Random) -> Changed:
    encoding = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "gb18030", "cp1252"])
    try:
        return as_file(grid, grid, encoding=encoding)
    except UnicodeEncodeError:
        return as_file(grid, grid, encoding="gb18030")


def accents_in_a_legacy_encoding(grid: Grid, rng: random.Random) -> Changed:
    if grid.asset is None:
        return as_file(grid, grid, encoding="utf-8-sig")
    if grid.name == "CRSP":
        return as_file(grid, grid, encoding="utf-8-sig")
    words = {
        name: name[0] + rng.choice("éüöçñ") + name[1:] for name in {row[grid.asset] for row in grid.rows}
    }
    rows = [[words[c] if k == grid.asset else c for k, c in enumerate(row)] for row in grid.rows]
    accented = with_rows(grid, rows)
    return as_file(accented, accented, encoding=rng.choice(["latin-1", "cp1252", "utf-8", "utf-16"]))


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
    return as_file(changed, grid)


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
    return as_file(replace(with_rows(grid, rows), separator=rng.choice(";,\t")), grid)


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
    return as_file(with_rows(grid, rows), grid)


def thousands_separators(grid: Grid, rng: random.Random) -> Changed:
    mark = rng.choice([",", " ", "'"])
    rows = [
        [
            f"{int(c):,}".replace(",", mark) if k in grid.fields and c.isdigit() else c
            for k, c in enumerate(row)
        ]
        for row in grid.rows
    ]
    return as_file(with_rows(grid, rows), grid)


def units_after_numbers(grid: Grid, rng: random.Random) -> Changed:
    """Volumes in thousands, marked by a K, from some row on or in all rows."""
    start = rng.choice([0, len(grid.rows) // 2])
    rows = [
        [
            f"{int(c) / 1000:.3f}K" if k in grid.fields and c.isdigit() and n >= start else c
            for k, c in enumerate(row)
        ]
        for n, row in enumerate(grid.rows)
    ]
    return as_file(with_rows(grid, rows), grid)


def quotes_everywhere(grid: Grid, _rng: random.Random) -> Changed:
    lines = [*grid.header, *grid.rows]
    return Changed("".join(",".join(f'"{c}"' for c in line) + "\n" for line in lines).encode(), (grid,))


def blanks_around_cells(grid: Grid, rng: random.Random) -> Changed:
    pad = rng.choice([" {}", "{} ", "  {} "])
    header = tuple(tuple(pad.format(c) if c else c for c in line) for line in grid.header)
    rows = [[pad.format(c) if c else c for c in row] for row in grid.rows]
    return as_file(replace(with_rows(grid, rows), header=header), grid)


def a_separator_at_line_ends(grid: Grid, rng: random.Random) -> Changed:
    lines = grid.text().split("\n")
    kept = len(grid.header) if rng.random() < 0.3 else 0
    return Changed(
        "\n".join(line + "," if line and n >= kept else line for n, line in enumerate(lines)).encode(),
        (grid,),
    )


# Lines


def no_header(grid: Grid, _rng: random.Random) -> Changed:
    return as_file(replace(grid, header=()))


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
    return as_file(replace(grid, header=(*grid.header, units)), grid)


def blank_lines(grid: Grid, rng: random.Random) -> Changed:
    lines = grid.text().split("\n")
    lines.insert(rng.choice([0, 1, len(lines) // 2, len(lines) - 1]), "")
    return Changed("\n".join(lines).encode(), (grid,))


def a_row_twice(grid: Grid, rng: random.Random) -> Changed:
    rows = list(grid.rows)
    rows.insert(rng.randrange(len(rows)), rng.choice(rows))
    return as_file(with_rows(grid, rows))


def rows_shuffled(grid: Grid, rng: random.Random) -> Changed:
    return as_file(with_rows(grid, rng.sample(grid.rows, len(grid.rows))), grid)


def newest_first(grid: Grid, _rng: random.Random) -> Changed:
    return as_file(with_rows(grid, grid.rows[::-1]), grid)


def rows_left_out(grid: Grid, rng: random.Random) -> Changed:
    fewer = with_rows(grid, [row for row in grid.rows if rng.random() < 0.9])
    return as_file(fewer, fewer)


TEXT_CHANGES: tuple[Callable[[Grid, random.Random], Changed], ...] = (
    truncated, truncated_after_a_line, re_encoded, accents_in_a_legacy_encoding, other_line_ends,
    a_null_byte, a_stray_character, another_separator, another_separator_in_the_rows,
    another_separator_from_a_row_on, decimal_commas, decimal_commas_without_quotes,
    decimal_commas_from_a_row_on, thousands_separators, units_after_numbers, quotes_everywhere,
    blanks_around_cells, a_separator_at_line_ends, no_header, a_header_again, words_before_the_header,
    a_footer, units_under_the_header, blank_lines, a_row_twice, rows_shuffled, newest_first,
    rows_left_out,
)  # fmt: skip
"""Functions of a layout and a random generator."""
