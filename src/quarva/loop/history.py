"""Record of the batches of a search."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History"]

_INTEGERS = ("batch", "evaluations", "tuning_steps", "proposed", "candidates")
_NUMBERS = (*_INTEGERS, "seconds", "best", "validation", "mean", "distinct_share")
_COLUMNS = (*_NUMBERS[:8], "best_formula", *_NUMBERS[8:])


class History:
    """One row per batch; see `Findings.history` for the columns."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}

    def add(self, **row: Any) -> None:
        """Append a row with a value for each column except `batch`."""
        row["batch"] = len(self)
        for name in _COLUMNS:
            self._columns[name].append(row[name])

    def __len__(self) -> int:
        return len(self._columns["batch"])

    def frame(self) -> "pd.DataFrame":
        """Convert to a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self._columns)

    def state(self) -> dict[str, NDArray]:
        """State for a checkpoint, as arrays; a formula is stored once for consecutive rows."""
        formulas = self._columns["best_formula"]
        changes = [i for i in range(len(formulas)) if i == 0 or formulas[i] != formulas[i - 1]]
        numbers = {name: np.array(self._columns[name], np.float64) for name in _NUMBERS}
        texts = np.array([formulas[i] for i in changes], np.str_)
        return numbers | {"changes": np.array(changes, np.int64), "formulas": texts}

    def restore(self, state: dict[str, NDArray]) -> None:
        """Restore a state that `state` returned."""
        for name in _NUMBERS:
            self._columns[name] = [int(v) if name in _INTEGERS else float(v) for v in state[name]]
        rows = len(self)
        ends = [*map(int, state["changes"][1:]), rows] if rows else []
        formulas: list[str] = []
        for text, end in zip(state["formulas"], ends, strict=True):
            formulas += [str(text)] * (end - len(formulas))
        self._columns["best_formula"] = formulas
