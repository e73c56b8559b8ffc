"""How much of a figure may be luck: standard errors, and the best of many worthless formulas."""

import math
from statistics import NormalDist

import numpy as np

from quarva.report.data import SEGMENT_NAMES, ReportData
from quarva.report.newey_west import standard_error
from quarva.report.text import count, score, score_unit

__all__ = ["best_of", "expected_best", "honesty", "standard_errors"]

_EULER = 0.5772156649015329
LEAST_DAYS = 10  # (of overlapping targets: as many horizons) below this a standard error says nothing


def best_of(n: int) -> float:
    """Expected largest of `n` independent standard normal numbers (Bailey and López de Prado 2014, eq. 4)."""
    if n < 2:
        return 0.0
    quantile = NormalDist().inv_cdf
    return (1 - _EULER) * quantile(1 - 1 / n) + _EULER * quantile(1 - 1 / (n * math.e))


def expected_best(data: ReportData) -> float | None:
    """Mean training figure of the best of as many formulas as were tried, were all of them independent noise.

    A score that ignores the sign is the largest of n absolute values, which is that of 2n draws. None where
    the figure has no standard error, or a single formula was tried.
    """
    tried, error = data.search.evaluations, standard_errors(data)["train"]
    if error is None or tried < 2:
        return None
    return best_of(2 * tried if data.question.sign_free else tried) * error


def standard_errors(data: ReportData) -> dict[str, float | None]:
    """Standard error of the best formula's figure in each segment; None where it does not exist.

    The error of a mean daily IC with targets that span h days is Newey and West's with h lags, because
    targets overlap. The error of a yearly Sharpe ratio over n bars, P of them a year, with a ratio of s a
    bar, is √((1 + s²/2) · P / n) (Lo 2002, The Statistics of Sharpe Ratios).
    """
    errors: dict[str, float | None] = dict.fromkeys(SEGMENT_NAMES)
    question, information, trading = data.question, data.information, data.trading
    for code, name in enumerate(SEGMENT_NAMES):
        if question.objective in ("ic", "rank_ic") and information is not None:
            days = np.flatnonzero(information.segments == code)
            ic = information.ic[days[0] : days[-1] + 1] if len(days) else np.empty(0)
            if np.isfinite(ic).sum() >= LEAST_DAYS * question.overlap:
                errors[name] = standard_error(ic, question.overlap)
        if question.objective in ("sharpe", "timing_sharpe") and trading is not None:
            net = trading.net[(trading.segments == code) & np.isfinite(trading.net)]
            if len(net) >= LEAST_DAYS and net.std() > 0:
                ratio = float(net.mean() / net.std(ddof=1))
                errors[name] = math.sqrt((1 + ratio**2 / 2) * question.periods_per_year / len(net))
    return errors


def honesty(data: ReportData, *, margin: bool = True) -> str:
    """How many formulas were tried, and what that does to the best one's figure; of a model, which counts.

    margin: whether to explain the ± that the page writes beside the figures.
    """
    errors = _errors(data) if margin else ""
    if data.model is not None:
        return _learned(data) + errors
    tried = data.search.evaluations
    text = f"Best of {count(tried, 'formula', 'different formulas')} by its training score. "
    luck = expected_best(data)
    if luck is not None:
        unit, objective = score_unit(data.question.objective), data.question.objective
        text += (
            f"If all of them were independent noise, the best would have a training {unit} of "
            f"{score(luck, objective)} on average. This is an average and no bound: the best of pure noise "
            "often exceeds it. Formulas that resemble each other lower it. "
        )
    else:
        text += "The more are tried, the better the best looks by luck. "
    if any(segment.name == "validation" for segment in data.question.segments):
        text += "The validation figure is the one to believe: the search never saw it."
    else:
        text += "No part was kept from the search, so judge the formula on data it has not seen."
    return text + errors


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
    if data.question.objective not in ("ic", "rank_ic"):
        return " ±\u00a0is one standard error."
    lags = count(data.question.overlap, "lag")
    return f" ±\u00a0is one standard error (Newey–West, {lags})."
