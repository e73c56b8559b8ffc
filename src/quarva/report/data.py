"""What a report shows, as plain data: nothing here knows how it was found or how it will look.

Arrays are NumPy, dates are `datetime64[D]`, NaN is 'not there'. Every figure of the page is drawn from
one of these classes alone, so a page can be made from a live search, from a run folder, or by hand.
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
    "Learning",
    "Model",
    "Node",
    "Progress",
    "Quantiles",
    "Question",
    "ReportData",
    "Row",
    "SearchFacts",
    "Segment",
    "Trading",
]

Kind = Literal["cross-section", "timing", "table"]
"""What is asked: order assets on each day, tell one asset's direction, or fit the rows of a table."""

SEGMENT_NAMES = ("train", "validation", "test")
"""Names of the segment codes 0, 1, 2; -1 is purged, between the segments."""

Floats = NDArray[np.float64]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of the split: inclusive first and last day (None for a table), and its size."""

    name: str
    first: date | None
    last: date | None
    size: int  # days, or rows of a table
    readings: int | None = None  # of the test: how often its figures were looked at; 0 is sealed

    @property
    def sealed(self) -> bool:
        """Whether nobody has looked at its figures."""
        return self.readings == 0


@dataclass(frozen=True, slots=True)
class Question:
    """The panel, the target, the objective and the split, as the page says them in words."""

    kind: Kind
    panel: str
    assets: int
    size: int  # days, or rows of a table
    fields: tuple[str, ...]
    target: str  # as written in a recipe: forward_return_5, or a field
    objective: str  # as written in a recipe: ic, rank_ic, r2
    horizon: int | None = None  # days from trade to trade; None where the target is a field
    delay: int = 1  # days from signal to trade
    segments: tuple[Segment, ...] = ()
    overlap: int = 1  # days that one value of the target spans
    target_words: str = ""  # the target in a sentence: 5-day forward return; empty: as `target`
    trades: bool = True  # whether a forecast of the target can be traded
    sign_free: bool = False  # whether a formula and its negative score the same
    purged: int = 0  # days left out before each border
    embargo: int = 0  # days left out after each border
    cost_bps: float = 0.0  # of the traded value, one way
    periods_per_year: float = 252.0  # bars a year, for annual figures
    delisting_return: float = 0.0  # on the day after the last price of a held asset
    parsimony: float = 0.0  # taken off the fitness for each node
    meaning: str = ""  # definition of the objective
    notes: tuple[str, ...] = ()  # what the data and the task ask to be said aloud
    warnings: tuple[str, ...] = ()  # why the figures mean nothing


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """How the search went."""

    searcher: str
    seed: int
    evaluations: int  # distinct formulas scored
    seconds: float
    budget: int | None = None
    proposed: int | None = None
    invalid: int | None = None
    candidates: int | None = None  # formulas that a surrogate looked at to choose those that were scored
    stopped: str = ""  # why it ended: budget, seconds, interrupted
    run: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One formula of the pool and its figures; NaN where a figure does not exist."""

    formula: str
    train: float
    validation: float
    turnover: float = float("nan")  # mean a day, share of the capital (0.2 = 20 %)
    size: int = 0  # nodes
    test: float = float("nan")
    coverage: float = float("nan")  # share of the cells with a target in which it has a value


@dataclass(frozen=True, slots=True)
class Node:
    """A formula as a tree to draw."""

    label: str
    kind: Literal["operator", "field", "number"] = "operator"
    children: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class BestFormula:
    """The best formula in each notation; `mathml` is empty where it could not be set as mathematics."""

    text: str
    tree: Node | None = None
    latex: str = ""
    mathml: str = ""
    karva: str = ""
    qlib: str = ""
    sign: int = 1  # -1: the formula is traded against


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer that learned: where it stands, the shapes of its weights, and how many numbers they are."""

    name: str
    shapes: str
    parameters: int


@dataclass(frozen=True, slots=True)
class Learning:
    """How training went, all `[E]`: what is told after each step, by name; NaN where it was not."""

    steps: NDArray[np.int64]
    curves: dict[str, Floats]
    step: str  # epoch, update
    figure: str  # what the curves are: loss, percents a day and asset
    of: int = 1  # steps that each point is the mean of
    ended: str = ""  # why: patience, epochs, updates, diverged, interrupted


@dataclass(frozen=True, slots=True)
class Model:
    """A network or a trader where other pages have a formula.

    `value` is what it is held against its `baselines` by, named `figure`, on the part `judged`; `beaten_by`
    are those that are as good. `facts` are label and text of how it was made.
    """

    kind: Literal["network", "trader"]
    title: str
    figure: str
    value: float
    baselines: dict[str, float]
    beaten_by: tuple[str, ...] = ()
    judged: str = "validation"
    facts: tuple[tuple[str, str], ...] = ()
    features: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    learning: Learning | None = None
    kept_out: bool = True  # whether the validation days played no part in its training
    sign: int = 1  # -1: its signal is traded against


@dataclass(frozen=True, slots=True)
class Information:
    """The best formula's correlation with the target, `[T]`, by the day of the signal.

    `ic` is the day's correlation across assets; where one asset is timed, a rolling correlation through
    time. Days of the sealed test are not there.
    """

    dates: Dates
    segments: NDArray[np.int8]
    ic: Floats


@dataclass(frozen=True, slots=True)
class Trading:
    """What trading the best formula earned, all `[T]`, by the day on which it was earned.

    `net` and `gross` are the day's returns after and before costs, `turnover` the share of the capital
    that was replaced, `benchmark` what holding the assets earned (where they are timed). `segments` is the
    part whose signals the day's return belongs to. Days of the sealed test are not there.
    """

    dates: Dates
    segments: NDArray[np.int8]
    net: Floats
    gross: Floats
    turnover: Floats
    benchmark: Floats | None = None


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Mean forward return by quantile of the signal, lowest first: `means[segment]` is `[Q]`."""

    means: dict[str, Floats]
    demeaned: bool = True  # less the day's mean over all assets


@dataclass(frozen=True, slots=True)
class Decay:
    """Mean IC by horizon of the target: `horizons` in days `[H]`, `means[segment]` is `[H]`."""

    horizons: NDArray[np.int64]
    means: dict[str, Floats]
    figure: str = "mean daily IC"


@dataclass(frozen=True, slots=True)
class Progress:
    """Training scores of a search against distinct evaluations.

    Attributes
    ----------
    evaluations : int64 array of shape (I,)
        Evaluations at which each formula became the best so far, ascending.
    best : float64 array of shape (I,)
        Train figure of these formulas.
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
    """Rows of a table, all `[R]`: what the best formula gives and what was asked."""

    predicted: Floats
    actual: Floats
    segments: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything a page shows. What is None is left out of the page."""

    question: Question
    search: SearchFacts
    pool: tuple[Row, ...]
    best: BestFormula | None = None
    model: Model | None = None  # in place of a formula
    information: Information | None = None
    trading: Trading | None = None
    quantiles: Quantiles | None = None
    decay: Decay | None = None
    progress: Progress | None = None
    fit: Fit | None = None
    strategy: str = ""  # the positions in words: long the top fifth, short the bottom fifth
    performance: dict[str, dict[str, float]] = field(default_factory=dict)  # segment -> figure -> value
