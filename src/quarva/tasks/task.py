"""The task: what to predict on a panel or a table, and how predictions are scored."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    check_delay_and_cost,
    check_delisting_return,
    check_periods,
    closes,
    holding_returns,
    sharpe_ratio,
    simulate,
)
from quarva.tasks.leaks import Leak, find_leaks, leak_warnings
from quarva.tasks.objectives import covered, find_objective
from quarva.tasks.prepared_target import PreparedTarget
from quarva.tasks.question import RISK_UNUSED, panel_question, table_question
from quarva.tasks.risk import RiskModel
from quarva.tasks.scores import Scores
from quarva.tasks.split import TEST, TRAIN, UNUSED, VALIDATION, Border
from quarva.tasks.targets import Target
from quarva.tasks.traded import check_traded, is_traded, untraded_notes

__all__ = ["Task", "check_task"]

_SIGNAL_BYTES = 64 * 2**20  # memory for the signals of a chunk of formulas


class Task:
    """A target to predict and an objective, on a training part, a validation part and a sealed test.

    Parameters
    ----------
    data : Panel or Table
        The data. A table is for symbolic regression.
    target : ForwardReturn or another target, Field, str, or sequence of these, optional
        The target, or its name: `forward_return_5`, `direction_5`, `field:NAME`, or the name of a field. With
        several targets, the first is scored and `horizons` reports all. Defaults to `forward_return_1`. A
        table has its own target.
    objective : str, optional
        A name in `OBJECTIVES`. Defaults to "ic", to "ts_corr" with fewer than 3 assets, and to "r2" for a
        table.
    split : sequence of two dates or shares, optional
        First day of validation and first day of the test, as dates or as shares of the days in (0, 1).
        Defaults to (0.6, 0.8). For a table, shares of the rows; by default all rows are for training.
    embargo : int, default 0
        Days left out after each border, in addition to those purged before it.
    delay : int, optional
        Days from the signal to the trade. Defaults to that of the target, or to 1.
    cost_bps : float, default 5.0
        Cost of a trading objective in basis points of the traded volume.
    parsimony : float, optional
        Penalty of the fitness per node of a formula. Defaults to that of the objective.
    periods_per_year : float, optional
        Number of bars per year, for annualisation. By default it is inferred from the dates; see
        `panel.calendar_of`.
    delisting_return : float, default 0.0
        Return on the day after the last price of a held asset, at least −1; see `strategies.holding_returns`.
    risk : str, path, mapping or RiskModel, optional
        Risk model whose exposures are removed from targets that are returns: "none", "default" (see
        `RiskModel.default`), the path of a TOML file, its content, or a model. It is not used by objectives
        that trade. Defaults to "default" for objectives that compare assets, such as ic, and to "none"
        otherwise.

    Attributes
    ----------
    panel : Panel
        The panel. For a table, its rows are the assets.
    table : Table or None
        The table.
    objective : Objective
        The objective.
    targets : ndarray in the precision of the panel, shape (M, T, N)
        The M targets by the day of the signal. NaN means no target, as in the sealed test. With a risk model,
        returns are residuals divided by their past volatility (see `RiskModel.residual`).
    raw_targets : ndarray, shape (M, T, N)
        The targets without the risk model.
    exposures : tuple of str
        What the risk model removed: "market", which is the mean of each day, groupings and exposures. Empty
        without a risk model.
    target_names : tuple of str, length M
        Their names.
    segments : ndarray of int8, shape (T,)
        Part of each day: 0 train, 1 validation, 2 test, −1 none. All 0 for a table.
    split : Split or None
        The parts. None for a table.
    fields : tuple of str
        Fields that formulas may read: all except the targets.
    delay, cost_bps, parsimony, delisting_return : int and float
        As given, or their defaults.
    periods_per_year : float
        As given or inferred. NaN for a table.
    horizon : int
        Number of days that a value of the first target spans.
    classes : tuple of float
        Values of the first target, ascending. Empty if it can take any value.
    target_description : str
        The first target in words, such as "5-day forward return".
    trades : bool
        Whether the signal can be traded, because the target is a return or the objective trades.
    notes : list of str
        Remarks for the report.
    test_readings : int
        Number of readings of the sealed test, including those by copies of the task with external signals.
    signal_lookback : int
        Number of earlier days from which external signals are computed; see `attach_signals`.

    Raises
    ------
    TaskError
        A target or objective is unknown or does not fit the data, there are too few days or assets, the split
        is invalid, a price is not above 0, or a number is out of range.

    Notes
    -----
    A panel is split by days, and the end of each part is purged so that no target reaches into the next part
    (see `split_days`).

    A trading objective ("sharpe", "timing_sharpe") is computed from the returns that the signals of a part's
    days earn, which also end before the next part begins. Its positions change daily. From the target it
    takes the delay, and the horizon for purging.
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
        risk: "str | os.PathLike[str] | Mapping[str, Any] | RiskModel | None" = None,
    ) -> None:
        if not isinstance(data, Panel | Table):
            raise TaskError(
                f"a task needs a Panel or a Table, not a {type(data).__name__}; read it with Panel.read(...) "
                "(dates × assets) or Table.read(..., target=NAME) (rows of numbers)"
            )
        embargo = whole("the embargo", embargo, 0, TaskError, "days")
        checked_delay = check_delay_and_cost(1 if delay is None else delay, cost_bps)
        delay = None if delay is None else checked_delay
        check_periods(periods_per_year)
        check_delisting_return(delisting_return)
        if parsimony is not None and not parsimony >= 0:
            raise TaskError(f"parsimony must be 0 or more per node, not {parsimony}")
        self.table = data if isinstance(data, Table) else None
        self.panel = data.panel if isinstance(data, Table) else data
        self.objective = find_objective(objective, "table" if self.table else "panel", self.panel.assets)
        if isinstance(data, Table):
            if target is not None:
                raise TaskError(
                    "a table has its own target column, Table.read(..., target=NAME); leave target out"
                )
            question, self.risk = table_question(data, split), None
        else:
            compares = self.objective.positions is None and self.objective.statistic in ("ic", "rank_ic")
            self.risk = RiskModel.of(("default" if compares else "none") if risk is None else risk, data)
            if self.objective.positions is None:
                question = panel_question(data, target, split, embargo, delay, self.risk)
                if self.risk is not None and not question.exposures:
                    self.risk = None
                    if risk is not None:
                        question.notes.append(RISK_UNUSED)
            else:
                question = panel_question(data, target, split, embargo, delay)
                if self.risk is not None:
                    question.notes.append(
                        f"the risk model is not used, because the objective {self.objective.name} trades"
                    )
        check_traded(question, self.objective, self.panel)
        self.targets, self._sealed = question.open, question.sealed
        self.raw_targets, self.exposures = question.raw, question.exposures
        self.target_names = question.names
        self.segments, self.split = question.segments, question.split
        self.fields, self.delay, self.notes = question.fields, question.delay, question.notes
        self.horizon, self.classes, self.cost_bps = question.horizon, question.classes, float(cost_bps)
        self.target_description = question.description
        self.trades = is_traded(question, self.objective)
        self.notes += untraded_notes(question, self.objective, self.panel)
        self.parsimony = self.objective.parsimony if parsimony is None else float(parsimony)
        periods = periods_per_year or calendar_of(self.panel.dates).periods_per_year
        self.periods_per_year = float("nan") if self.table else float(periods)
        self.delisting_return = float(delisting_return)
        self._read: list[float] = []  # readings of the sealed test, shared with copies of this task
        self.signal_lookback = 0

    def __repr__(self) -> str:
        return f"<Task {self.objective.name} of {self.target_names[0]} on {self.panel.name}>"

    @property
    def test_readings(self) -> int:
        """Number of readings of the sealed test."""
        return len(self._read)

    def describe(self) -> dict[str, Any]:
        """The task as plain data for recipes and findings: names, dates as text, and numbers."""
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
            "exposures": list(self.exposures),
        }

    def leaks(self, names: Sequence[str], values: Sequence[NDArray[np.floating]]) -> list[Leak]:
        """Find fields or features that are copies of the target in training; see `find_leaks`.

        Parameters
        ----------
        names : sequence of str, length F
            Names of the fields or features.
        values : sequence of ndarray of float, shape (T, N)
            Their values. NaN marks a missing value.

        Returns
        -------
        list of Leak
            Empty for a table, where a column may legitimately determine the target, and for a target that is
            known on its own day.
        """
        if self.split is None or not self.split.purged:
            return []
        target = np.where((self.segments == TRAIN)[:, None], self.raw_targets[0], np.float32(np.nan))
        return find_leaks(names, values, target, horizon=self.horizon, delay=self.delay)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about fields that are copies of the target, one line each.

        There are none if the target is a price, because all prices of a day are close to each other; a note
        says so.
        """
        if is_price(self.target_names[0]):
            return ()
        leaks = self.leaks(self.fields, [self.panel.field(name) for name in self.fields])
        return leak_warnings(leaks, self.target_names[0], self.panel.fields)

    @property
    def has_validation(self) -> bool:
        """True if there is a validation part: for every panel, and for a table with a split."""
        return self.table is None or len(self.targets) > 1

    def score(
        self,
        formulas: Any,
        threads: int | None = None,
        device: engine.Device = "cpu",
        *,
        validation: bool = True,
    ) -> Scores:
        """Score formulas in training and validation. The sealed test is not read.

        Parameters
        ----------
        formulas : Population, Program, or one or several of str, Formula, Expression and Finding
            P formulas.
        threads : int, optional
            Maximum number of threads. Defaults to one per core. The result does not depend on it.
        device : str, default "cpu"
            Device of the evaluation; see `engine.evaluate`.
        validation : bool, default True
            Whether to compute validation scores. If false, they are NaN, and the days after training are not
            evaluated.

        Returns
        -------
        Scores

        Raises
        ------
        TaskError
            A formula reads a field that is a target.
        FormulaError
            A formula cannot be parsed, or reads something that the panel lacks.
        DeviceError
            The GPU is not available.
        """
        if self.table and isinstance(formulas, Population):
            self._check_fields(formulas.alphabet.fields)
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
        """Evaluate every formula up to the end of training, or of validation, and compute its scores."""
        if self.objective.positions is not None:
            assert isinstance(formulas, engine.Program)
            parts = (TRAIN, VALIDATION) if validated else (TRAIN,)
            values = self._sharpes(formulas, parts, threads, device)
        else:
            prepared = self._prepared if validated or self.table else self._prepared_training
            values = self._values(formulas, prepared, threads, device)
            values = values[:, 0] if self.table else values[:, :, 0]
        return self._scores(values, formulas)

    def _scores(self, values: NDArray[np.float64], formulas: engine.Program | Population) -> Scores:
        """Convert values of the objective, float64 [P, S], to scores."""
        train = values[:, 0]
        validation = values[:, 1] if values.shape[1] > 1 else np.full(len(train), np.nan)
        sign = np.ones(len(train), np.int8)
        if self.objective.sign_free:
            sign[train < 0] = -1
            train, validation = train * sign, validation * sign
        penalty = self.parsimony * formulas.sizes() if self.parsimony else 0.0
        return Scores((-train if self.objective.minimised else train) - penalty, train, validation, sign)

    def beside(self, values: NDArray[np.floating]) -> PreparedTarget:
        """Prepare the first target and a second one, shape (T, N), for `score_beside`; NaN: no target."""
        second = np.asarray(values, self.targets.dtype)[None]
        return self._prepare(np.concatenate([self.targets[:1], second])).first_part()

    def score_beside(
        self, formulas: Any, both: PreparedTarget, threads: int | None = None, device: engine.Device = "cpu"
    ) -> tuple[Scores, Scores]:
        """Score formulas in training for the first target and for a second one, in one pass.

        Parameters
        ----------
        formulas : Population, Program, or one or several of str, Formula, Expression and Finding
            P formulas.
        both : PreparedTarget
            Both targets; see `beside`.
        threads : int, optional
            Maximum number of threads. Defaults to one per core. The result does not depend on it.
        device : str, default "cpu"
            Device of the evaluation; see `engine.evaluate`.

        Returns
        -------
        tuple of two Scores
            Those of the first target are equal to the scores of `score` without validation, bit for bit.

        Raises
        ------
        TaskError, FormulaError, DeviceError
            As in `score`.
        """
        program = self._program(formulas)
        values = self._values(program, both, threads, device)
        return self._scores(values[:, :, 0], program), self._scores(values[:, :, 1], program)

    def read_test(self, formula: Any, threads: int | None = None) -> float:
        """Read the sealed test for one formula.

        Parameters
        ----------
        formula : Population, Program, str, Formula, Expression or Finding
            A single formula.
        threads : int, optional
            Maximum number of threads. Defaults to one per core.

        Returns
        -------
        float
            The objective on the test, times the sign found in training. NaN if the formula is invalid in
            training or its coverage in the test is too low.

        Raises
        ------
        TaskError
            There is more than one formula, the formula reads a target, or the task has no test.
        FormulaError
            The formula cannot be parsed, or reads something that the panel lacks.

        Notes
        -----
        Each call is counted in `test_readings`.
        """
        if self.table and np.isnan(self._sealed).all():
            raise TaskError(
                "the table has no sealed test; pass split=(0.6, 0.8) to reserve 20 % of the rows for it"
            )
        program = self._program(formula)
        if len(program) != 1:
            raise TaskError(f"the sealed test must be read for one formula at a time, not {len(program)}")
        trained = self.score(program, threads)
        if self.objective.positions is not None:
            value = self._sharpes(program, (TEST,), threads)[0, 0]
        else:
            days = np.where(self.segments == (TRAIN if self.table else TEST), 0, UNUSED).astype(np.int8)
            sealed = PreparedTarget.prepare(self.panel, self._sealed, days, 1, self.objective.statistic)
            value = self._values(program, sealed, threads)[0, 0, 0]
        self._read.append(float("nan") if np.isnan(trained.fitness[0]) else float(value * trained.sign[0]))
        return self._read[-1]

    def horizons(self, formulas: Any, threads: int | None = None) -> NDArray[np.float64]:
        """Compute the objective for every target of the task.

        Parameters
        ----------
        formulas : Population, Program, or one or several of str, Formula, Expression and Finding
            P formulas.
        threads : int, optional
            Maximum number of threads. Defaults to one per core.

        Returns
        -------
        ndarray of float64, shape (P, M, 2)
            Values in training and validation, without a change of sign. For "sharpe", which trades daily for
            any horizon, the IC; for "timing_sharpe", the pooled correlation.

        Raises
        ------
        TaskError
            The task is about a table, or a formula reads a target.
        FormulaError
            A formula cannot be parsed, or reads something that the panel lacks.
        """
        if self.table:
            raise TaskError("a table has a single target without horizons; use a panel")
        prepared = self._prepare(self.targets)
        return self._values(self._program(formulas), prepared, threads).transpose(0, 2, 1)

    def raw_scores(self, formulas: Any, threads: int | None = None) -> NDArray[np.float64]:
        """Compute the objective for the first target without the risk model.

        Parameters
        ----------
        formulas : Population, Program, or one or several of str, Formula, Expression and Finding
            P formulas.
        threads : int, optional
            Maximum number of threads. Defaults to one per core.

        Returns
        -------
        ndarray of float64, shape (P, 2)
            Values in training and validation, without a change of sign. NaN for a table and for an objective
            that trades.

        Raises
        ------
        TaskError
            A formula reads a target.
        FormulaError
            A formula cannot be parsed, or reads something that the panel lacks.
        """
        program = self._program(formulas)
        if self.table or self.objective.positions is not None:
            return np.full((len(program), 2), np.nan)
        return self._values(program, self._prepared_raw, threads)[:, :, 0]

    def strategy(self, function: Any) -> Strategy:
        """The strategy that trades a function with the delay and costs of this task.

        Parameters
        ----------
        function : str, Formula, Expression, Finding, or object with `signal(panel)`
            The function. A formula that scored with sign −1 must be negated first.

        Returns
        -------
        Strategy
            Its positions are those of a trading objective, otherwise `LongShort(0.2)`, or `SignTiming()` for
            a single asset.

        Raises
        ------
        TaskError
            The function is of the wrong type.
        FormulaError
            The formula cannot be parsed.
        """
        default = LongShort() if len(self.panel.assets) > 1 else SignTiming()
        return Strategy(
            function,
            self.objective.positions or default,
            self.delay,
            self.cost_bps,
            None if self.table else self.periods_per_year,
            self.delisting_return,
        )

    @cached_property
    def earned_segments(self) -> NDArray[np.int8]:
        """Part of the signal that earns a strategy's return on each day, int8, shape (T,); −1 for none.

        The return of day s is earned by the signal of day s − delay − 1.
        """
        out = np.full(len(self.segments), UNUSED, np.int8)
        out[self.delay + 1 :] = self.segments[: len(out) - self.delay - 1]
        return out

    def _program(self, formulas: Any) -> engine.Program:
        """Convert formulas to a Program and check that they do not read the targets."""
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
        self._check_fields(program.fields)
        return program

    def check_fields(self, formula: str) -> None:
        """Raise TaskError if a formula reads a target, and FormulaError if it cannot be parsed."""
        self._program([parse(formula)])

    def _check_fields(self, fields: tuple[str, ...]) -> None:
        for name in fields:
            if name in self.panel.fields and name not in self.fields:
                raise TaskError(f"field '{name}' is a target of this task; a formula must not read it")

    def _prepare(self, targets: NDArray[np.floating]) -> PreparedTarget:
        """Prepare targets on train and validation. For a table, all days are one segment."""
        open_days = np.where(self.segments == TEST, UNUSED, self.segments).astype(np.int8)
        return PreparedTarget.prepare(
            self.panel, targets, open_days, 1 if self.table else 2, self.objective.statistic
        )

    @cached_property
    def _prepared(self) -> PreparedTarget:
        return self._prepare(self.targets if self.table else self.targets[:1])

    @cached_property
    def _prepared_raw(self) -> PreparedTarget:
        return self._prepare(self.raw_targets[:1])

    @cached_property
    def _prepared_training(self) -> PreparedTarget:
        return self._prepared.first_part()

    def _values(
        self,
        formulas: engine.Program | Population,
        prepared: PreparedTarget,
        threads: int | None,
        device: engine.Device = "cpu",
    ) -> NDArray[np.float64]:
        """The objective by formula, segment and target, float64, shape (P, S, M); NaN if not covered."""
        count = prepared.warm_up.shape[1]
        acc = engine.evaluate(
            formulas, self.panel, prepared.target, self.objective.statistic, None, count, threads, device
        )
        if self.table:
            enough = acc[..., 0] == acc[..., 3]
        else:
            assert isinstance(formulas, engine.Program)
            lookback = formulas.lookback() + self.signal_lookback
            enough = covered(acc[..., 0], prepared.possible, prepared.in_warm_up(lookback))
            acc = prepared.count_missing_as_neutral(acc, lookback)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = self.objective.value(acc, prepared.variance)
        return np.where(enough & np.isfinite(values), values, np.nan)

    def _sharpes(
        self,
        program: engine.Program,
        parts: tuple[int, ...],
        threads: int | None,
        device: engine.Device = "cpu",
    ) -> NDArray[np.float64]:
        """The Sharpe ratio by formula and part, float64, shape (P, len(parts)); NaN if not covered."""
        rule = self.objective.positions
        assert rule is not None
        last = int(np.flatnonzero(np.isin(self.segments, parts))[-1])
        days = min(last + self.delay + 2, len(self.segments))
        returns = self._returns.first(days)
        required = self._required_signals(returns)
        lookback = program.lookback() + self.signal_lookback
        out = np.full((len(program), len(parts)), np.nan)
        for chunk in self._chunks(len(program)):
            signals = engine.signals(program[chunk], self.panel, threads, device)
            result = simulate(signals, returns, rule, self.delay, engine.threads_to_use(threads))
            net = result.net(self.cost_bps)
            counted = (result.opinions >= required) & (required > 0)
            for k, part in enumerate(parts):
                inside = self.segments[:days] == part
                possible = np.append(0, np.cumsum(inside & (required > 0))).astype(np.float64)
                warm_up = possible[np.minimum(lookback[chunk], days)]
                enough = covered(counted[:, inside].sum(axis=1), possible[-1:], warm_up)
                earned = net[:, self.earned_segments[:days] == part]
                out[chunk, k] = np.where(enough, sharpe_ratio(earned, self.periods_per_year), np.nan)
        return out

    @cached_property
    def _returns(self) -> HoldingReturns:
        return holding_returns(closes(self.panel), self.delisting_return)

    def _required_signals(self, returns: HoldingReturns) -> NDArray[np.int64]:
        """Number of assets that need a signal for the day to count: half of those that can be traded.

        An asset can be traded if it has a price on the day of the trade; whether it has one on the day after
        is not known then. 0 on days whose signal cannot earn anything. Shape (days,).
        """
        tradable = np.zeros(len(returns.gain), np.int64)
        trades = returns.open[self.delay : -1]
        if self.panel.universe is not None:
            trades = trades & self.panel.universe[: len(trades)]
        tradable[: len(trades)] = trades.sum(axis=1)
        minimum = self.objective.min_assets
        return np.where(tradable >= minimum, np.maximum(minimum, -(-tradable // 2)), 0)

    def _chunks(self, count: int) -> Iterator[slice]:
        days, assets = self.panel.shape
        size = max(1, _SIGNAL_BYTES // (4 * days * assets))
        return (slice(start, min(start + size, count)) for start in range(0, count, size))


def check_task(given: object, verb: str) -> None:
    """Raise TaskError unless `given` is a Task; `verb` names the caller in the message, such as "search"."""
    if not isinstance(given, Task):
        raise TaskError(
            f"{verb} takes a Task, not a {type(given).__name__}; create one, such as "
            "Task(panel, target='forward_return_5')"
        )
