"""Part d: all columns of Alpha158 on real bars, compared with pyqlib's engine and a pandas version.

`peers/alpha158.py` runs in a Python that has pyqlib. It writes the bars in pyqlib's binary format, computes
the 158 columns with pyqlib and with pandas, and returns seconds and values.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from engine.part import Asked, Result, Row, Shown
from measuring.stopwatch import median_seconds
from peers.answers import answer_of
from quarva import Panel, engine
from quarva.engine.operations import expression_operations
from quarva.karva import Expression, parse

__all__ = ["alpha158"]

FIELDS = ("open", "high", "low", "close", "volume", "vwap")
BOUND = 1e-4  # goal for the relative difference
LEAST = 1e-6  # smallest divisor of a relative difference


def real_bars(asked: Asked) -> Panel:
    """Return 1,000 days of the stocks, with (high + low + close) / 3 as vwap, which the file lacks."""
    whole = Panel.read(asked.bars, fields=FIELDS[:-1])
    days, assets = asked.size(1_000, 100), asked.size(500, 10)
    values = {name: whole.field(name)[:days, :assets] for name in FIELDS[:-1]}
    values["vwap"] = (values["high"] + values["low"] + values["close"]) / np.float32(3)
    return Panel.from_arrays(values, whole.dates[:days], whole.assets[:assets])


def theirs(asked: Asked, panel: Panel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the peers' answer and their columns, float32[158, days, assets]."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fields = {field: panel.field(field) for field in FIELDS}
        np.savez(folder / "bars.npz", **fields, dates=panel.dates, assets=np.array(panel.assets))
        words = [folder, "--repeats", asked.size(asked.repeats, 1), "--ways", "qlib,pandas"]
        said = answer_of(asked.qlib_python, "alpha158.py", *words)
        return said, {way: np.load(folder / f"{way}.npy") for way in ("qlib", "pandas")}


def apart(own: np.ndarray, other: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Compare all columns: differences relative to the value and to the column's deviation, NaN cells."""
    here, there = np.isfinite(own), np.isfinite(other)
    both = here & there
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where(both, np.abs(own.astype(np.float64) - other), 0.0)
    relative = difference / np.maximum(np.abs(np.where(both, other, 0.0)), LEAST)
    worst = relative.max(axis=(1, 2))
    columns = zip(other, both, strict=True)
    spread = [float(np.std(column[at], dtype=np.float64)) or 1.0 for column, at in columns]
    of_spread = difference.max(axis=(1, 2)) / spread
    return {
        "largest": float(worst.max()), "column": names[worst.argmax()], "columns": int((worst > BOUND).sum()),
        "above": int((relative > BOUND).sum()), "cells": int(both.sum()),
        "of_spread": float(of_spread.max()), "widest": names[of_spread.argmax()],
        "nan_here": int((there & ~here).sum()), "nan_there": int((here & ~there).sum()),
    }  # fmt: skip


def own_columns(trees: list[Expression], panel: Panel, threads: int) -> np.ndarray:
    """Compute all columns, from trees to values."""
    return engine.signals(engine.Program.from_expressions(trees), panel, threads)


def alpha158(asked: Asked, before: dict) -> Result:
    """Part d."""
    panel = real_bars(asked)
    if before:
        said, columns = before, {}
    elif asked.qlib_python:
        said, columns = theirs(asked, panel)
    else:
        return Result([Row("Alpha158, 158 columns", "pyqlib", "not measured", "not measured")], [], NO_PEER)
    trees = [parse(text, "qlib") for text in said["fields"]]
    asked_for = panel.with_conventions("qlib")
    own = own_columns(trees, asked_for, asked.threads)
    took = median_seconds(asked.repeats, lambda: own_columns(trees, asked_for, asked.threads))
    said.setdefault("apart", {})
    for way, other in columns.items():
        said["apart"][way] = apart(own, other, said["names"])
    days, assets = panel.shape
    asking = sum(expression_operations(tree, assets) for tree in trees) * days * assets
    work = f"Alpha158, {len(trees)} columns written out, {assets} assets × {days:,} days"
    rows = [
        Row(work, way, f"{slow:.2f} s", f"{took:.3f} s", slow / took, "20×", asking / took, asked.threads)
        for way, slow in said["seconds"].items()
    ]
    lines = [
        [way, f"{each['largest']:.1e} ({each['column']})", f"{each['above']:,} in {each['columns']} columns",
         f"{each['of_spread']:.1e} ({each['widest']})", f"{each['cells']:,}", f"{each['nan_here']:,}",
         f"{each['nan_there']:,}"]
        for way, each in said["apart"].items()
    ]  # fmt: skip
    versions = ", ".join(f"{name} {version}" for name, version in said["versions"].items())
    return Result(
        rows,
        [Shown(HEADER, lines)],
        HOW.format(
            assets=assets,
            days=days,
            repeats=asked.repeats,
            least=LEAST,
        ),
        versions,
        said,
    )


HEADER = [
    "Quarva compared with", "largest relative difference", f"cells with one above {BOUND:.0e}",
    "largest difference, in standard deviations of its column", "cells compared", "NaN in Quarva only",
    "NaN there only",
]  # fmt: skip
NO_PEER = "Not measured in this run: there is no Python with pyqlib."
HOW = """\
All columns of pyqlib's `Alpha158` in its own notation, on {assets} stocks × {days:,} days of real bars; vwap,
which is not in the file, is (high + low + close) / 3. pyqlib: its expression engine on its binary files,
without caches. pandas: the same columns by rolling windows of a frame. Quarva: `Program.from_expressions` and
`engine.signals` with Qlib's conventions, median of {repeats}; the formulas are parsed beforehand.
Relative differences are relative to the peer's value, or to {least:.0e} if that is larger."""
