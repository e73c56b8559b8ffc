"""Alpha158 with Qlib's conventions agrees with pyqlib.

`alpha158.npz` contains simulated bars (gaps, a late beginning, a halted asset, few ticks, missing volumes)
and the values of pyqlib 0.9.7 on them. It was written by `benchmarks/peers/alpha158.py`. pyqlib works in
float32 between fields and rounds its logarithms to float32, so the reference rounds every node too. The
tolerance is relative to the value plus a tenth of the median of the column, because a relative tolerance is
meaningless near 0.
"""

from pathlib import Path

import numpy as np
import pytest

from quarva.karva import parse
from quarva.panel import Panel

from .machines import ENGINES

STORED = np.load(Path(__file__).with_name("alpha158.npz"))
NAMES = [str(name) for name in STORED["names"]]
FIELDS = ("open", "high", "low", "close", "volume", "vwap")


def bars() -> Panel:
    fields = {name: STORED[name] for name in FIELDS}
    assets = [str(name) for name in STORED["assets"]]
    return Panel.from_arrays(fields, STORED["dates"], assets).with_conventions("qlib")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", sorted({name.rstrip("0123456789") for name in NAMES}))
def test_columns_agree_with_pyqlib(kind: str, engine: str) -> None:
    columns = [k for k, name in enumerate(NAMES) if name.rstrip("0123456789") == kind]
    for k in columns:
        formula = parse(str(STORED["formulas"][k]), "qlib")
        got = ENGINES[engine](formula, bars())
        correct = STORED["values"][k].astype(float)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(correct), err_msg=NAMES[k])
        bound = 1e-4 * (np.abs(correct) + 0.1 * np.nanmedian(np.abs(correct)))
        present = ~np.isnan(correct)
        assert (np.abs(got - correct) <= bound)[present].all(), NAMES[k]


def test_the_stored_columns_contain_difficult_cases() -> None:
    values, panel = STORED["values"], bars()
    assert values.shape == (158, *panel.shape)
    assert len(set(NAMES)) == 158
    assert (panel.field("volume") == 0).sum() == 40
    halted = NAMES.index("CORR20")
    assert np.isnan(values[halted, 80, 4])
    assert not np.isnan(values[halted, 45, 4])
    assert 0.02 < np.isnan(values).mean() < 0.2


def test_the_example_file_has_the_same_formulas() -> None:
    path = Path(__file__).parents[3] / "examples" / "alphas" / "alpha158.txt"
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    written = dict(line.split(" = ", 1) for line in lines)
    assert list(written) == NAMES
    assert list(written.values()) == [str(formula) for formula in STORED["formulas"]]
