"""How much of a figure may be luck: standard errors, and the best of many worthless formulas."""

import math
from statistics import NormalDist

import numpy as np

from quarva.report.data import SEGMENT_NAMES, ReportData
from quarva.report.words import count, score, score_unit

__all__ = ["best_of", "honesty", "standard_errors"]

_EULER = 0.5772156649015329


def best_of(n: int) -> float:
    """Expected largest of `n` independent standard normal numbers (Bailey and López de Prado 2014, eq. 4)."""
    if n < 2:
        return 0.0
    quantile = NormalDist().inv_cdf
    return (1 - _EULER) * quantile(1 - 1 / n) + _EULER * quantile(1 - 1 / (n * math.e))


def standard_errors(data: ReportData) -> dict[str, float | None]:
    """Standard error of the best formula's mean daily IC in each segment; None where it does not exist.

    Targets of h days overlap on h days, so only every h-th day counts as a new one.
    """
    errors: dict[str, float | None] = dict.fromkeys(SEGMENT_NAMES)
    question, daily = data.question, data.information
    if daily is None or question.kind != "cross-section":
        return errors
    if question.objective not in ("ic", "rank_ic"):
        return errors
    for code, name in enumerate(SEGMENT_NAMES):
        ic = daily.ic[(daily.segments == code) & np.isfinite(daily.ic)]
        fresh = len(ic) / max(question.horizon or 1, 1)
        if fresh >= 10:
            errors[name] = float(ic.std(ddof=1)) / math.sqrt(fresh)
    return errors


def honesty(data: ReportData) -> str:
    """How many formulas were tried, and what that does to the figure of the best."""
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
    if error is not None:
        text += " ± is one standard error, overlapping targets counted once."
    return text
