"""Tables for symbolic regression, stored as a panel whose days are blocks of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quarva.errors import PanelError
from quarva.panel.checking import extent
from quarva.panel.names import nearest, normalise, normalise_all
from quarva.panel.panel import Panel
from quarva.panel.precision import precision_note
from quarva.panel.source import Source, is_nameless, open_source

__all__ = ["Table"]

_BLOCK = 1024  # largest block of rows, which the engine processes in one step
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Table:
    """Variables and target of a regression.

    Attributes
    ----------
    panel : Panel
        Variables, [F, T, B]: T blocks of B rows, the last block padded with NaN. They are float32, or float64
        if float32 cannot distinguish the values of a variable or the target (`quarva.panel.precision`); a
        note then names the column.
    target : array of shape (T, B)
        Target with the same type and layout; NaN where missing and in the padding.
    rows : int
        Number of rows.
    columns : tuple of str
        F names of the variables, as used in formulas.
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
        """Read a CSV or Parquet file or a frame of numbers with a header.

        Parameters
        ----------
        source : path, pandas or polars frame
            The table. Row labels, such as a pandas index, are not variables.
        target : str
            Column to predict.
        columns : sequence of str, optional
            Variables; all other columns by default.
        rename : mapping of str to str, optional
            New column names by old name, applied first.

        Returns
        -------
        Table
            NaN where a cell is empty.

        Raises
        ------
        PanelError
            If a column has text or infinite values, is constant or empty, or does not exist.
        """
        opened = open_source(source, rename=rename, numbers_only=True)
        frame = opened.frame
        if not frame.height:
            opened.refuse("no rows; give a table with a header and rows of numbers")
        if opened.levels:
            opened.refuse("column names have two levels; keep one header line")
        numeric = [column for column in frame.columns if not _has_row_labels(opened, column)]
        labels = {normalise(column) for column in frame.columns if column not in numeric}
        names = {field: column for column, field in normalise_all(numeric, opened.name).items()}
        wanted = normalise(target)
        for asked in (target, *(columns or ())):
            if normalise(asked) in labels and normalise(asked) not in names:
                opened.refuse(f"{asked!r} is the index of the frame; make it a column with reset_index()")
        if wanted not in names:
            opened.refuse(f"no target column {target!r}; {nearest(wanted, names)}")
        variables = [name for name in names if name != wanted] if columns is None else list(columns)
        if not variables:
            remedy = "make the index a column with reset_index()" if labels else "add a column of numbers"
            opened.refuse(f"no variable besides the target {target!r}; {remedy}")
        arrays = {}
        for name in [*variables, wanted]:
            if name not in names:
                opened.refuse(f"no column {name!r}; {nearest(name, names)}")
            numbers = opened.numbers(names[name])
            if numbers is None:
                text = opened.text(names[name]).drop_nulls()[0]
                opened.refuse(f"column {name!r} contains text, {text!r}; leave it out with columns=[...]")
            arrays[name] = numbers.to_numpy()
        for name, array in arrays.items():
            others = [other for other in variables if other != name]
            remedy = f"leave it out with columns={others[:8]!r}" if others else "give one that varies"
            _check(array, name, opened.name, remedy if name != wanted else "give a target that varies")
        variables_only = {name: arrays[name] for name in variables}
        table = cls._of(variables_only, arrays[wanted], opened.name, wanted)
        notes = (*table.panel.notes, *opened.log.notes)
        return replace(table, panel=replace(table.panel, notes=notes)) if notes else table

    @classmethod
    def from_arrays(cls, variables: dict[str, Any], target: Any, name: str = "table") -> "Table":
        """Build a table from arrays, without the checks of values that `Table.read` makes.

        Parameters
        ----------
        variables : dict of str to array_like of shape (rows,)
            One array per variable.
        target : array_like of shape (rows,)
            Values to predict; NaN where missing.
        name : str
            Name of the table, for messages and reports.

        Returns
        -------
        Table

        Raises
        ------
        PanelError
            If there are no rows, lengths differ or values are not numbers.
        """
        return cls._of(variables, target, name, "the target")

    @classmethod
    def _of(cls, variables: dict[str, Any], target: Any, name: str, target_name: str) -> "Table":
        rows = _rows(target, "the target", name)
        if not rows:
            raise PanelError(f"{name}: no rows; give arrays of numbers")
        for variable, array in variables.items():
            if (found := _rows(array, f"column {variable!r}", name)) != rows:
                raise PanelError(
                    f"{name}: column {variable!r} must have {rows} values like the target, not {found}"
                )
        columns = {variable: _as_float64(array, name) for variable, array in variables.items()}
        wanted = _as_float64(target, name)
        note = precision_note(columns | {target_name: wanted})
        dtype = np.float32 if note is None else np.float64
        blocks = -(-rows // _BLOCK)
        width = -(-rows // blocks)  # equal widths minimise the padding

        def to_blocks(values: np.ndarray) -> np.ndarray:
            padded = np.full(blocks * width, np.nan, dtype)
            with np.errstate(over="ignore"):
                padded[:rows] = values
            return padded.reshape(blocks, width)

        arrays = {field: to_blocks(values) for field, values in columns.items()}
        panel = Panel.from_arrays(
            arrays,
            np.arange(blocks).astype("datetime64[D]"),
            [f"row{number}" for number in range(width)],
            name=name,
        )
        if note is not None:
            stacked = np.stack(list(arrays.values()))
            panel = replace(panel, values=stacked, precision="float64", notes=(note,))
        return cls(panel, to_blocks(wanted), rows, panel.fields)


def _as_float64(array: Any, name: str) -> np.ndarray:
    """Convert an array to float64; PanelError if a value is not a number."""
    try:
        return np.asarray(array, np.float64)
    except (TypeError, ValueError):
        raise PanelError(f"{name}: columns must contain only numbers and NaN") from None


def _has_row_labels(source: Source, column: str) -> bool:
    """Whether a column has row labels, which are not a variable."""
    nameless = is_nameless(column) and not source.frame[column].dtype.is_numeric()
    labels = column in source.index or nameless or source.counts_rows(column)
    if labels and column not in source.index and not is_nameless(column):
        source.log.leave_out(column, "it counts the rows")
    return labels


def _rows(array: Any, what: str, name: str) -> int:
    """Length of a one-dimensional array; PanelError for anything else."""
    if np.ndim(array) != 1:
        raise PanelError(f"{name}: {what} must be one-dimensional, not {np.ndim(array)}-dimensional")
    return len(array)


def _check(array: np.ndarray, name: str, source: str, remedy: str) -> None:
    low, high, count = extent(array)
    if not count:
        raise PanelError(f"{source}: column {name!r} has no values; {remedy}")
    if max(abs(low), abs(high)) > _LARGEST:
        row = int((np.abs(array) > _LARGEST).argmax())
        raise PanelError(
            f"{source}: row {row + 1}: column {name!r} is infinite or exceeds 3.4e38; leave the cell empty"
        )
    if low == high and count > 1:
        raise PanelError(f"{source}: column {name!r} is constant ({low:g} everywhere); {remedy}")
