"""A set of formulas that takes one day after the other, corrects old ones, and is kept in a file."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.engine import Formula, Program
from quarva.errors import FormulaError, PanelError, RunError
from quarva.karva import Expression
from quarva.live.bars import bars_of, universe_of
from quarva.live.history import History
from quarva.live.state import State, read_state, write_state
from quarva.panel import GroupCodes, Panel, first_rows
from quarva.panel.dates import text_of

__all__ = ["Formulas", "Stream"]

Formulas = Sequence[str | Formula | Expression] | Mapping[str, str | Formula | Expression]

_RESERVED = ("date", "asset")


class Stream:
    """Formulas that are handed one day after the other, and answer with that day's signals.

    The numbers are, bit for bit, those of the formulas on the whole panel up to that day. What is kept is
    the bars that signals to come depend on: up to twice the longest lookback, and with medians, quantiles,
    ranks and counts over windows up to 255 days more.

    Args:
        formulas: as text in infix notation, or as `Formula` or `Expression`; a mapping gives them names, else
            they are called f0, f1, … by their place.
        panel: what is known up to today. Its assets, groups and conventions stay, and each day must bring a
            universe if the panel has one.
        threads: how many; all by default, where there is work for them. The numbers do not depend on it.

    Attributes:
        names: of the P formulas.
        formulas: the P formulas.
        fields: what each day brings, in this order: the fields that the formulas read (with the conventions
            "qlib", where an asset begins with the first value of any field, all of the panel's).
        assets: N names.

    Raises:
        FormulaError: a formula can not be read, reads what the panel lacks, or has a name that is taken.
    """

    def __init__(self, formulas: Formulas, panel: Panel, threads: int | None = None) -> None:
        self.names, self.formulas = _named(formulas, panel)
        program = Program.from_expressions([formula.expression for formula in self.formulas])
        self.fields = program.fields or panel.fields[:1] if panel.conventions == "quarva" else panel.fields
        groups = {name: panel.groups[name] for name in program.groups if name in panel.groups}
        like = _empty(self.fields, panel.assets, groups, panel.conventions)
        self._begin(program, like, panel.dates.dtype, threads)
        days, n = len(panel.dates), len(panel.assets)
        if days:
            begins = first_rows(panel.values)
            self._machine.begins[:n] = np.where(begins < days, begins, np.inf)
        if panel.universe is not None:
            self._history.universe = []
        rows = [panel.fields.index(name) for name in self.fields]
        first = self._history.first = self._machine.begin_for(max(days - 1, 0))
        for day in range(first, days):
            values = panel.values[rows, day].astype(np.float32)
            values[np.isinf(values)] = np.nan
            inside = None if panel.universe is None else panel.universe[day].copy()
            self._history.append(panel.dates[day], values, inside)

    def _begin(self, program: Program, like: Panel, dates: np.dtype, threads: int | None) -> None:
        self._like = like
        self._machine = engine.Stream(program, like, threads=threads)
        self._history = History("D" if np.datetime_data(dates)[0] == "D" else "ns")
        self._right_from = 0  # the day from which the machine's answers are right; −1: it has to run anew
        self._latest: NDArray[np.float32] | None = None

    @staticmethod
    def is_compiled() -> bool:
        """Whether the kernels were compiled before on this machine; if not, the first day takes longer."""
        return engine.Stream.is_compiled()

    @property
    def assets(self) -> tuple[str, ...]:
        return self._like.assets

    @property
    def groups(self) -> dict[str, GroupCodes]:
        """The groups that formulas name, and which asset is in which."""
        return self._like.groups

    @property
    def conventions(self) -> str:
        """What windows do before they are full; see `Panel.conventions`."""
        return self._like.conventions

    @property
    def has_universe(self) -> bool:
        """Whether each day says which assets belong."""
        return self._history.universe is not None

    @property
    def days(self) -> int:
        """How many days the stream has seen."""
        return self._history.days

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """The days whose bars are kept, datetime64[D] or [ns]; the last is the stream's last."""
        return np.array(self._history.dates, f"datetime64[{self._history.unit}]")

    @property
    def nbytes(self) -> int:
        """Bytes of memory that what is kept takes."""
        return self._machine.nbytes + sum(values.nbytes for values in self._history.values)

    def universe(self) -> NDArray[np.bool_] | None:
        """Which assets belonged on the days kept, bool of shape (days kept, N); None where all always do."""
        kept = self._history.universe
        return None if kept is None else np.array(kept, np.bool_).reshape(len(kept), len(self.assets))

    def bars(self) -> NDArray[np.float32]:
        """The bars kept, float32 of shape (F, days kept, N)."""
        kept = self._history.values or [np.empty((len(self.fields), 0, len(self.assets)), np.float32)]
        return np.stack(kept, axis=1) if self._history.values else kept[0]

    def step(
        self, date: Any, values: Mapping[str, Any] | NDArray, universe: Any = None
    ) -> NDArray[np.float32]:
        """Take one more day.

        The first step after a stream was made, loaded or corrected runs the kept days through (see
        `catch_up`); those that follow take as long as one day takes.

        Args:
            date: the day, after the last; anything that numpy reads as datetime64.
            values: (N,) for each field, by name, or (F, N) in the order of `fields`; NaN = not there.
            universe: bool (N,), if the panel that the stream began with has a universe.

        Returns:
            float32 of shape (P, N), the day's signals; NaN = no opinion.

        Raises:
            PanelError: the day is not after the last; an infinite value, a field that is missing or not of
                length N. The stream stays as it was.
        """
        day = self.date_of(date)
        if self._history.dates and day <= self._history.dates[-1]:
            last = text_of(self._history.dates[-1])
            raise PanelError(
                f"{text_of(day)} is not after the stream's last day, {last}; give a later day, or replace the"
                " bars of an old one with correct()"
            )
        bars, inside = self._checked(day, values, universe)
        self.catch_up()
        self._latest = self._machine.step(bars, inside)
        self._history.append(day, bars, inside)
        self._history.drop_before(self._machine.begin_for(self.days - 1))
        return self._latest.copy()

    def correct(self, date: Any, values: Mapping[str, Any] | NDArray, universe: Any = None) -> bool:
        """Replace the bars of a day that is already in.

        Args: those of `step`.

        Returns:
            Whether signals from now on depend on it: `signals`, and every step, are as if it had come so.
            If not, the day is older than those kept, and nothing changes.

        Raises:
            PanelError: what `step` raises; a day between those of the stream, or after the last.
        """
        day = self.date_of(date)
        place = self.place(day)
        bars, inside = self._checked(day, values, universe)
        if place is not None:
            self._history.replace(place, bars, inside)
        changed = self._moves_a_beginning(bars, place) or place is not None
        if changed:
            self._right_from, self._latest = -1, None
        return changed

    def _moves_a_beginning(self, bars: NDArray[np.float32], place: int | None) -> bool:
        """Let assets begin when the corrected bars say, with the conventions "qlib"; whether one moved."""
        if self.conventions != "qlib":
            return False
        first, begins = self._history.first, self._machine.begins[: len(self.assets)]
        before, young = begins.copy(), begins >= first
        if place is None:  # how long before the days kept makes no difference
            begins[young & ~np.isnan(bars).all(axis=0)] = first - 1
        else:
            rows = first_rows(self.bars())
            begins[young] = np.where(rows < len(self.dates), first + rows, np.inf)[young]
        return not np.array_equal(begins, before)

    def place(self, date: Any) -> int | None:
        """Where a day stands among those kept; None for one so old that no signal from now on depends on it.

        PanelError where it is none of the stream's days.
        """
        day, kept = self.date_of(date), self._history.dates
        if not kept or day > kept[-1]:
            raise PanelError(
                f"{text_of(day)} has not come yet; give a day up to the last, or take it by step()"
            )
        if day < kept[0] and self._history.first > 0:
            return None
        place = self._history.place(day)
        if place is None:
            raise PanelError(
                f"{text_of(day)} is none of the stream's days, and no day can be put between or before them;"
                " begin anew with a panel that has it"
            )
        return place

    def signals(self, progress: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        """The last day's signals, float32 of shape (P, N); PanelError where there was no day yet.

        progress: see `catch_up`.
        """
        if not self._history.dates:
            raise PanelError("the stream has seen no day yet, so there are no signals; step() takes one")
        if self._latest is None:
            self._run_to(self.days - 1, progress)
            self._latest = self._machine.step(self._history.values[-1], self._history.inside(-1))
        return self._latest.copy()

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Run the kept days through, so that the next step takes no longer than one day takes.

        progress: is called after each day with how many are done and how many there are.
        """
        self._run_to(self.days, progress)

    def _run_to(self, until: int, progress: Callable[[int, int], None] | None) -> None:
        """Bring the machine to day `until`, all answers from there on being right."""
        if self._machine.day == until and 0 <= self._right_from <= until:
            return
        self._right_from = -1
        first, kept = self._machine.resume(until), self._history
        for day in range(first, until):
            self._machine.advance(kept.values[day - kept.first], kept.inside(day - kept.first))
            if progress is not None:
                progress(day + 1 - first, until - first)
        self._right_from = until

    def date_of(self, date: Any) -> np.datetime64:
        """A date as the stream keeps it; PanelError where it is none, or has a time of day that days lack."""
        try:
            instant = np.datetime64(date).astype("datetime64[ns]")
        except (ValueError, TypeError):
            instant = np.datetime64("NaT")
        if np.isnat(instant):
            raise PanelError(f"{date!r} is not a date; write it as YYYY-MM-DD")
        day = instant.astype(f"datetime64[{self._history.unit}]")
        if day != instant:
            raise PanelError(
                f"{text_of(instant)} has a time of day, which the stream's days lack; give a date"
            )
        return np.datetime64(day)

    def _checked(
        self, day: np.datetime64, values: Mapping[str, Any] | NDArray, universe: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        """A copy of a day's bars, (F, N), and its universe."""
        text = text_of(day)
        bars = bars_of(text, values, self.fields, self.assets)
        return bars, universe_of(text, universe, self.has_universe, len(self.assets))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that the stream needs to go on to a file, which is replaced as a whole or not at all.

        Formulas are written as text, bars as numbers (an .npz); what can be computed anew is not kept, so the
        file holds for every version of the kernels. Raises RunError where it can not be written.
        """
        like = self._like
        write_state(
            path,
            State(
                self.names, tuple(formula.text for formula in self.formulas), like.fields, like.assets,
                like.groups, like.conventions, self._history.first, self._machine.begins[: len(self.assets)],
                self.dates, self.bars(), self.universe(),
            ),
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int | None = None) -> "Stream":
        """The stream that `save` wrote; RunError where there is none, it is damaged or of another version."""
        state = read_state(path)
        stream = cls.__new__(cls)
        stream.names, stream.fields = state.names, state.fields
        like = _empty(state.fields, state.assets, state.groups, state.conventions)
        try:
            stream.formulas = tuple(Formula.parse(text, panel=like) for text in state.formulas)
        except FormulaError as error:
            raise RunError(f"{path} holds a formula that can not be read: {error}") from None
        program = Program.from_expressions([formula.expression for formula in stream.formulas])
        stream._begin(program, like, state.dates.dtype, threads)
        stream._machine.begins[: len(state.assets)] = state.begins
        kept = stream._history
        kept.first, kept.dates = state.first, list(state.dates)
        kept.values = list(np.ascontiguousarray(state.values.swapaxes(0, 1)))
        kept.universe = None if state.universe is None else list(state.universe)
        if stream._machine.begin_for(max(stream.days - 1, 0)) < kept.first:
            raise RunError(
                f"{path} keeps fewer days than this Quarva needs: make it anew (quarva stream init)"
            )
        return stream


def _named(formulas: Formulas, panel: Panel) -> tuple[tuple[str, ...], tuple[Formula, ...]]:
    if isinstance(formulas, str):
        formulas = [formulas]
    if not isinstance(formulas, Mapping):
        formulas = {f"f{place}": formula for place, formula in enumerate(formulas)}
    if not formulas:
        raise FormulaError("a stream needs a formula; give one such as 'rank(delta(close, 5))'")
    taken = [name for name in formulas if name in _RESERVED]
    if taken:
        raise FormulaError(
            f"the name '{taken[0]}' is taken by the table of signals; give the formula another"
        )
    found = []
    for formula in formulas.values():
        if isinstance(formula, Expression):
            formula = Formula(formula)
        # What a formula reads is checked, and what it can not write is found now and not when it is saved.
        found.append(Formula.parse(formula if isinstance(formula, str) else formula.text, panel=panel))
    return tuple(formulas), tuple(found)


def _empty(
    fields: Sequence[str], assets: Sequence[str], groups: Mapping[str, GroupCodes], conventions: Any
) -> Panel:
    """A panel without a day."""
    return Panel(
        np.empty((len(fields), 0, len(assets)), np.float32), tuple(fields), np.empty(0, "datetime64[D]"),
        tuple(assets), dict(groups), name="stream", conventions=conventions,
    )  # fmt: skip
