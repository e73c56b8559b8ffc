"""Alpha158 by Qlib's conventions has pyqlib's values.

`alpha158.npz` holds simulated bars (gaps, a late beginning, a halted asset, few ticks, missing volumes) and
what pyqlib 0.9.7 made of them; `benchmarks/alpha158_peer.py` wrote it. pyqlib works in float32 between
fields and rounds its logarithms to it, so the reference rounds every node, as a kernel does. Near 0 a
relative bound says nothing: there a difference counts against a tenth of what is usual in the column.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from quarva.engine.reference import signals
from quarva.karva import parse
from quarva.panel import Panel

STORED = np.load(Path(__file__).with_name("alpha158.npz"))
NAMES = [str(name) for name in STORED["names"]]
FIELDS = ("open", "high", "low", "close", "volume", "vwap")


def bars() -> Panel:
    fields = {name: STORED[name] for name in FIELDS}
    assets = [str(name) for name in STORED["assets"]]
    return Panel.from_arrays(fields, STORED["dates"], assets).with_conventions("qlib")


@pytest.mark.parametrize("kind", sorted({name.rstrip("0123456789") for name in NAMES}))
def test_columns_are_those_of_pyqlib(kind: str) -> None:
    places = [place for place, name in enumerate(NAMES) if name.rstrip("0123456789") == kind]
    for place in places:
        formula = parse(str(STORED["formulas"][place]), "qlib")
        got = signals(formula, bars(), storage=torch.float32).numpy()
        want = STORED["values"][place].astype(float)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=NAMES[place])
        bound = 1e-4 * (np.abs(want) + 0.1 * np.nanmedian(np.abs(want)))
        there = ~np.isnan(want)
        assert (np.abs(got - want) <= bound)[there].all(), NAMES[place]


def test_the_stored_columns_ask_something() -> None:
    values, panel = STORED["values"], bars()
    assert values.shape == (158, *panel.shape)
    assert len(set(NAMES)) == 158
    assert (panel.field("volume") == 0).sum() == 40
    halted = NAMES.index("CORR20")
    assert np.isnan(values[halted, 80, 4])
    assert not np.isnan(values[halted, 45, 4])
    assert 0.02 < np.isnan(values).mean() < 0.2


def test_the_example_file_holds_the_same_formulas() -> None:
    path = Path(__file__).parents[3] / "examples" / "alphas" / "alpha158.txt"
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    written = dict(line.split(" = ", 1) for line in lines)
    assert list(written) == NAMES
    assert list(written.values()) == [str(formula) for formula in STORED["formulas"]]
