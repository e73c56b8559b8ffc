"""Plain data behind a report page, independent of its source and of its layout.

Arrays are NumPy arrays, dates are datetime64 as in `Panel.dates`, and NaN marks missing values. Each plot
needs only one of these classes, so a page can be built from a search in memory, from a run folder, or by
hand.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SEGMENT_NAMES",
    "BestFormula",
    "Decay",
    "Fit",
    "Information",
    "Kind",
    "Layer",
    "Model",
    "Node",
    "Quantiles",
    "Question",
    "ReportData",
    "Row",
    "SearchFacts",
    "SearchProgress",
    "Segment",
    "SetFacts",
    "Trading",
    "TrainingHistory",
]

Kind = Literal["cross-section", "timing", "table"]
"""Kind of task: rank assets on each day, time a few assets, or regression on a table."""

SEGMENT_NAMES = ("train", "validation", "test")
"""Names of the segment codes 0, 1, 2; the code of purged days is -1."""

Floats = NDArray[np.float64]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of the split with its first and last day (inclusive; None for a table)."""

    name: str
    first: date | None
    last: date | None
    size: int  # days, or rows of a table
    readings: int | None = None  # test only: how often its scores were read; 0 means sealed

    @property
    def sealed(self) -> bool:
        """Whether this is a test set that has not been read."""
        return self.readings == 0


@dataclass(frozen=True, slots=True)
class Question:
    """Panel, target, objective and split."""

    kind: Kind
    panel: str
    assets: int
    size: int  # days, or rows of a table
    fields: tuple[str, ...]
    target: str  # as written in a recipe: forward_return_5, or a field
    objective: str  # as written in a recipe: ic, rank_ic, r2
    horizon: int | None = None  # holding period of a forward return in days; None for other targets
    delay: int = 1  # days from signal to trade
    segments: tuple[Segment, ...] = ()
    overlap: int = 1  # days that one value of the target spans
    target_label: str = ""  # the target within a sentence, "5-day forward return"; defaults to `target`
    trades: bool = True  # whether a forecast of the target can be traded
    sign_free: bool = False  # whether a formula and its negative have the same score
    purged: int = 0  # days left out before each boundary
    embargo: int = 0  # days left out after each boundary
    cost_bps: float = 0.0  # basis points of the traded value, one way
    periods_per_year: float = 252.0  # bars per year, for annualisation
    delisting_return: float = 0.0  # return on the day after the last price of a held asset
    exposures: tuple[str, ...] = ()  # what a risk model removed from the target
    parsimony: float = 0.0  # fitness penalty per node
    meaning: str = ""  # definition of the objective
    notes: tuple[str, ...] = ()  # remarks on the data and the task
    warnings: tuple[str, ...] = ()  # reasons why the scores are not valid, such as a leak


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """Settings and counts of a search."""

    searcher: str
    seed: int
    evaluations: int  # distinct formulas scored
    seconds: float
    budget: int | None = None
    proposed: int | None = None
    invalid: int | None = None
    candidates: int | None = None  # formulas from which a surrogate selected those to score
    stopped: str = ""  # stopping reason: budget, seconds, interrupted
    run: str = ""
    version: str = ""
    set: "SetFacts | None" = None


@dataclass(frozen=True, slots=True)
class SetFacts:
    """The set of a search, with its forecast and its scores; NaN where missing."""

    members: int  # formulas
    train: float
    validation: float
    raw_train: float = float("nan")  # scores for the target without the risk model
    raw_validation: float = float("nan")
    expected: float = float("nan")  # forecast for unseen days, and its 80 % interval
    expected_low: float = float("nan")
    expected_high: float = float("nan")


@dataclass(frozen=True, slots=True)
class Row:
    """One formula of the pool with its scores; NaN where a score is missing."""

    formula: str
    train: float
    validation: float
    turnover: float = float("nan")  # mean per day as a fraction of the capital (0.2 = 20 %)
    size: int = 0  # nodes
    test: float = float("nan")
    coverage: float = float("nan")  # fraction of the cells with a target where the formula has a value
    raw_train: float = float("nan")  # scores for the target without the risk model
    raw_validation: float = float("nan")
    expected: float = float("nan")  # forecast for unseen days, and its 80 % interval
    expected_low: float = float("nan")
    expected_high: float = float("nan")


@dataclass(frozen=True, slots=True)
class Node:
    """Node of a formula's tree."""

    label: str
    kind: Literal["operator", "field", "number"] = "operator"
    children: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class BestFormula:
    """Best formula in each notation; `mathml` is empty if the conversion failed."""

    text: str
    tree: Node | None = None
    latex: str = ""
    mathml: str = ""
    karva: str = ""
    qlib: str = ""
    sign: int = 1  # -1 if the strategy trades against the formula


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a network: its name, the shapes of its weights and its number of parameters."""

    name: str
    shapes: str
    parameters: int


@dataclass(frozen=True, slots=True)
class TrainingHistory:
    """Learning curves of a network or a trader.

    Attributes
    ----------
    steps : int64 array of shape (E,)
        Epochs or updates.
    curves : dict of str to float64 array of shape (E,)
        Values by curve name; NaN where missing.
    step : {"epoch", "update"}
        Unit of `steps`.
    figure : str
        Label of the vertical axis, such as "loss, mse".
    averaged_over : int
        Number of steps that each value is the mean of.
    ended : str
        Stopping reason: patience, epochs, updates, diverged or interrupted.
    """

    steps: NDArray[np.int64]
    curves: dict[str, Floats]
    step: str
    figure: str
    averaged_over: int = 1
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A network or a trader, reported in place of a formula.

    Attributes
    ----------
    kind : {"network", "trader"}
        Kind of the model.
    title : str
        Short description.
    figure, value : str, float
        Name and value of the metric by which the model is compared with `baselines`.
    baselines : dict of str to float
        The same metric for simple alternatives.
    beaten_by : tuple of str
        Baselines that are at least as good as the model.
    evaluated_on : str
        Part of the split on which the metric is computed.
    facts : tuple of (str, str)
        Labels and values of its settings.
    features : tuple of str
        Input formulas.
    layers : tuple of Layer
        Layers of the network.
    training : TrainingHistory, optional
        Learning curves.
    held_out : bool
        Whether validation days were kept out of training.
    sign : int
        -1 if the strategy trades against the signal.
    """

    kind: Literal["network", "trader"]
    title: str
    figure: str
    value: float
    baselines: dict[str, float]
    beaten_by: tuple[str, ...] = ()
    evaluated_on: str = "validation"
    facts: tuple[tuple[str, str], ...] = ()
    features: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    training: TrainingHistory | None = None
    held_out: bool = True
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Information:
    """Correlation of the signal with the target by day of the signal, excluding the sealed test.

    Attributes
    ----------
    dates : datetime64 array of shape (T,)
        Days of the signals.
    segments : int8 array of shape (T,)
        Segment codes.
    ic : float64 array of shape (T,)
        Daily correlation across assets; for timing, a rolling correlation through time. NaN where undefined.
    """

    dates: Dates
    segments: NDArray[np.int8]
    ic: Floats


@dataclass(frozen=True, slots=True)
class Trading:
    """Daily returns of the strategy, excluding the sealed test.

    Attributes
    ----------
    dates : datetime64 array of shape (T,)
        Days on which the returns are earned.
    segments : int8 array of shape (T,)
        Segment of the signal behind each day's return.
    net, gross : float64 arrays of shape (T,)
        Returns after and before costs.
    turnover : float64 array of shape (T,)
        Traded value as a fraction of the capital.
    benchmark : float64 array of shape (T,), optional
        Return of buy and hold; for timing only.
    """

    dates: Dates
    segments: NDArray[np.int8]
    net: Floats
    gross: Floats
    turnover: Floats
    benchmark: Floats | None = None


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Mean target by quantile of the signal, lowest first: `means[segment]` has shape [Q]."""

    means: dict[str, Floats]
    demeaned: bool = True  # whether each day's cross-sectional mean is subtracted


@dataclass(frozen=True, slots=True)
class Decay:
    """Mean IC by horizon of the target: `horizons` in days and `means[segment]` have shape [H]."""

    horizons: NDArray[np.int64]
    means: dict[str, Floats]
    figure: str = "mean daily IC"


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """Training scores of a search against distinct evaluations.

    Attributes
    ----------
    evaluations : int64 array of shape (I,)
        Evaluations at which each formula became the best so far, ascending.
    best : float64 array of shape (I,)
        Training scores of these formulas.
    batches : int64 array of shape (B,), optional
        Evaluations at the end of each batch, ascending.
    mean : float64 array of shape (B,), optional
        Mean score of each batch; NaN where none of its formulas is valid.
    """

    evaluations: NDArray[np.int64]
    best: Floats
    batches: NDArray[np.int64] | None = None
    mean: Floats | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """Predicted and actual values of a table's rows, with segment codes; all of shape [R]."""

    predicted: Floats
    actual: Floats
    segments: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class ReportData:
    """All data of a page. Sections whose data is None are omitted."""

    question: Question
    search: SearchFacts
    pool: tuple[Row, ...]
    best: BestFormula | None = None
    model: Model | None = None  # instead of `best`
    information: Information | None = None
    trading: Trading | None = None
    quantiles: Quantiles | None = None
    decay: Decay | None = None
    progress: SearchProgress | None = None
    fit: Fit | None = None
    strategy: str = ""  # description of the positions: "long the top fifth, short the bottom fifth"
    performance: dict[str, dict[str, float]] = field(default_factory=dict)  # segment -> metric -> value
