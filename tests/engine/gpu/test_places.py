"""Memory layout of the nodes on the device: no value is overwritten while it has readers."""

import numpy as np
import pytest

from quarva.engine import Program
from quarva.engine.gpu.places import Places, chunk_of
from quarva.karva import parse
from quarva.karva.alphabet import FIELD
from quarva.karva.operators import OPERATORS


def places_of(program: Program, days: int, chunk: int) -> Places:
    operands = program.left, program.right, program.third
    return Places.of(program.offset, program.code, operands, program.param, days, chunk, False)


def reach(program: Program, node: int, days: int) -> int:
    """Days back that a node reads of its operands."""
    code, window = program.code[node], int(program.param[node])
    if code >= FIELD or not OPERATORS[code].windowed:
        return 0
    return min(OPERATORS[code].lookback(window), days)


def walk(program: Program, places: Places, days: int, chunk: int) -> None:
    """Run every formula with tags (node, day) instead of values, and check what each node reads."""
    for p in range(len(program)):
        head, end = program.offset[p], program.offset[p + 1]
        memory: dict[int, tuple[int, int]] = {}
        for t in range(0, days, chunk):
            for k in range(head, end):
                if program.code[k] == FIELD:
                    continue
                for day in range(t, min(t + chunk, days)):
                    for operand in (program.left[k], program.right[k], program.third[k]):
                        source = head + operand
                        if operand < 0 or program.code[source] == FIELD:
                            continue
                        for back in range(min(reach(program, k, days), day) + 1):
                            row = places.base[source] + ((day - back) & places.mask[source])
                            assert memory[row] == (source, day - back)
                for day in range(t, min(t + chunk, days)):
                    row = places.base[k] + (day & places.mask[k])
                    assert row < places.rows[p]
                    memory[row] = (k, day)


@pytest.mark.parametrize("chunk", [1, 4, 16])
def test_every_node_finds_the_days_that_it_reads(chunk, population):
    program = Program.from_population(population(150, seed=1, head=9, genes=2, windows=(2, 3, 7, 20)))
    walk(program, places_of(program, 45, chunk), 45, chunk)


def test_rows_are_reused_so_that_a_long_sum_takes_no_more_than_a_short_one():
    texts = ["(x + 1) * 2", "((((x + 1) * 2 + y) * 3 + x) * 4 + y) * 5"]
    program = Program.from_expressions([parse(text) for text in texts])
    short, long = places_of(program, 1000, 8).rows
    assert long == short <= 3 * 8


def test_a_window_longer_than_the_panel_takes_rows_for_the_panel_only():
    program = Program.from_expressions([parse("mean(x + 1, 10000)")])
    assert places_of(program, 100, 4).rows[0] <= 128 + 4


@pytest.mark.parametrize(
    ("days", "width", "chunk"), [(2000, 304, 8), (2000, 5008, 1), (2000, 32, 128), (1, 16, 1)]
)
def test_a_chunk_is_a_power_of_two_with_a_limited_number_of_cells(days, width, chunk):
    assert chunk_of(days, width) == chunk


def test_fields_are_read_directly_from_the_panel():
    program = Program.from_expressions([parse("x - y")])
    places = places_of(program, 50, 8)
    fields = program.code == FIELD
    np.testing.assert_array_equal(places.mask[fields], [-1, -1])
    np.testing.assert_array_equal(np.sort(places.base[fields]), [0, 50])
