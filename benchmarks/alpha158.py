"""Part d: Alpha158 on real bars, all columns written out, beside pyqlib's own engine and a pandas version.

`alpha158_peer.py` runs in a Python that has pyqlib: it writes the bars in pyqlib's binary form, asks pyqlib
for its 158 columns, computes them with pandas, and hands back seconds and values.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import peers
from part import Asked, Result, Row, Shown
from stopwatch import median_seconds

from quarva import Panel, engine
from quarva.engine.operations import expression_operations
from quarva.karva import Expression, parse

__all__ = ["alpha158"]

FIELDS = ("open", "high", "low", "close", "volume", "vwap")
BOUND = 1e-4  # relative difference that was asked for


def real_bars(asked: Asked) -> Panel:
    """The stocks, 1,000 days, with a vwap of (high + low + close) / 3, which the file lacks."""
    whole = Panel.read(asked.bars, fields=FIELDS[:-1])
    days, assets = asked.size(1_000, 100), asked.size(500, 10)
    values = {name: whole.field(name)[:days, :assets] for name in FIELDS[:-1]}
    values["vwap"] = (values["high"] + values["low"] + values["close"]) / np.float32(3)
    return Panel.from_arrays(values, whole.dates[:days], whole.assets[:assets])


def theirs(asked: Asked, panel: Panel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the peers' half said, and its columns by way: float32[158, days, assets]."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fields = {field: panel.field(field) for field in FIELDS}
        np.savez(folder / "bars.npz", **fields, dates=panel.dates, assets=np.array(panel.assets))
        words = [folder, "--repeats", asked.size(asked.repeats, 1), "--ways", "qlib,pandas"]
        said = peers.answer_of(asked.qlib_python, "alpha158_peer.py", *words)
        return said, {way: np.load(folder / f"{way}.npy") for way in ("qlib", "pandas")}


def apart(own: np.ndarray, other: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Agreement of all columns: the largest relative difference and where, columns above BOUND, NaN cells."""
    here, there = np.isfinite(own), np.isfinite(other)
    both = here & there
    with np.errstate(invalid="ignore", over="ignore"):
        relative = np.abs(own - other) / np.maximum(np.abs(other), 1e-6)
    worst = np.where(both, relative, 0.0).max(axis=(1, 2))
    most = int(worst.argmax())
    return {
        "largest": float(worst[most]), "column": names[most], "above": int((worst > BOUND).sum()),
        "cells": int(both.sum()), "nan_here": int((there & ~here).sum()),
        "nan_there": int((here & ~there).sum()),
    }  # fmt: skip


def own_columns(trees: list[Expression], panel: Panel, threads: int) -> np.ndarray:
    """All columns, from trees to values."""
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
        [way, f"{each['largest']:.1e} ({each['column']})", str(each["above"]), f"{each['cells']:,}",
         f"{each['nan_here']:,}", f"{each['nan_there']:,}"]
        for way, each in said["apart"].items()
    ]  # fmt: skip
    versions = ", ".join(f"{name} {version}" for name, version in said["versions"].items())
    return Result(rows, [Shown(HEADER, lines)], HOW.format(repeats=asked.repeats), versions, said)


HEADER = [
    "Quarva beside", "largest relative difference", f"columns with one above {BOUND:.0e}", "cells compared",
    "cells NaN in Quarva only", "cells NaN there only",
]  # fmt: skip
NO_PEER = "Not measured in this run: no Python with pyqlib was given."
HOW = """\
All columns of pyqlib's `Alpha158` in the form that it names them, on 498 stocks × 1,000 days of real bars;
vwap, which the file lacks, is (high + low + close) / 3. pyqlib: its own expression engine on its own binary
files, its caches off. pandas: the same columns by rolling windows of a frame. Quarva: `parse(…, "qlib")`
beforehand, then `Program.from_expressions` and `engine.signals` on `panel.with_conventions("qlib")`; median
of {repeats}. Relative differences are those to the peer's value, of which 1e-6 is the least that counts."""
