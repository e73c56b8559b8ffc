"""Texts, table and plots of a comparison, for its page, its image and the terminal."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quarva.__version__ import __version__
from quarva.comparison.aggregation import race
from quarva.comparison.comparison import Comparison
from quarva.panel.names import listed
from quarva.report import text
from quarva.report.axis import percent
from quarva.report.comparison import ComparisonData, ConvergencePlot, draw

__all__ = ["compared", "show", "terminal"]

_UNITS: tuple[Literal["evaluations", "seconds"], ...] = ("evaluations", "seconds")
_LEAST_ERROR = 1e-8  # lower end of a logarithmic axis: float32 cannot distinguish less from 0


def show(comparison: Comparison) -> None:
    """Print the table and the plots on standard output."""
    from rich.console import Console

    screen = Console(highlight=False)
    for part in terminal(comparison, screen.width):
        screen.print(part)


def terminal(comparison: Comparison, columns: int, *, picture: bool = True) -> list[Any]:
    """Return table, plots and notes for rich. The table has one column per entry, so that it is narrow."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    data = compared(comparison)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=data.title, title_justify="left")
    table.add_column("")
    for row in data.rows:
        table.add_column(Text(row[0]), justify="right")
    for place, heading in enumerate(data.header[1:], start=1):
        table.add_row(heading, *(Text(row[place]) for row in data.rows))
    drawn = [*draw(data, columns), Text()] if picture else []
    return [Text(data.lead, style="dim"), table, *drawn, *(Text(note, style="dim") for note in data.notes)]


def compared(comparison: Comparison) -> ComparisonData:
    """Build the content of the page and the image."""
    return ComparisonData(
        title=f"{listed(comparison.searchers)}: {_budget(comparison)} each",
        lead=_lead(comparison),
        plots=_plots(comparison),
        header=_header(comparison),
        rows=tuple(_words(comparison, line) for line in comparison.table().reset_index().to_dict("records")),
        notes=_notes(comparison),
        version=__version__,
    )


def _plots(comparison: Comparison) -> tuple[ConvergencePlot, ...]:
    """Plots of training scores against evaluations and seconds, and of validation scores if there are any."""
    runs = {name: found for name in comparison.searchers if (found := comparison.runs_of(name))}
    if not runs:
        return ()
    level, is_table = comparison.level, comparison.task.table is not None
    figure = "normalised RMSE" if is_table else text.objective_name(comparison.task.objective.name)
    if is_table and level is not None:
        level = float(_error(comparison, np.array(level)))

    def drawn(figures: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(_error(comparison, figures), _LEAST_ERROR) if is_table else figures

    where = " in training" if comparison.task.has_validation else ""
    trained = [race(runs, unit, f"{figure}{where}", lambda run: drawn(run.trained), level=level,
                    error=is_table) for unit in _UNITS]  # fmt: skip
    if not comparison.task.has_validation:
        return tuple(trained)
    validated = [race(runs, unit, f"{figure} in validation", lambda run: drawn(run.validated), error=is_table)
                 for unit in _UNITS]  # fmt: skip
    return (*trained, *validated)


def _error(comparison: Comparison, figures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert R² to normalised RMSE, which distinguishes values of R² near 1; errors are unchanged."""
    return figures if comparison.minimised else np.sqrt(np.maximum(1.0 - figures, 0.0))


def _budget(comparison: Comparison) -> str:
    """Describe the budget of a run: a number of formulas, or one fit of a network."""
    formulas = f"{comparison.budget:,} formulas"
    if not comparison.learners:
        return formulas
    return "one fit" if len(comparison.learners) == len(comparison.searchers) else f"{formulas} or one fit"


def _lead(comparison: Comparison) -> str:
    task, seeds = comparison.task, len(comparison.seeds)
    many = text.count(seeds, "seed")
    if task.table is not None:
        rows = text.count(task.table.rows, "row")
        return f"{task.panel.name}, {rows}; {many}; a run ends early where its formula is exact."
    days, assets = task.panel.shape
    size = f"{text.count(assets, 'asset')}, {text.count(days, 'day')}"
    objective = text.objective_name(task.objective.name)
    what = f"{task.target_names[0]} by {objective}"
    return f"{task.panel.name}, {size}: {what}; {many}. Searchers use training days only."


def _header(comparison: Comparison) -> tuple[str, ...]:
    is_table = comparison.task.table is not None
    unit = "NRMSE" if is_table else text.score_unit(comparison.task.objective.name)
    reached = "reached" if comparison.level is not None else "solved"
    train = (f"{unit}, train",) if comparison.task.has_validation else ()
    return (
        "searcher", f"{unit}, {comparison.figure}", "quartiles", *train, reached, "evaluations to it",
        "candidates to it", "seconds to it", "distinct", "invalid", "seconds", "proposing", "scoring",
    )  # fmt: skip


def _words(comparison: Comparison, line: dict[str, Any]) -> tuple[str, ...]:
    ends = [line["lower_quartile"], line["upper_quartile"]]
    if comparison.task.table is not None and not comparison.minimised:
        ends.reverse()  # the table shows errors, and a lower error is better
    train = (_score(comparison, line["train"]),) if comparison.task.has_validation else ()
    return (
        line["searcher"], _score(comparison, line["best"]),
        " to ".join(_score(comparison, end) for end in ends), *train, f"{line['reached']} of {line['runs']}",
        _count(line["evaluations_to_level"]), _count(line["candidates_to_level"]),
        _seconds(line["seconds_to_level"]),
        percent(line["distinct_share"]), percent(line["invalid_share"]) if line["invalid_share"] else "0",
        *(_seconds(line[name]) for name in ("seconds", "seconds_proposing", "seconds_scoring")),
    )  # fmt: skip


def _score(comparison: Comparison, value: float) -> str:
    if not math.isfinite(value):
        return "–"
    if comparison.task.table is not None:
        return f"{float(_error(comparison, np.array(value))):.2g}"
    return text.score(value, comparison.task.objective.name)


def _count(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "–"


def _seconds(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:,.1f}" if value >= 9.95 else f"{value:.2f}"


def _notes(comparison: Comparison) -> tuple[str, ...]:
    level = comparison.level
    shown = "" if level is None else _score(comparison, level)
    where = "on validation" if comparison.task.has_validation else "on the table's rows"
    what = "what" if comparison.learners else "the formula that"
    first = (
        f"Figures: median and quartiles over seeds of {what} is best in training, {where}. "
        "Distinct: share of the proposed formulas that were new. Seconds: mean of a run, with the searcher's "
        "and the engine's part."
    )
    if comparison.learners:
        first += " A network or trader counts as one evaluation; its cost is given in seconds."
    best = "it" if comparison.learners else "the best formula"
    until = f"Evaluations and seconds to it: until {best} reached it"
    if level is None:
        second = "Evaluations and seconds to it: until the formula was exact"
    elif comparison.asked_level is None:
        second = f"Level: {shown} in training, the worst of the searchers' medians. {until}"
    else:
        second = f"Level: {shown} in training. {until}"
    second += ", median over seeds; a dash if half of the runs did not reach it."
    third = (
        "Evaluations are counted up to the formula itself; seconds are interpolated inside the piece of a "
        "batch that it was scored in. Candidates are formulas whose signal a surrogate examined on a few "
        "assets and days to choose which formulas to score; they are not evaluations."
    )
    return (*(f"Warning: {each}" for each in comparison.task.warnings), first, second, third)
