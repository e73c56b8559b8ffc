"""Live evaluation of formulas, day by day, with corrections of old days and a state file."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.engine import Formula, Program
from quarva.errors import FormulaError, PanelError, RunError
from quarva.karva import Expression, render
from quarva.live.bars import bars_of, universe_of
from quarva.live.history import History
from quarva.live.state import State, read_state, write_state
from quarva.panel import GroupCodes, Panel, check_panel, first_rows, last_rows
from quarva.panel.dates import text_of

__all__ = ["Formulas", "Stream"]

One = str | Formula | Expression
Formulas = One | Sequence[One] | Mapping[str, One]

_RESERVED = ("date", "asset")


class Stream:
    """Formulas that take one day at a time and return the signals of that day.

    The signals equal, bit for bit, those of the formulas on the whole panel up to that day.

    Parameters
    ----------
    formulas : sequence or mapping of str, Formula or Expression
        The P formulas. Text is in infix notation. The keys of a mapping are the names of the formulas. In a
        sequence they are named f0, f1, …
    panel : Panel
        The history up to today. Its assets, groups and conventions are fixed. If it has a universe, each new
        day needs one too.
    threads : int, optional
        Maximal number of threads. Defaults to all cores. The signals do not depend on it.

    Attributes
    ----------
    names : tuple of str, length P
        Names of the formulas.
    formulas : tuple of Formula, length P
        The formulas.
    fields : tuple of str, length F
        The fields of a day, in the order in which `step` takes them: those that the formulas read. With the
        conventions "qlib", an asset begins and ends with the first and the last value of any field, so these
        are all fields of the panel.
    assets : tuple of str, length N
        Names of the assets.

    Raises
    ------
    FormulaError
        A formula cannot be parsed, reads something that the panel lacks, or has a reserved name.
    PanelError
        `panel` is not a Panel.

    Notes
    -----
    A stream keeps only the bars that later signals depend on: up to twice the longest lookback, and up to
    255 days more for medians, quantiles, ranks and counts over windows. With the conventions "qlib", an `ema`
    depends on all days, so a stream with one keeps all bars.

    With these conventions, an asset without a bar today has no signal today, and it is in no cross-section.
    If its bars come back, the days between become days of the asset in retrospect. If a formula looks back at
    cross-sections, they are then computed again from the stored bars.
    """

    def __init__(self, formulas: Formulas, panel: Panel, threads: int | None = None) -> None:
        check_panel(panel, "a stream")
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
            self._machine.ends[:n] = last_rows(panel.values)
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
        self._valid_from = 0  # first day from which the machine's results are valid; −1: it has to run again
        self._latest: NDArray[np.float32] | None = None
        self._revises = self.conventions == "qlib" and any(
            _looks_back_at_cross_sections(formula.expression) for formula in self.formulas
        )

    @staticmethod
    def is_compiled() -> bool:
        """True if the kernels are in the disk cache. If not, the first day takes longer."""
        return engine.Stream.is_compiled()

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the N assets."""
        return self._like.assets

    @property
    def groups(self) -> dict[str, GroupCodes]:
        """The groups that the formulas name, with the code of each asset."""
        return self._like.groups

    @property
    def conventions(self) -> str:
        """The treatment of windows that are not full; see `Panel.conventions`."""
        return self._like.conventions

    @property
    def has_universe(self) -> bool:
        """True if each day has a universe."""
        return self._history.universe is not None

    @property
    def days(self) -> int:
        """Number of days that the stream has taken."""
        return self._history.days

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """The days whose bars are stored, datetime64[D] or datetime64[ns], ascending up to the last day."""
        return np.array(self._history.dates, f"datetime64[{self._history.unit}]")

    @property
    def nbytes(self) -> int:
        """Memory in use, in bytes."""
        return self._machine.nbytes + sum(values.nbytes for values in self._history.values)

    def universe(self) -> NDArray[np.bool_] | None:
        """The universe of the K stored days.

        Returns
        -------
        ndarray of bool, shape (K, N), or None
            None if the stream has no universe.
        """
        kept = self._history.universe
        return None if kept is None else np.array(kept, np.bool_).reshape(len(kept), len(self.assets))

    def bars(self) -> NDArray[np.float32]:
        """The bars of the K stored days.

        Returns
        -------
        ndarray of float32, shape (F, K, N)
            NaN marks a missing value.
        """
        kept = self._history.values or [np.empty((len(self.fields), 0, len(self.assets)), np.float32)]
        return np.stack(kept, axis=1) if self._history.values else kept[0]

    def step(
        self, date: Any, values: Mapping[str, Any] | NDArray, universe: Any = None
    ) -> NDArray[np.float32]:
        """Append a day.

        The first step after a stream was created, loaded or corrected replays the stored days (see
        `catch_up`). Later steps only compute one day.

        Parameters
        ----------
        date : datetime64, date, datetime or str
            The day, which must be after the last one. Any type that NumPy converts to datetime64 is accepted.
        values : mapping of str to array-like of shape (N,), or ndarray of shape (F, N)
            The bars by field name, or in the order of `fields`. NaN marks a missing value.
        universe : array-like of bool, shape (N,), optional
            True for the assets that belong to the universe. Required if the initial panel has a universe.

        Returns
        -------
        ndarray of float32, shape (P, N)
            The signals of the day. NaN means no opinion.

        Raises
        ------
        PanelError
            The date is invalid or not after the last one, a value is infinite, a field is missing or does not
            have length N, or the universe is missing. The stream is left unchanged.
        """
        day = self.date_of(date)
        if self._history.dates and day <= self._history.dates[-1]:
            last = text_of(self._history.dates[-1])
            raise PanelError(
                f"{text_of(day)} is not after the stream's last day, {last}; give a later day, or replace the"
                " bars of an old one with correct()"
            )
        bars, inside = self._checked(day, values, universe)
        if self._revises and self._close_gaps(bars):
            self._valid_from = -1
        self.catch_up()
        self._latest = self._machine.step(bars, inside)
        self._history.append(day, bars, inside)
        self._history.drop_before(self._machine.begin_for(self.days - 1))
        return self._latest.copy()

    def correct(self, date: Any, values: Mapping[str, Any] | NDArray, universe: Any = None) -> bool:
        """Replace the bars of a day that the stream already has.

        Parameters
        ----------
        date, values, universe
            As in `step`.

        Returns
        -------
        bool
            True if later signals depend on the day: `signals` and all steps are then as if the day had been
            correct from the start. False if the day is older than the stored days, so that nothing changes.

        Raises
        ------
        PanelError
            As in `step`, or the day is not one of the stream's days.
        """
        day = self.date_of(date)
        index = self.index_of(day)
        bars, inside = self._checked(day, values, universe)
        if index is not None:
            self._history.replace(index, bars, inside)
        changed = self._update_first_days(bars, index) or index is not None
        if changed:
            self._find_last_days()
            self._valid_from, self._latest = -1, None
        return changed

    def _close_gaps(self, bars: NDArray[np.float32]) -> bool:
        """Move the last day of assets whose bars are back today to today; return True if there are any."""
        ends = self._machine.ends[: len(self.assets)]
        back = ~np.isnan(bars).all(axis=0) & (ends >= 0) & (ends < self.days - 1)
        ends[back] = self.days
        return bool(back.any())

    def _find_last_days(self) -> None:
        """Find the last day of each asset in the stored bars; an earlier day need not be exact."""
        rows, first = last_rows(self.bars()), self._history.first
        self._machine.ends[: len(self.assets)] = np.where(rows >= 0, first + rows, first - 1)

    def _update_first_days(self, bars: NDArray[np.float32], index: int | None) -> bool:
        """Recompute the first day of each asset after a correction; return True if one changed.

        Signals depend on it with the conventions "qlib" only.
        """
        if self.conventions != "qlib":
            return False
        first, begins = self._history.first, self._machine.begins[: len(self.assets)]
        before, young = begins.copy(), begins >= first
        if index is None:  # a day before the stored ones need not be exact
            begins[young & ~np.isnan(bars).all(axis=0)] = first - 1
        else:
            rows = first_rows(self.bars())
            begins[young] = np.where(rows < len(self.dates), first + rows, np.inf)[young]
        return not np.array_equal(begins, before)

    def index_of(self, date: Any) -> int | None:
        """Index of a day among the stored days.

        Parameters
        ----------
        date : datetime64, date, datetime or str
            The day.

        Returns
        -------
        int or None
            None if the day is so old that no later signal depends on it.

        Raises
        ------
        PanelError
            The day is not one of the stream's days.
        """
        day, kept = self.date_of(date), self._history.dates
        if not kept or day > kept[-1]:
            raise PanelError(
                f"{text_of(day)} is after the stream's last day; give an earlier day, or append it with"
                " step()"
            )
        if day < kept[0] and self._history.first > 0:
            return None
        index = self._history.index_of(day)
        if index is None:
            raise PanelError(
                f"{text_of(day)} is not one of the stream's days, and a day cannot be inserted; start again"
                " with a panel that has it"
            )
        return index

    def signals(self, progress: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        """The signals of the last day.

        Parameters
        ----------
        progress : callable, optional
            See `catch_up`.

        Returns
        -------
        ndarray of float32, shape (P, N)
            NaN means no opinion.

        Raises
        ------
        PanelError
            The stream has no day yet.
        """
        if not self._history.dates:
            raise PanelError("the stream has no days yet, so there are no signals; append one with step()")
        if self._latest is None:
            self._run_to(self.days - 1, progress)
            self._latest = self._machine.step(self._history.values[-1], self._history.universe_at(-1))
        return self._latest.copy()

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Replay the stored days if necessary, so that the next step only computes one day.

        Parameters
        ----------
        progress : callable, optional
            Called after each day with the number of days done and the number of days to replay.
        """
        self._run_to(self.days, progress)

    def _run_to(self, until: int, progress: Callable[[int, int], None] | None) -> None:
        """Bring the machine to day `until`, so that its results are valid from that day on."""
        if self._machine.day == until and 0 <= self._valid_from <= until:
            return
        self._valid_from = -1
        first, kept = self._machine.resume(until), self._history
        for day in range(first, until):
            self._machine.advance(kept.values[day - kept.first], kept.universe_at(day - kept.first))
            if progress is not None:
                progress(day + 1 - first, until - first)
        self._valid_from = until

    def date_of(self, date: Any) -> np.datetime64:
        """Convert a date to the unit of the stream.

        Parameters
        ----------
        date : datetime64, date, datetime or str
            The date.

        Returns
        -------
        datetime64

        Raises
        ------
        PanelError
            The argument is not a date, or it has a time of day and the stream is daily.
        """
        try:
            instant = np.datetime64(date).astype("datetime64[ns]")
        except (ValueError, TypeError):
            instant = np.datetime64("NaT")
        if np.isnat(instant):
            raise PanelError(f"{date!r} is not a date; write it as YYYY-MM-DD")
        day = instant.astype(f"datetime64[{self._history.unit}]")
        if day != instant:
            raise PanelError(
                f"{text_of(instant)} has a time of day, but the bars of the stream are daily; give a date"
            )
        return np.datetime64(day)

    def _checked(
        self, day: np.datetime64, values: Mapping[str, Any] | NDArray, universe: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        """Check and copy the bars of a day, float32 of shape (F, N), and its universe."""
        text = text_of(day)
        bars = bars_of(text, values, self.fields, self.assets)
        return bars, universe_of(text, universe, self.has_universe, len(self.assets))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state of the stream to a file, atomically.

        Parameters
        ----------
        path : str or os.PathLike
            The file, in NumPy's .npz format. It holds the formulas as text and the bars as arrays. It does
            not hold anything that can be computed from them, so it does not depend on the version of the
            kernels.

        Raises
        ------
        RunError
            The file cannot be written.
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
        """Load a stream that `save` wrote.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        threads : int, optional
            As in the constructor.

        Returns
        -------
        Stream

        Raises
        ------
        RunError
            The file does not exist, is damaged, or has another version.
        """
        state = read_state(path)
        stream = cls.__new__(cls)
        stream.names, stream.fields = state.names, state.fields
        like = _empty(state.fields, state.assets, state.groups, state.conventions)
        try:
            stream.formulas = tuple(Formula.parse(text, panel=like) for text in state.formulas)
        except FormulaError as error:
            raise RunError(f"{path} has a formula that cannot be read: {error}") from None
        program = Program.from_expressions([formula.expression for formula in stream.formulas])
        stream._begin(program, like, state.dates.dtype, threads)
        stream._machine.begins[: len(state.assets)] = state.begins
        kept = stream._history
        kept.first, kept.dates = state.first, list(state.dates)
        kept.values = list(np.ascontiguousarray(state.values.swapaxes(0, 1)))
        kept.universe = None if state.universe is None else list(state.universe)
        if stream._machine.begin_for(max(stream.days - 1, 0)) < kept.first:
            raise RunError(
                f"{path} has fewer days than this Quarva needs: create it again (quarva stream init)"
            )
        stream._find_last_days()
        return stream


def _named(formulas: Formulas, panel: Panel) -> tuple[tuple[str, ...], tuple[Formula, ...]]:
    """Names and formulas; every formula is checked against the panel."""
    if isinstance(formulas, str) or not isinstance(formulas, Iterable):
        formulas = [formulas]
    if not isinstance(formulas, Mapping):
        formulas = {f"f{number}": formula for number, formula in enumerate(formulas)}
    if not formulas:
        raise FormulaError("a stream needs a formula; give one such as 'rank(delta(close, 5))'")
    reserved = [name for name in formulas if name in _RESERVED]
    if reserved:
        raise FormulaError(
            f"the name '{reserved[0]}' is a column of the table of signals; give the formula another name"
        )
    # Parsing the rendered text rejects a formula that cannot be rendered here rather than in `save`.
    checked = tuple(
        Formula.parse(formula if isinstance(formula, str) else render(formula), panel=panel)
        for formula in formulas.values()
    )
    return tuple(formulas), checked


def _looks_back_at_cross_sections(expression: Expression) -> bool:
    """True if a rolling operator reads, directly or not, the result of a cross-sectional one."""
    rolling = [
        node for node in expression.walk() if node.symbol.operator and node.symbol.operator.kind == "rolling"
    ]
    return any(
        node.symbol.operator is not None and node.symbol.operator.kind in ("cross", "group")
        for root in rolling
        for node in root.walk()
    )


def _empty(
    fields: Sequence[str], assets: Sequence[str], groups: Mapping[str, GroupCodes], conventions: Any
) -> Panel:
    """A panel without days."""
    return Panel(
        np.empty((len(fields), 0, len(assets)), np.float32), tuple(fields), np.empty(0, "datetime64[D]"),
        tuple(assets), dict(groups), name="stream", conventions=conventions,
    )  # fmt: skip
