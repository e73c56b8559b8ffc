"""Plain tables for symbolic regression: rows laid out as assets, blocks of rows as days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quarva.errors import PanelError
from quarva.panel.checking import extent
from quarva.panel.names import nearest, normalise, normalise_all
from quarva.panel.panel import Panel
from quarva.panel.precision import note_of
from quarva.panel.source import Source, is_nameless, open_source

__all__ = ["Table"]

_BLOCK = 1024  # rows that one step of the engine works on
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of variables and the target that a formula of them should give.

    panel: the variables, values [F, T, B]: T blocks of B rows, the end of the last padded with NaN. They are
        float32, or float64 where float32 would blur a variable or the target (`quarva.panel.precision`); a
        note then names the column.
    target: [T, B], of the same type, laid out alike; NaN where a row has no target, and in the padding.
    rows: number of rows of the table.
    columns: the F names of the variables, as formulas use them.
    """

    panel: Panel
    target: np.ndarray
    rows: int
    columns: tuple[str, ...]

    @classmethod
    def read(
        cls,
        source: Any,
        target: str = "y",
        *,
        columns: Sequence[str] | None = None,
        rename: Mapping[str, str] | None = None,
    ) -> "Table":
        """Read a CSV or Parquet file, or a frame, of numbers with a header.

        `target` names the column to explain, `columns` the variables (None: all others), and `rename` gives
        columns other names first. Labels of rows (a pandas index) are never a variable. Empty cells are NaN:
        a formula that reads one says nothing about that row. Raises PanelError for text, an infinite value,
        a column that is constant or empty, and an unknown name.
        """
        opened = open_source(source, rename=rename, numbers_only=True)
        frame = opened.frame
        if not frame.height:
            opened.refuse("no rows; give a table with a header and rows of numbers")
        if opened.levels:
            opened.refuse("names of columns have two levels; keep one line of names")
        kept = [column for column in frame.columns if not _labels_rows(opened, column)]
        labels = {normalise(column) for column in frame.columns if column not in kept}
        names = {field: column for column, field in normalise_all(kept, opened.name).items()}
        wanted = normalise(target)
        for asked in (target, *(columns or ())):
            if normalise(asked) in labels and normalise(asked) not in names:
                opened.refuse(f"{asked!r} is the index of the frame; make it a column with reset_index()")
        if wanted not in names:
            opened.refuse(f"no target column {target!r}; {nearest(wanted, names)}")
        variables = [name for name in names if name != wanted] if columns is None else list(columns)
        if not variables:
            mend = "make the index a column with reset_index()" if labels else "add a column of numbers"
            opened.refuse(f"no variable beside the target {target!r}; {mend}")
        arrays = {}
        for name in [*variables, wanted]:
            if name not in names:
                opened.refuse(f"no column {name!r}; {nearest(name, names)}")
            numbers = opened.numbers(names[name])
            if numbers is None:
                text = opened.text(names[name]).drop_nulls()[0]
                opened.refuse(f"column {name!r} holds text, {text!r}; leave it out with columns=[...]")
            arrays[name] = numbers.to_numpy()
        for name, array in arrays.items():
            others = [other for other in variables if other != name]
            mend = f"leave it out with columns={others[:8]!r}" if others else "give one that varies"
            _check(array, name, opened.name, mend if name != wanted else "give a target that varies")
        variables_only = {name: arrays[name] for name in variables}
        table = cls._of(variables_only, arrays[wanted], opened.name, wanted)
        notes = (*table.panel.notes, *opened.log.notes)
        return replace(table, panel=replace(table.panel, notes=notes)) if notes else table

    @classmethod
    def from_arrays(cls, variables: dict[str, Any], target: Any, name: str = "table") -> "Table":
        """A table of arrays [rows], one for each variable, and the target [rows].

        Raises PanelError where there is no row, lengths differ, or a value is no number; what the numbers are
        is not checked.
        """
        return cls._of(variables, target, name, "the target")

    @classmethod
    def _of(cls, variables: dict[str, Any], target: Any, name: str, target_name: str) -> "Table":
        rows = _rows(target, "the target", name)
        if not rows:
            raise PanelError(f"{name}: no rows; give arrays of numbers")
        for variable, array in variables.items():
            if (found := _rows(array, f"column {variable!r}", name)) != rows:
                raise PanelError(f"{name}: column {variable!r} has {found} values and the target {rows}")
        columns = {variable: _as_float64(array, name) for variable, array in variables.items()}
        wanted = _as_float64(target, name)
        note = note_of(columns | {target_name: wanted})
        dtype = np.float32 if note is None else np.float64
        blocks = -(-rows // _BLOCK)
        width = -(-rows // blocks)  # blocks of equal width leave the least padding

        def lay(values: np.ndarray) -> np.ndarray:
            padded = np.full(blocks * width, np.nan, dtype)
            with np.errstate(over="ignore"):
                padded[:rows] = values
            return padded.reshape(blocks, width)

        laid = {field: lay(values) for field, values in columns.items()}
        panel = Panel.from_arrays(
            laid,
            np.arange(blocks).astype("datetime64[D]"),
            [f"row{number}" for number in range(width)],
            name=name,
        )
        if note is not None:
            stacked = np.stack(list(laid.values()))
            panel = replace(panel, values=stacked, precision="float64", notes=(note,))
        return cls(panel, lay(wanted), rows, panel.fields)


def _as_float64(array: Any, name: str) -> np.ndarray:
    """The array in float64. Raises PanelError for a value that is no number."""
    try:
        return np.asarray(array, np.float64)
    except (TypeError, ValueError):
        raise PanelError(f"{name}: a column holds something that is no number") from None


def _labels_rows(source: Source, column: str) -> bool:
    """Whether a column says where a row was before: such a column is never a variable."""
    nameless = is_nameless(column) and not source.frame[column].dtype.is_numeric()
    labels = column in source.index or nameless or source.counts_rows(column)
    if labels and column not in source.index and not is_nameless(column):
        source.log.leave_out(column, "it counts rows")
    return labels


def _rows(array: Any, what: str, name: str) -> int:
    """Length of a row of numbers. Raises PanelError for anything else."""
    if np.ndim(array) != 1:
        raise PanelError(f"{name}: {what} must be one row of numbers, not {np.ndim(array)} axes of them")
    return len(array)


def _check(array: np.ndarray, name: str, source: str, mend: str) -> None:
    low, high, count = extent(array)
    if not count:
        raise PanelError(f"{source}: column {name!r} holds no value at all; {mend}")
    if max(abs(low), abs(high)) > _LARGEST:
        row = int((np.abs(array) > _LARGEST).argmax())
        raise PanelError(
            f"{source}: row {row + 1}: column {name!r} is infinite, or beyond 3.4e38; leave the cell empty"
        )
    if low == high and count > 1:
        raise PanelError(f"{source}: column {name!r} is constant ({low:g} everywhere); {mend}")
