"""The data of a task: targets, parts and notes, from a panel or a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.panel.names import is_price
from quarva.tasks.forward import Forward
from quarva.tasks.risk import RiskModel
from quarva.tasks.split import PARTS, TEST, TRAIN, UNUSED, VALIDATION, Border, Split, split_days, split_rows
from quarva.tasks.targets import Field, Target, parse_target

if TYPE_CHECKING:
    from quarva.panel import Panel, Table

__all__ = ["RISK_UNUSED", "Question", "panel_question", "residuals", "rows_by_part", "table_question"]


@dataclass(frozen=True, eq=False)
class Question:
    """Targets and parts in the form that the engine reads.

    A panel is split by days, and `segments` numbers the parts. A table is split by rows: `segments` is 0, and
    there is one target per part, NaN in the rows of the others.

    Attributes
    ----------
    names : tuple of str, length M
        Names of the targets. The first one is scored.
    open : ndarray in the precision of the panel, shape (M, T, N)
        Targets by the day of the signal. NaN in the sealed test and outside the universe.
    sealed : ndarray in the precision of the panel, shape (1, T, N)
        The first target in the test part. NaN elsewhere.
    segments : ndarray of int8, shape (T,)
        0 train, 1 validation, 2 test, −1 none.
    split : Split or None
        The days of the parts. None for a table.
    fields : tuple of str
        Fields that formulas may read.
    delay : int
        Days from the signal to the trade.
    horizon : int
        Number of days that a value of the first target spans, at least 1.
    classes : tuple of float
        Values of the first target, ascending. Empty if it can take any value.
    description : str
        The first target in words.
    is_return : bool
        Whether the first target is a return, so that a forecast of it can be traded.
    raw, raw_sealed : ndarray, shapes of `open` and `sealed`
        The same targets before a risk model is applied; the same arrays without one.
    exposures : tuple of str
        What the risk model removed: "market", which is the mean of each day, groupings and exposures. Empty
        without a risk model.
    notes : list of str
        Remarks for the report.
    """

    names: tuple[str, ...]
    open: NDArray[np.floating]
    sealed: NDArray[np.floating]
    segments: NDArray[np.int8]
    split: Split | None
    fields: tuple[str, ...]
    delay: int
    horizon: int = 1
    classes: tuple[float, ...] = ()
    description: str = "target"
    is_return: bool = False
    raw: NDArray[np.floating] = field(default_factory=lambda: np.empty((0, 0, 0)))
    raw_sealed: NDArray[np.floating] = field(default_factory=lambda: np.empty((0, 0, 0)))
    exposures: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


RISK_UNUSED = "the risk model is not used, because the target is not a return"
"""Note on a risk model that was asked for."""


def panel_question(
    panel: "Panel",
    target: Target | str | Sequence[Target | str] | None,
    split: Sequence[Border] | None,
    embargo: int,
    delay: int | None,
    risk: RiskModel | None = None,
) -> Question:
    """Targets and parts of a panel; arguments and errors as in `Task`."""
    given = list(target) if isinstance(target, Sequence) and not isinstance(target, str) else [target]
    if not given:
        raise TaskError("no target given; name one, such as forward_return_5")
    default_delay = next((t.delay for t in given if isinstance(t, Forward)), 1)
    delay = default_delay if delay is None else delay
    targets = [
        parse_target(t or "forward_return_1", panel, delay) if isinstance(t, str | None) else t for t in given
    ]
    for t in targets:
        if not isinstance(t, Forward | Field):
            raise TaskError(
                "a target must be a name such as forward_return_5, ForwardReturn(5) or Field('name'), not "
                f"{t!r}"
            )
        if isinstance(t, Forward) and t.delay != delay:
            raise TaskError(
                f"{t.name} has delay {t.delay}, but the task has delay {delay}; give only one of them"
            )
    values = np.stack([t.values(panel) for t in targets])
    if panel.universe is not None:
        values[:, ~panel.universe] = np.nan
    ahead = max(t.horizon for t in targets) + delay
    parts = split_days(panel.dates, split, ahead=ahead, embargo=embargo)
    test = parts.segments == TEST
    raw, raw_sealed = _divided(values, test)
    exposures: tuple[str, ...] = ()
    risk_notes: list[str] = []
    if risk is not None:
        values, exposures, risk_notes = residuals(risk, panel, targets, values, delay)
    opened, sealed = _divided(values, test)
    target_fields = {t.name for t in targets if isinstance(t, Field)}
    fields = tuple(name for name in panel.fields if name not in target_fields)
    if not fields:
        raise TaskError(
            f"the panel has no field besides the target {', '.join(sorted(target_fields))}; add one that "
            "formulas can read"
        )
    names = tuple(t.name for t in targets)
    question = Question(
        names, opened, sealed, parts.segments, parts, fields, delay, max(1, targets[0].horizon),
        targets[0].classes, targets[0].description, targets[0].is_return, raw, raw_sealed, exposures,
        [*panel.notes, *_notes(targets, delay), *risk_notes],
    )  # fmt: skip
    for part, name in ((TRAIN, PARTS[0]), (VALIDATION, PARTS[1])):
        if np.isnan(opened[0, parts.segments == part]).all():
            raise TaskError(
                f"target {names[0]} has no value in the {name} part; move the split or fill the field"
            )
    return question


def _divided(
    values: NDArray[np.floating], test: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """All targets outside the test days, and the first target on them; NaN elsewhere."""
    nothing = values.dtype.type(np.nan)
    return np.where(test[:, None], nothing, values), np.where(test[:, None], values[:1], nothing)


def residuals(
    risk: RiskModel, panel: "Panel", targets: Sequence[Target], values: NDArray[np.floating], delay: int
) -> tuple[NDArray[np.floating], tuple[str, ...], list[str]]:
    """Apply a risk model to the targets that are returns.

    Parameters
    ----------
    risk : RiskModel
        The risk model.
    panel : Panel
        The panel of T days and N assets.
    targets : sequence of Target, length M
        The targets.
    values : ndarray of float, shape (M, T, N)
        Their values, NaN outside the universe. Not modified.
    delay : int
        Days from the signal to the trade.

    Returns
    -------
    values : ndarray of float, shape (M, T, N)
        Residuals of returns (see `RiskModel.residual`), and the other targets as they are.
    exposures : tuple of str
        What was removed: "market", groupings and exposures. Empty if no target is a return.
    notes : list of str
        Remarks for the report.
    """
    changed = [t.is_return and not t.classes for t in targets]
    if not any(changed):
        return values, (), []
    exposures: tuple[str, ...] = ()
    out, notes = values.copy(), list(risk.notes)
    for k, t in enumerate(targets):
        if changed[k]:
            residual = risk.residual(panel, values[k], t.horizon + delay)
            out[k] = residual.values
            exposures = ("market", *risk.groups, *residual.exposures)
            notes += [note for note in residual.notes if note not in notes]
    return out, exposures, notes


def _notes(targets: Sequence[Target], delay: int) -> list[str]:
    notes = []
    if delay == 0:
        notes.append(
            "delay 0: a signal is traded at the close from which it is computed, which is rarely possible; "
            "use delay 1"
        )
    notes.extend(
        f"target {t.name} is used unchanged and assumed to be known {t.horizon + delay} days later "
        f"(set Field('{t.name}', horizon=...) otherwise)"
        for t in targets
        if isinstance(t, Field)
    )
    notes.extend(
        f"target {t.name} is a price: today's price explains nearly all of tomorrow's, so a forecast looks "
        f"good and earns nothing; use forward_return_5, direction_5 or forward_volatility_5 instead"
        for t in targets
        if isinstance(t, Field) and is_price(t.name)
    )
    return notes


def rows_by_part(table: "Table", split: Sequence[Border] | None) -> NDArray[np.int8]:
    """Assign the rows of a table to the parts of a split.

    Parameters
    ----------
    table : Table
        The table. Rows with a missing target or a missing value in any column belong to no part.
    split : sequence of two shares or None
        As in `Task`. None assigns every row to training.

    Returns
    -------
    ndarray of int8, shape of the target
        0 train, 1 validation, 2 test, −1 none.

    Raises
    ------
    TaskError
        There are fewer than two complete rows, or the split is invalid.
    """
    y, panel = table.target, table.panel
    complete = ~(np.isnan(y) | np.isnan(panel.values).any(axis=0)).reshape(-1)[: table.rows]
    if complete.sum() < 2:
        raise TaskError(
            f"{panel.name}: only {complete.sum()} rows have a target and a value in every column, but 2 are "
            "needed; add rows, or leave out columns with gaps"
        )
    flat = np.full(y.size, UNUSED, np.int8)
    flat[np.flatnonzero(complete)] = split_rows(int(complete.sum()), split)
    return flat.reshape(y.shape)


def table_question(table: "Table", split: Sequence[Border] | None) -> Question:
    """Targets and parts of a table; arguments and errors as in `Task`."""
    y, panel = table.target, table.panel
    row_part = rows_by_part(table, split)
    complete = row_part != UNUSED
    notes = list(panel.notes)
    if complete.sum() < table.rows:
        notes.append(f"{table.rows - complete.sum()} of {table.rows} rows lack a value and are left out")
    if split is None:
        notes.append("all rows are for training; split=(0.6, 0.8) reserves some for validation and test")
    parts = (TRAIN,) if split is None else (TRAIN, VALIDATION)
    values = np.stack([np.where(row_part == part, y, y.dtype.type(np.nan)) for part in parts])
    sealed = np.where(row_part == TEST, y, y.dtype.type(np.nan))[None]
    for part, target in zip(PARTS, values):
        if np.nanmin(target) == np.nanmax(target):
            raise TaskError(
                f"{panel.name}: the target is {np.nanmin(target):g} in every row of the {part} part; move "
                "the split, or choose a target that varies"
            )
    names = tuple("target" for _ in parts)
    segments = np.zeros(len(y), np.int8)
    return Question(
        names, values, sealed, segments, None, panel.fields, 0, raw=values, raw_sealed=sealed, notes=notes
    )
