"""Text of a report page: headline, names of objectives and targets, formatted numbers."""

import math
from datetime import date

from quarva.panel.names import listed
from quarva.report.axis import MINUS, number
from quarva.report.data import Question, Segment

__all__ = [
    "count", "day", "digits", "duration", "headline", "not_better", "objective_name", "score", "score_unit",
    "shares", "target_name", "timing_note",
]  # fmt: skip

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Recipe name of an objective -> (name in a sentence, name in a table head, decimals).
_OBJECTIVES = {
    "ic": ("mean daily IC", "IC", 4),
    "rank_ic": ("mean daily rank IC", "rank IC", 4),
    "icir": ("information ratio of the IC", "ICIR", 3),
    "rank_icir": ("information ratio of the rank IC", "rank ICIR", 3),
    "sharpe": ("annual Sharpe ratio after costs", "Sharpe", 2),
    "timing_sharpe": ("annual Sharpe ratio of sign timing after costs", "Sharpe", 2),
    "ts_corr": ("correlation through time", "correlation", 4),
    "r2": ("R²", "R²", 4),
    "nrmse": ("normalised RMSE", "NRMSE", 4),
}


def objective_name(objective: str) -> str:
    """Name of the objective within a sentence."""
    return _OBJECTIVES.get(objective, (objective, objective, 4))[0]


def score_unit(objective: str) -> str:
    """Name of the objective in a table header."""
    return _OBJECTIVES.get(objective, (objective, objective, 4))[1]


def score(value: float, objective: str) -> str:
    """Format a score with the decimals of its objective."""
    return number(value, _OBJECTIVES.get(objective, (objective, objective, 4))[2])


def count(n: int, one: str, many: str = "") -> str:
    """Format a count with its noun: `1 day`, `2,500 days`. `many` is an irregular plural."""
    return f"{n:,}\u00a0{one if n == 1 else many or one + 's'}"


def digits(value: float) -> str:
    """Format `value` with six significant digits; an en dash if it is not finite."""
    return f"{value:.6g}".replace("-", MINUS) if math.isfinite(value) else "–"


def not_better(names: tuple[str, ...], model: str, part: str) -> str:
    """State that a model is no better than the baselines `names` on `part`; empty without baselines."""
    if not names:
        return ""
    if model == "trader":
        return f"Not better than {listed(names)} in {part}: its positions earned no more."
    return f"Not better than {listed(names)} in {part}."


def day(value: date | None) -> str:
    """Format a date as `3 Jan 2017`; an en dash for None."""
    return "–" if value is None else f"{value.day}\u00a0{_MONTHS[value.month - 1]}\u00a0{value.year}"


def duration(seconds: float) -> str:
    """Format a duration: `7.4 seconds`, `2 min 05 s`, `3 h 12 min`."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f}\u00a0seconds"
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes}\u00a0min {int(seconds) % 60:02d}\u00a0s"
    return f"{minutes // 60}\u00a0h {minutes % 60:02d}\u00a0min"


def _fields(names: tuple[str, ...]) -> str:
    if not names:
        return "the data"
    if len(names) == 1:
        return names[0]
    if len(names) > 5:
        return ", ".join(names[:3]) + f" and {len(names) - 3} more fields"
    return ", ".join(names[:-1]) + " and " + names[-1]


def headline(question: Question, model: str = "") -> str:
    """The task as one question, about a formula or about a `model` ("network", "trader")."""
    verb, rest = _predicate(question, "" if model else " best")
    source = _fields(question.fields)
    if model:
        return f"How well does a {model} of {source} {verb} {rest}?"
    return f"Which formula of {source} {verb}s {rest}?"


def _predicate(question: Question, best: str) -> tuple[str, str]:
    """Verb and object of the headline: "rank", "20 assets by their 5-day forward return"."""
    if question.kind == "table":
        return "predict", "the target" if question.target == "target" else question.target
    if question.objective == "sharpe":
        return "trade", f"{question.assets:,} assets{best}, long and short"
    if question.objective == "timing_sharpe":
        return "predict", "when to be long and when to be short"
    what = target_name(question)
    if question.kind == "timing":
        whose = "" if question.assets == 1 else f" of {question.assets:,} assets"
        if question.horizon is None:
            return "predict", f"the {what}{whose}"
        return "predict", f"the direction of the {what}{whose}"
    return "rank", f"{question.assets:,} assets by their {what}"


def target_name(question: Question) -> str:
    """Name of the target within a sentence: `5-day forward return`, or a field."""
    return question.target_label or question.target


def timing_note(question: Question) -> str:
    """State when a signal is known and when it is traded, with a warning for a delay of 0."""
    if question.kind == "table":
        return ""
    if not question.trades:
        close = {0: "that close", 1: "the close of the next day"}.get(
            question.delay, f"the close {question.delay} days later"
        )
        return f"The signal of day t uses fields up to day t; the target begins at {close}."
    if question.delay == 0:
        return (
            "Delay 0: a signal trades at the close it is computed from. This is rarely possible, so every "
            "score on this page is an upper bound."
        )
    when = "the close of the next day" if question.delay == 1 else f"the close {question.delay} days later"
    return f"The signal of day t uses fields up to day t and is traded at {when}."


def shares(segments: tuple[Segment, ...]) -> list[float]:
    """Size of each segment in percent of all segments."""
    total = sum(segment.size for segment in segments) or 1
    return [100 * segment.size / total for segment in segments]
