"""How much of a figure may be luck: standard errors, and the best of many worthless formulas."""

import math
from statistics import NormalDist

import numpy as np

from quarva.report.data import SEGMENT_NAMES, ReportData
from quarva.report.text import count, score, score_unit

__all__ = ["best_of", "honesty", "standard_errors"]

_EULER = 0.5772156649015329
LEAST_DAYS = 10  # below this a standard error says nothing


def best_of(n: int) -> float:
    """Expected largest of `n` independent standard normal numbers (Bailey and López de Prado 2014, eq. 4)."""
    if n < 2:
        return 0.0
    quantile = NormalDist().inv_cdf
    return (1 - _EULER) * quantile(1 - 1 / n) + _EULER * quantile(1 - 1 / (n * math.e))


def standard_errors(data: ReportData) -> dict[str, float | None]:
    """Standard error of the best formula's figure in each segment; None where it does not exist.

    Of a mean daily IC: targets of h days overlap on h days, so only every h-th day counts as a new one.
    Of a yearly Sharpe ratio over n bars, P of them a year, with a ratio of s a bar: √((1 + s²/2) · P / n)
    (Lo 2002, The Statistics of Sharpe Ratios).
    """
    errors: dict[str, float | None] = dict.fromkeys(SEGMENT_NAMES)
    question, information, trading = data.question, data.information, data.trading
    for code, name in enumerate(SEGMENT_NAMES):
        if question.objective in ("ic", "rank_ic") and information is not None:
            ic = information.ic[(information.segments == code) & np.isfinite(information.ic)]
            fresh = len(ic) / max(question.horizon or 1, 1)
            if fresh >= LEAST_DAYS:
                errors[name] = float(ic.std(ddof=1)) / math.sqrt(fresh)
        if question.objective in ("sharpe", "timing_sharpe") and trading is not None:
            net = trading.net[(trading.segments == code) & np.isfinite(trading.net)]
            if len(net) >= LEAST_DAYS and net.std() > 0:
                ratio = float(net.mean() / net.std(ddof=1))
                errors[name] = math.sqrt((1 + ratio**2 / 2) * question.periods_per_year / len(net))
    return errors


def honesty(data: ReportData) -> str:
    """How many formulas were tried, and what that does to the best one's figure; of a model, which counts."""
    if data.model is not None:
        return _learned(data) + _errors(data)
    tried = data.search.evaluations
    text = f"Best of {count(tried, 'formula', 'different formulas')} by its training score. "
    error = standard_errors(data)["train"]
    if error is not None and tried > 1:
        unit, objective = score_unit(data.question.objective), data.question.objective
        text += (
            f"Were all of them independent noise, the best would still show a training {unit} of about "
            f"{score(best_of(tried) * error, objective)}; they are alike, so luck alone reaches less. "
        )
    else:
        text += "The more are tried, the better the best looks by luck. "
    if any(segment.name == "validation" for segment in data.question.segments):
        text += "The validation figure is the one to believe: the search never saw it."
    else:
        text += "No part was kept from the search, so judge the formula on data it has not seen."
    return text + _errors(data)


def _learned(data: ReportData) -> str:
    """Which of a model's figures to believe."""
    if not any(segment.name == "validation" for segment in data.question.segments):
        return "No part was kept from the training, so judge it on data it has not seen."
    if data.model is not None and not data.model.kept_out:
        return "Training was stopped by the validation, so its figure is better than one of new data."
    return "The validation figure is the one to believe: no weight was learned from it."


def _errors(data: ReportData) -> str:
    """What stands behind ±, where the page writes it."""
    if standard_errors(data)["train"] is None:
        return ""
    overlap = data.question.objective in ("ic", "rank_ic") and (data.question.horizon or 1) > 1
    return f" ±\u00a0is one standard error{', overlapping targets counted once' if overlap else ''}."
