"""The page's sentences: the question, how it was asked, and what to make of the figures."""

import math
from datetime import date

from quarva.panel.names import listed
from quarva.report.axis import MINUS, number, percent
from quarva.report.data import Question, Segment

__all__ = [
    "count", "day", "digits", "duration", "headline", "not_better", "objective_name", "score", "score_unit",
    "target_name", "timing_note",
]  # fmt: skip

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Recipe name of an objective -> (name in a sentence, name in a table head, decimals).
_OBJECTIVES = {
    "ic": ("mean daily IC", "IC", 4),
    "rank_ic": ("mean daily rank IC", "rank IC", 4),
    "icir": ("information ratio of the IC", "ICIR", 3),
    "rank_icir": ("information ratio of the rank IC", "rank ICIR", 3),
    "sharpe": ("yearly Sharpe ratio after costs", "Sharpe", 2),
    "timing_sharpe": ("yearly Sharpe ratio of sign timing, after costs", "Sharpe", 2),
    "ts_corr": ("correlation through time", "correlation", 4),
    "r2": ("R²", "R²", 4),
    "nrmse": ("normalised RMSE", "NRMSE", 4),
}


def objective_name(objective: str) -> str:
    """The objective as it stands in a sentence."""
    return _OBJECTIVES.get(objective, (objective, objective, 4))[0]


def score_unit(objective: str) -> str:
    """The objective as it stands in a table head."""
    return _OBJECTIVES.get(objective, (objective, objective, 4))[1]


def score(value: float, objective: str) -> str:
    """A score with the decimals of its objective."""
    return number(value, _OBJECTIVES.get(objective, (objective, objective, 4))[2])


def count(n: int, one: str, many: str = "") -> str:
    """`1 day`, `2,500 days`."""
    return f"{n:,}\u00a0{one if n == 1 else many or one + 's'}"


def digits(value: float) -> str:
    """`value` with six significant digits, for figures that differ late."""
    return f"{value:.6g}".replace("-", MINUS) if math.isfinite(value) else "–"


def not_better(names: tuple[str, ...], model: str, judged: str) -> str:
    """That a model is no better than these baselines on a part; nothing where there are none."""
    if not names:
        return ""
    if model == "trader":
        return f"Not better than {listed(names)} in {judged}: its positions earned no more."
    those = "these do" if len(names) > 1 else "this does"
    return f"Not better than {listed(names)} in {judged}: it explains nothing that {those} not."


def day(value: date | None) -> str:
    """`3 Jan 2017`."""
    return "–" if value is None else f"{value.day}\u00a0{_MONTHS[value.month - 1]}\u00a0{value.year}"


def duration(seconds: float) -> str:
    """`7.4 seconds`, `2 min 05 s`, `3 h 12 min`."""
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
    shown = names if len(names) <= 5 else names[:3]
    more = len(names) - len(shown)
    if more:
        return ", ".join(shown) + f" and {more} more fields"
    return ", ".join(shown[:-1]) + " and " + shown[-1]


def headline(question: Question, model: str = "") -> str:
    """The question in one sentence: which formula, or how well a `model` (network, trader) answers it."""
    verb, rest = _wanted(question, "" if model else " best")
    source = _fields(question.fields)
    if model:
        return f"How well does a {model} of {source} {verb} {rest}?"
    return f"Which formula of {source} {verb}s {rest}?"


def _wanted(question: Question, best: str) -> tuple[str, str]:
    """What is to be done, as a verb and the rest: rank, 20 assets by their return."""
    if question.kind == "table":
        return "give", "the target" if question.target == "target" else question.target
    if question.objective == "sharpe":
        return "trade", f"{question.assets:,} assets{best}, long and short"
    if question.objective == "timing_sharpe":
        return "tell", "when to be long and when short"
    what = target_name(question)
    if question.kind == "timing":
        whose = "" if question.assets == 1 else f" of {question.assets:,} assets"
        if question.horizon is None:
            return "predict", f"the {what}{whose}"
        return "tell", f"the direction of the {what}{whose}"
    return "rank", f"{question.assets:,} assets by their {what}"


def target_name(question: Question) -> str:
    """The target as a sentence names it: `5-day forward return`, or a field's name."""
    return question.target_words or question.target


def timing_note(question: Question) -> str:
    """When a signal is known and when it is traded; a delay of 0 is said aloud."""
    if question.kind == "table":
        return ""
    if not question.trades:
        close = {0: "that close", 1: "the close of the next day"}.get(
            question.delay, f"the close {question.delay} days later"
        )
        return f"A signal of day t knows fields up to day t; what it predicts begins at {close}."
    if question.delay == 0:
        return (
            "Delay 0: a signal trades at the very close it is computed from. Hardly anyone can, so read "
            "every figure on this page as an upper bound."
        )
    when = "the close of the next day" if question.delay == 1 else f"the close {question.delay} days later"
    return f"A signal of day t knows fields up to day t and is traded at {when}."


def shares(segments: tuple[Segment, ...]) -> list[float]:
    """Width of each segment in percent of all."""
    total = sum(segment.size for segment in segments) or 1
    return [100 * segment.size / total for segment in segments]


def turnover(value: float) -> str:
    """Traded share of the capital a day."""
    return percent(value, 1)
