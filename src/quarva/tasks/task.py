"""The task: what is asked of a panel or a table, and how an answer is scored."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva._runtime.whole import whole
from quarva.errors import TaskError
from quarva.karva.genes import Population
from quarva.karva.notation import expression_of, parse
from quarva.panel import Panel, Table, calendar_of
from quarva.panel.names import is_price
from quarva.strategies import (
    HoldingReturns,
    LongShort,
    SignTiming,
    Strategy,
    check_delisting_return,
    check_periods,
    check_terms,
    closes,
    holding_returns,
    sharpe_ratio,
    simulate,
)
from quarva.tasks.leaks import Leak, find_leaks, warnings_of
from quarva.tasks.objectives import covered, objective_named
from quarva.tasks.prepared_target import PreparedTarget
from quarva.tasks.question import ask_panel, ask_table
from quarva.tasks.scores import Scores
from quarva.tasks.split import TEST, TRAIN, UNUSED, VALIDATION, Border
from quarva.tasks.targets import Target
from quarva.tasks.traded import check_traded, is_traded, untraded_notes

__all__ = ["Task", "check_task"]

_SIGNAL_BYTES = 64 * 2**20  # signals that a trading objective holds at a time


class Task:
    """A question: predict `target`, scored by `objective`, on train, validation and a sealed test.

    A panel is split by days, each part purged of the days whose target reaches into the next one
    (`split.split_days`). A table is for training as a whole unless shares of its rows are given.

    The parts of a trading objective (`sharpe`, `timing_sharpe`) hold the returns that the signals of the
    part's days earn, so that they too stop before the next part begins. Its positions change daily; of the
    target it uses the delay, and the horizon for purging.

    Args:
        data: a Panel, or a Table for symbolic regression.
        target: a ForwardReturn or another of `targets.FORWARD`, a Field, or text (`forward_return_5`,
            `direction_5`, `field:NAME`, a field's name); a list of several is scored by the first, `horizons`
            reports all. None is `forward_return_1`. A table has its own.
        objective: a name of `objectives.OBJECTIVES`; None is `ic`, with fewer than 3 assets `ts_corr`, and
            for a table `r2`.
        split: first day of validation and first day of the test (dates, or shares of the days in (0, 1));
            None is (0.6, 0.8). For a table: shares of the rows, or None for no split.
        embargo: days left out after each border, besides those purged before it.
        delay: days from the signal to the trade; None is the target's own, or 1.
        cost_bps: basis points paid on what a trading objective trades.
        parsimony: taken off the fitness for each node; None is the objective's own, see `objectives`.
        periods_per_year: bars a year, for annual figures; None infers it from the panel's dates, see
            `panel.calendar_of`.
        delisting_return: return on the day after the last price of an asset that is held, −1 or more; see
            `strategies.holding_returns`.

    Attributes:
        panel: the panel (of a table, its rows as assets).
        table: the table, or None.
        objective: the entry of the table of objectives.
        targets: [M, T, N] in the precision of the panel, by the day of the signal; NaN = not there, and in
            the sealed test.
        target_names: names of the M targets.
        segments: int8 [T]: 0 train, 1 validation, 2 test, −1 in none. All 0 for a table.
        split: the parts' days, `split.Split`; None for a table.
        fields: what formulas may read: all fields but those that are targets.
        delay, cost_bps, parsimony, delisting_return: as given, or their defaults.
        periods_per_year: as given or inferred; NaN for a table.
        horizon: days that one value of the first target spans.
        classes: values that the first target may have, ascending; none where it may have any.
        target_words: the first target as a sentence names it, `5-day forward return`.
        trades: whether figures of trading the signal make sense, see `traded`.
        notes: what a report should say aloud.
        test_readings: how many times the sealed test was read, by lent signals too.
        looks_back: days before their own that the panel's fields were computed from, see `lend`.

    Raises:
        TaskError: an unknown target or objective, an objective that does not fit the data, too few days or
            assets, a split outside the panel or out of order, a price of 0 or less, a negative setting.
    """

    def __init__(
        self,
        data: Panel | Table,
        target: Target | str | Sequence[Target | str] | None = None,
        objective: str | None = None,
        split: Sequence[Border] | None = None,
        *,
        embargo: int = 0,
        delay: int | None = None,
        cost_bps: float = 5.0,
        parsimony: float | None = None,
        periods_per_year: float | None = None,
        delisting_return: float = 0.0,
    ) -> None:
        if not isinstance(data, Panel | Table):
            raise TaskError(
                f"a task is about a Panel or a Table, not a {type(data).__name__}: read it with "
                "Panel.read(...) (dates × assets) or Table.read(..., target=NAME) (rows of numbers)"
            )
        embargo = whole("the embargo", embargo, 0, TaskError, "days")
        terms = check_terms(1 if delay is None else delay, cost_bps)
        delay = None if delay is None else terms
        check_periods(periods_per_year)
        check_delisting_return(delisting_return)
        if parsimony is not None and not parsimony >= 0:
            raise TaskError(f"parsimony must be 0 or more a node, not {parsimony}")
        self.table = data if isinstance(data, Table) else None
        self.panel = data.panel if isinstance(data, Table) else data
        self.objective = objective_named(objective, "table" if self.table else "panel", self.panel.assets)
        if isinstance(data, Table):
            if target is not None:
                raise TaskError(
                    "a table has its own target column, Table.read(..., target=NAME); leave target out"
                )
            question = ask_table(data, split)
        else:
            question = ask_panel(data, target, split, embargo, delay)
        check_traded(question, self.objective, self.panel)
        self.targets, self._sealed = question.open, question.sealed
        self.target_names = question.names
        self.segments, self.split = question.segments, question.split
        self.fields, self.delay, self.notes = question.fields, question.delay, question.notes
        self.horizon, self.classes, self.cost_bps = question.horizon, question.classes, float(cost_bps)
        self.target_words = question.words
        self.trades = is_traded(question, self.objective)
        self.notes += untraded_notes(question, self.objective, self.panel)
        self.parsimony = self.objective.parsimony if parsimony is None else float(parsimony)
        periods = periods_per_year or calendar_of(self.panel.dates).periods_per_year
        self.periods_per_year = float("nan") if self.table else float(periods)
        self.delisting_return = float(delisting_return)
        self._read: list[float] = []  # of the sealed test; tasks lent from this one share it
        self.looks_back = 0

    def __repr__(self) -> str:
        return f"<Task {self.objective.name} of {self.target_names[0]} on {self.panel.name}>"

    @property
    def test_readings(self) -> int:
        return len(self._read)

    def describe(self) -> dict[str, Any]:
        """The question as plain data, for recipes and findings: names, dates as text, numbers."""
        return {
            "target": self.target_names[0],
            "objective": self.objective.name,
            "delay": self.delay,
            "split": {}
            if self.split is None
            else {name: list(span) for name, span in self.split.spans.items()},
            "purged_days": 0 if self.split is None else self.split.purged,
            "embargo": 0 if self.split is None else self.split.embargo,
            "parsimony": self.parsimony,
            "cost_bps": self.cost_bps,
            "periods_per_year": None if self.table else self.periods_per_year,
            "delisting_return": self.delisting_return,
        }

    def leaks(self, names: Sequence[str], values: Sequence[NDArray[np.floating]]) -> list[Leak]:
        """Find what is the target in all but name on the training days, see `leaks.find_leaks`.

        Parameters
        ----------
        names : sequence of str
            What the F fields or features are called.
        values : sequence of float arrays, each [T, N]
            Their values by day and asset, NaN = missing.

        Returns
        -------
        list of Leak
            Always empty for a table, where a column may well explain all there is, and for a target that is
            known on its own day.
        """
        if self.split is None or not self.split.purged:
            return []
        learned = np.where((self.segments == TRAIN)[:, None], self.targets[0], np.float32(np.nan))
        return find_leaks(names, values, learned, horizon=self.horizon, delay=self.delay)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What makes the figures of this task worthless: fields that are the target in all but name.

        Nothing of a target that is a price: every other price of the day agrees with it, which a note says.
        """
        if is_price(self.target_names[0]):
            return ()
        leaks = self.leaks(self.fields, [self.panel.field(name) for name in self.fields])
        return warnings_of(leaks, self.target_names[0], self.panel.fields)

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation part: always on panels, and on tables where a split was asked for."""
        return self.table is None or len(self.targets) > 1

    def score(
        self,
        formulas: Any,
        threads: int | None = None,
        device: engine.Device = "cpu",
        *,
        validation: bool = True,
    ) -> Scores:
        """Score formulas on train and validation; the sealed test is not touched.

        Args:
            formulas: a Population, a Program, or one or several formulas: text, Formula, Expression, Finding.
            threads: None is one a core. The result does not depend on it.
            device: that evaluates them, see `engine.evaluate`.
            validation: whether that is wanted; if not it is NaN, and the days after training are not walked.

        Raises:
            TaskError: a formula reads a field that is a target. DeviceError: a GPU that is not there.
        """
        if self.table and isinstance(formulas, Population):
            self._keep_away(formulas.alphabet.fields)
            return self._score(formulas, validation, threads, device)
        program = self._program(formulas)
        return self._score(program, validation, threads, device)

    def _score(
        self,
        formulas: engine.Program | Population,
        validated: bool,
        threads: int | None,
        device: engine.Device,
    ) -> Scores:
        """Score every formula to the end of training, or of validation too."""
        if self.objective.positions is not None:
            assert isinstance(formulas, engine.Program)
            parts = (TRAIN, VALIDATION) if validated else (TRAIN,)
            figures = self._sharpes(formulas, parts, threads, device)
        else:
            yardstick = self._scored if validated or self.table else self._trained
            figures = self._figures(formulas, yardstick, threads, device)
            figures = figures[:, 0] if self.table else figures[:, :, 0]
        train = figures[:, 0]
        validation = figures[:, 1] if figures.shape[1] > 1 else np.full(len(train), np.nan)
        sign = np.ones(len(train), np.int8)
        if self.objective.sign_free:
            sign[train < 0] = -1
            train, validation = train * sign, validation * sign
        penalty = self.parsimony * formulas.sizes() if self.parsimony else 0.0
        return Scores((-train if self.objective.minimised else train) - penalty, train, validation, sign)

    def read_test(self, formula: Any, threads: int | None = None) -> float:
        """The objective of one formula on the sealed test, times the sign found in training.

        Each call is counted in `test_readings`. NaN where the formula is invalid in training or says too
        little in the test.

        Raises:
            TaskError: more than one formula, or a task without a test part.
        """
        if self.table and np.isnan(self._sealed).all():
            raise TaskError(
                "the table has no sealed test; give split=(0.6, 0.8) to keep 20 % of the rows for it"
            )
        program = self._program(formula)
        if len(program) != 1:
            raise TaskError(f"the sealed test is read for one formula at a time, not {len(program)}")
        trained = self.score(program, threads)
        if self.objective.positions is not None:
            figure = self._sharpes(program, (TEST,), threads)[0, 0]
        else:
            days = np.where(self.segments == (TRAIN if self.table else TEST), 0, UNUSED).astype(np.int8)
            sealed = PreparedTarget.of(self.panel, self._sealed, days, 1, self.objective.statistic)
            figure = self._figures(program, sealed, threads)[0, 0, 0]
        self._read.append(float("nan") if np.isnan(trained.fitness[0]) else float(figure * trained.sign[0]))
        return self._read[-1]

    def horizons(self, formulas: Any, threads: int | None = None) -> NDArray[np.float64]:
        """The objective against every target of the task, float64 [P, M, 2] (train, validation).

        Not turned by the sign: a formula that predicts falling prices has negative values. Of `sharpe`, which
        trades daily whatever the horizon, the IC; of `timing_sharpe` the pooled correlation.

        Raises:
            TaskError: the task is about a table.
        """
        if self.table:
            raise TaskError("a table has one target and no horizons; ask about a panel")
        every = self._yardstick(self.targets)
        return self._figures(self._program(formulas), every, threads).transpose(0, 2, 1)

    def strategy(self, function: Any) -> Strategy:
        """The strategy that trades `function` on this task's terms.

        Positions are those of a trading objective, else LongShort(0.2), and SignTiming for a single asset.
        The signal is traded as it stands: a formula that scored with sign −1 has to be negated first.
        """
        usual = LongShort() if len(self.panel.assets) > 1 else SignTiming()
        return Strategy(
            function,
            self.objective.positions or usual,
            self.delay,
            self.cost_bps,
            None if self.table else self.periods_per_year,
            self.delisting_return,
        )

    @cached_property
    def earned_segments(self) -> NDArray[np.int8]:
        """int8 [T]: the part whose signals a strategy's return of the day belongs to, −1 for none.

        The return of day s is earned by the signal of day s − delay − 1.
        """
        out = np.full(len(self.segments), UNUSED, np.int8)
        out[self.delay + 1 :] = self.segments[: len(out) - self.delay - 1]
        return out

    def _program(self, formulas: Any) -> engine.Program:
        """Compile what is no Program yet, and keep formulas away from the targets."""
        if isinstance(formulas, engine.Program):
            program = formulas
        elif isinstance(formulas, Population):
            program = engine.Program.from_population(formulas, exact=self.panel.precision == "float64")
        else:
            several = isinstance(formulas, Iterable) and not isinstance(formulas, str)
            panel = self.panel
            program = engine.Program.from_expressions([
                expression_of(each, panel.fields, panel.groups, panel.assets)
                for each in (formulas if several else [formulas])
            ])  # fmt: skip
        self._keep_away(program.fields)
        return program

    def check_fields(self, formula: str) -> None:
        """Raise TaskError where a formula reads a field that is a target, FormulaError where it is none."""
        self._program([parse(formula)])

    def _keep_away(self, fields: tuple[str, ...]) -> None:
        for name in fields:
            if name in self.panel.fields and name not in self.fields:
                raise TaskError(f"field '{name}' is a target of this task; a formula may not read it")

    def _yardstick(self, targets: NDArray[np.floating]) -> PreparedTarget:
        """Targets over train and validation; for a table all days are one segment."""
        open_days = np.where(self.segments == TEST, UNUSED, self.segments).astype(np.int8)
        return PreparedTarget.of(
            self.panel, targets, open_days, 1 if self.table else 2, self.objective.statistic
        )

    @cached_property
    def _scored(self) -> PreparedTarget:
        return self._yardstick(self.targets if self.table else self.targets[:1])

    @cached_property
    def _trained(self) -> PreparedTarget:
        return self._scored.first_part()

    def _figures(
        self,
        formulas: engine.Program | Population,
        yardstick: PreparedTarget,
        threads: int | None,
        device: engine.Device = "cpu",
    ) -> NDArray[np.float64]:
        """The objective by formula, segment and target, float64 [P, S, M]; NaN where too little counts."""
        count = yardstick.warm_up.shape[1]
        acc = engine.evaluate(
            formulas, self.panel, yardstick.target, self.objective.statistic, None, count, threads, device
        )
        if self.table:
            enough = acc[..., 0] == acc[..., 3]
        else:
            assert isinstance(formulas, engine.Program)
            looks_back = formulas.lookback() + self.looks_back
            enough = covered(acc[..., 0], yardstick.possible, yardstick.before(looks_back))
            acc = yardstick.settled(acc, looks_back)
        with np.errstate(divide="ignore", invalid="ignore"):
            figures = self.objective.figure(acc, yardstick.variance)
        return np.where(enough & np.isfinite(figures), figures, np.nan)

    def _sharpes(
        self,
        program: engine.Program,
        parts: tuple[int, ...],
        threads: int | None,
        device: engine.Device = "cpu",
    ) -> NDArray[np.float64]:
        """The Sharpe ratio by formula and part, float64 [P, len(parts)]; NaN where too little counts."""
        rule = self.objective.positions
        assert rule is not None  # the table gives every objective of returns its positions
        last = int(np.flatnonzero(np.isin(self.segments, parts))[-1])
        days = min(last + self.delay + 2, len(self.segments))
        returns = self._returns.first(days)
        needed = self._needed(returns)
        lookback = program.lookback() + self.looks_back
        out = np.full((len(program), len(parts)), np.nan)
        for chunk in self._chunks(len(program)):
            signals = engine.signals(program[chunk], self.panel, threads, device)
            result = simulate(signals, returns, rule, self.delay, engine.threads_to_use(threads))
            net = result.net(self.cost_bps)
            opinion = (result.opinions >= needed) & (needed > 0)
            for k, part in enumerate(parts):
                asked = self.segments[:days] == part
                possible = np.append(0, np.cumsum(asked & (needed > 0))).astype(np.float64)
                warm_up = possible[np.minimum(lookback[chunk], days)]
                enough = covered(opinion[:, asked].sum(axis=1), possible[-1:], warm_up)
                earned = net[:, self.earned_segments[:days] == part]
                figures = sharpe_ratio(earned, self.periods_per_year)
                out[chunk, k] = np.where(enough, figures, np.nan)
        return out

    @cached_property
    def _returns(self) -> HoldingReturns:
        return holding_returns(closes(self.panel), self.delisting_return)

    def _needed(self, returns: HoldingReturns) -> NDArray[np.int64]:
        """Assets that need a signal for the day to count, int64 [days]: half of those that it can trade.

        An asset can be traded where it has a price on the day of the trade; whether it has one on the day
        after is not known then. 0 on days whose signal can earn nothing.
        """
        tradable = np.zeros(len(returns.gain), np.int64)
        trades = returns.open[self.delay : -1]
        if self.panel.universe is not None:
            trades = trades & self.panel.universe[: len(trades)]
        tradable[: len(trades)] = trades.sum(axis=1)
        least = self.objective.least_assets
        return np.where(tradable >= least, np.maximum(least, -(-tradable // 2)), 0)

    def _chunks(self, count: int) -> Iterator[slice]:
        days, assets = self.panel.shape
        size = max(1, _SIGNAL_BYTES // (4 * days * assets))
        return (slice(start, min(start + size, count)) for start in range(0, count, size))


def check_task(given: object, verb: str) -> None:
    """Raise TaskError where what a verb (`search`) was given is no Task."""
    if not isinstance(given, Task):
        raise TaskError(
            f"{verb} takes a Task, not a {type(given).__name__}: ask a question first, as in "
            "Task(panel, target='forward_return_5')"
        )
