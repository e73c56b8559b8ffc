"""A table is computed in float64 only if float32 would round a column too coarsely."""

import numpy as np
import pytest

from quarva.errors import PanelError
from quarva.panel import Table
from quarva.panel.precision import rounding_error

RNG = np.random.default_rng(0)
ROWS = np.arange(200.0)
SMALL = RNG.normal(size=200)


@pytest.mark.parametrize(
    "column",
    [
        1.7e9 + ROWS,  # seconds since 1970
        1e6 + SMALL,
        -1e6 + SMALL,
        2.0**24 + ROWS,
        np.array([1.0, 2.0, 123_456_789.0]),
        20_240_101.0 + ROWS,
        1.0 + 1e-9 * SMALL,
    ],
)
def test_float32_rounds_large_offsets_and_large_integers(column):
    assert rounding_error(column) > 0


@pytest.mark.parametrize(
    "column",
    [
        SMALL,
        100 + 10 * SMALL,
        1e30 * SMALL,
        1e10 * SMALL,
        ROWS,
        1_990 + ROWS,
        2.0**24 * ROWS,  # integers that float32 holds
        np.full(200, 0.1),
        np.where(ROWS > 3, SMALL, np.nan),
        np.array([np.nan, np.inf, 1.0, 2.5]),
        np.array([1e300, 1.0, 2.5]),
        np.full(3, np.nan),
    ],
)
def test_float32_is_sufficient_for_all_other_columns(column):
    assert rounding_error(column) is None


def test_one_rounded_column_makes_the_table_float64_and_a_note_names_it():
    table = Table.from_arrays({"t": 1.7e9 + ROWS, "x": SMALL}, SMALL)
    assert table.panel.precision == "float64"
    assert table.panel.values.dtype == table.target.dtype == np.float64
    np.testing.assert_array_equal(table.panel.field("t")[0, :3], 1.7e9 + ROWS[:3])
    assert table.panel.notes == (
        "the table is computed in float64 because float32 would change 't' by up to 64",
    )


def test_a_target_that_float32_rounds_makes_the_table_float64():
    table = Table.from_arrays({"x": ROWS}, 2e10 + ROWS)
    assert table.panel.precision == "float64"
    assert "'the target'" in table.panel.notes[0]


def test_other_tables_stay_float32_without_a_note():
    table = Table.from_arrays({"x": SMALL, "n": ROWS}, 3 * SMALL)
    assert table.panel.precision == "float32"
    assert table.panel.values.dtype == table.target.dtype == np.float32
    assert table.panel.notes == ()


def test_a_column_that_varies_only_beyond_float32_is_not_constant(tmp_path):
    rows = "\n".join(f"{1_700_000_000 + k},{2 * k}" for k in range(20))
    (tmp_path / "t.csv").write_text(f"t,y\n{rows}\n")
    assert Table.read(tmp_path / "t.csv").panel.precision == "float64"


def test_tables_that_differ_beyond_float32_have_different_fingerprints():
    first, second = (Table.from_arrays({"t": 1.7e9 + ROWS + k}, SMALL).panel for k in (0, 1))
    assert first.fingerprint() != second.fingerprint()


def test_a_value_beyond_float32_is_refused_without_a_warning(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n3e40,4\n2,5\n")
    with pytest.raises(PanelError, match=r"row 2: column 'x' is infinite or exceeds 3\.4e38"):
        Table.read(tmp_path / "t.csv")
