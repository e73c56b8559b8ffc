"""The data side of a task: targets, parts and what is worth saying about them, from a panel or a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.panel.names import is_price
from quarva.tasks.forward import Forward
from quarva.tasks.split import PARTS, TEST, TRAIN, UNUSED, VALIDATION, Border, Split, split_days, split_rows
from quarva.tasks.targets import Field, Target, parse_target

if TYPE_CHECKING:
    from quarva.panel import Panel, Table

__all__ = ["Question", "ask_panel", "ask_table", "rows_by_part"]


@dataclass(frozen=True, eq=False)
class Question:
    """Targets and parts, in the form that the engine takes.

    A panel is split by days: `segments` number the parts. The rows of a table are split one by one:
    `segments` are all 0, and there is one target for each part, NaN in the rows of the others.

    Attributes:
        names: names of the M targets, the first is the one that is scored.
        open: [M, T, N] in the precision of the panel, targets by the day of the signal; NaN in the sealed
            test and outside the universe.
        sealed: [1, T, N], likewise, the first target in the test part, NaN elsewhere.
        segments: int8 [T], 0 train, 1 validation, 2 test, −1 none.
        split: the days of the parts; None for a table.
        fields: what formulas may read.
        delay: days from the signal to the trade.
        horizon: days that one value of the first target spans, 1 or more.
        classes: values that the first target may have, ascending; none where it may have any.
        words: the first target as a sentence names it.
        is_return: whether the first target is a return, so that a forecast of it can be traded.
        notes: what a report should say aloud.
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
    words: str = "target"
    is_return: bool = False
    notes: list[str] = field(default_factory=list)


def ask_panel(
    panel: "Panel",
    target: Target | str | Sequence[Target | str] | None,
    split: Sequence[Border] | None,
    embargo: int,
    delay: int | None,
) -> Question:
    """The question on a panel; `target` None is `forward_return_1`. Raises TaskError, see `Task`."""
    given = list(target) if isinstance(target, Sequence) and not isinstance(target, str) else [target]
    if not given:
        raise TaskError("no target given; name one such as forward_return_5")
    spoken = next((t.delay for t in given if isinstance(t, Forward)), 1)
    agreed = spoken if delay is None else delay
    targets = [
        parse_target(t or "forward_return_1", panel, agreed) if isinstance(t, str | None) else t
        for t in given
    ]
    for t in targets:
        if not isinstance(t, Forward | Field):
            raise TaskError(
                f"a target is a name such as forward_return_5, ForwardReturn(5) or Field('name'), not {t!r}"
            )
        if isinstance(t, Forward) and t.delay != agreed:
            raise TaskError(
                f"{t.name} has a delay of {t.delay}, the task one of {agreed}; give one of them only"
            )
    values = np.stack([t.values(panel) for t in targets])
    if panel.universe is not None:
        values[:, ~panel.universe] = np.nan
    ahead = max(t.horizon for t in targets) + agreed
    parts = split_days(panel.dates, split, ahead=ahead, embargo=embargo)
    test = parts.segments == TEST
    sealed = np.where(test[:, None], values[:1], np.float32(np.nan))
    values[:, test] = np.nan
    own = {t.name for t in targets if isinstance(t, Field)}
    fields = tuple(name for name in panel.fields if name not in own)
    if not fields:
        raise TaskError(f"the panel has no field beside the target {', '.join(sorted(own))}")
    names = tuple(t.name for t in targets)
    question = Question(
        names, values, sealed, parts.segments, parts, fields, agreed, max(1, targets[0].horizon),
        targets[0].classes, targets[0].words, targets[0].is_return,
        [*panel.notes, *_notes(targets, agreed)],
    )  # fmt: skip
    for part, name in ((TRAIN, PARTS[0]), (VALIDATION, PARTS[1])):
        if np.isnan(values[0, parts.segments == part]).all():
            raise TaskError(
                f"target {names[0]} has no value in the {name} part; move the split or fill the field"
            )
    return question


def _notes(targets: Sequence[Target], delay: int) -> list[str]:
    notes = []
    if delay == 0:
        notes.append(
            "delay 0: a signal is traded at the very close it is computed from; few can do that, take delay 1"
        )
    notes.extend(
        f"target {t.name} is taken as it stands and assumed to be known {t.horizon + delay} days later "
        f"(Field('{t.name}', horizon=...) says otherwise)"
        for t in targets
        if isinstance(t, Field)
    )
    notes.extend(
        f"target {t.name} is a price: today's explains nearly all of tomorrow's, so a forecast looks good "
        f"and earns nothing; ask for forward_return_5, direction_5 or forward_volatility_5 instead"
        for t in targets
        if isinstance(t, Field) and is_price(t.name)
    )
    return notes


def rows_by_part(table: "Table", split: Sequence[Border] | None) -> NDArray[np.int8]:
    """Assign the rows of a table to the parts of a split.

    Parameters
    ----------
    table : Table
        Only rows with a target and a value in every column belong to a part.
    split : two shares or None
        As in `Task`; None puts every row into training.

    Returns
    -------
    int8 array, shape of the target
        0 train, 1 validation, 2 test, −1 none.

    Raises
    ------
    TaskError
        Fewer than two complete rows, or a split that does not fit.
    """
    y, panel = table.target, table.panel
    whole = ~(np.isnan(y) | np.isnan(panel.values).any(axis=0)).reshape(-1)[: table.rows]
    if whole.sum() < 2:
        raise TaskError(
            f"{panel.name}: {whole.sum()} rows have a target and a value in every column; 2 are needed"
        )
    flat = np.full(y.size, UNUSED, np.int8)
    flat[np.flatnonzero(whole)] = split_rows(int(whole.sum()), split)
    return flat.reshape(y.shape)


def ask_table(table: "Table", split: Sequence[Border] | None) -> Question:
    """The question on a table: its target from its columns. Raises TaskError, see `Task`."""
    y, panel = table.target, table.panel
    row_part = rows_by_part(table, split)
    whole = row_part != UNUSED
    notes = list(panel.notes)
    if whole.sum() < table.rows:
        notes.append(f"{table.rows - whole.sum()} of {table.rows} rows lack a value and are left out")
    if split is None:
        notes.append("all rows are for training; split=(0.6, 0.8) keeps some for validation and test")
    parts = (TRAIN,) if split is None else (TRAIN, VALIDATION)
    values = np.stack([np.where(row_part == part, y, y.dtype.type(np.nan)) for part in parts])
    sealed = np.where(row_part == TEST, y, y.dtype.type(np.nan))[None]
    for part, target in zip(PARTS, values):
        if np.nanmin(target) == np.nanmax(target):
            raise TaskError(
                f"{panel.name}: the target is {np.nanmin(target):g} in every row of the {part} part"
            )
    names = tuple("target" for _ in parts)
    return Question(names, values, sealed, np.zeros(len(y), np.int8), None, panel.fields, 0, notes=notes)
