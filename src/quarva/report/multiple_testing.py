"""Statistical uncertainty of the best formula: standard errors and selection among many formulas."""

import math
from statistics import NormalDist

import numpy as np

from quarva.report.data import SEGMENT_NAMES, ReportData
from quarva.report.newey_west import standard_error
from quarva.report.text import count, score, score_unit

__all__ = ["expected_maximum", "expected_noise_maximum", "selection_note", "standard_errors"]

_EULER = 0.5772156649015329
_ROUNDING = 1e-6  # standard errors below it come from float32, not from noise
MIN_DAYS = 10  # days, or non-overlapping horizons, below which no standard error is given


def expected_maximum(n: int) -> float:
    """Expected maximum of `n` independent standard normal variables.

    Parameters
    ----------
    n : int
        Number of variables.

    Returns
    -------
    float
        Approximate expectation; 0 for n < 2.

    References
    ----------
    Bailey, D. H. and López de Prado, M. (2014). The deflated Sharpe ratio: correcting for selection bias,
    backtest overfitting and non-normality. Journal of Portfolio Management 40(5), 94-107.
    """
    if n < 2:
        return 0.0
    quantile = NormalDist().inv_cdf
    return (1 - _EULER) * quantile(1 - 1 / n) + _EULER * quantile(1 - 1 / (n * math.e))


def expected_noise_maximum(data: ReportData) -> float | None:
    """Expected training score of the best formula if all evaluated formulas were independent noise.

    For objectives that ignore the sign, the maximum of n absolute values is approximated by that of 2n
    variables. None if the score has no standard error or none above rounding, as with a field that is the
    target, or if only one formula was evaluated.
    """
    tried, error = data.search.evaluations, standard_errors(data)["train"]
    if error is None or error < _ROUNDING or tried < 2:
        return None
    return expected_maximum(2 * tried if data.question.sign_free else tried) * error


def standard_errors(data: ReportData) -> dict[str, float | None]:
    """Standard error of the best formula's score on each segment.

    Parameters
    ----------
    data : ReportData
        Report with daily ICs or daily returns.

    Returns
    -------
    dict of str to float or None
        None where the objective has no standard error or the segment is too short.

    Notes
    -----
    For a mean daily IC with targets that span h days, the Newey–West estimator with h lags accounts for the
    overlap. For an annual Sharpe ratio over n bars with P bars per year and a ratio of s per bar, the error
    is √((1 + s²/2) P / n).

    References
    ----------
    Lo, A. W. (2002). The statistics of Sharpe ratios. Financial Analysts Journal 58(4), 36-52.
    Newey, W. K. and West, K. D. (1987). A simple, positive semi-definite, heteroskedasticity and
    autocorrelation consistent covariance matrix. Econometrica 55, 703-708.
    """
    errors: dict[str, float | None] = dict.fromkeys(SEGMENT_NAMES)
    question, information, trading = data.question, data.information, data.trading
    for code, name in enumerate(SEGMENT_NAMES):
        if question.objective in ("ic", "rank_ic") and information is not None:
            days = np.flatnonzero(information.segments == code)
            ic = information.ic[days[0] : days[-1] + 1] if len(days) else np.empty(0)
            if np.isfinite(ic).sum() >= MIN_DAYS * question.overlap:
                errors[name] = standard_error(ic, question.overlap)
        if question.objective in ("sharpe", "timing_sharpe") and trading is not None:
            net = trading.net[(trading.segments == code) & np.isfinite(trading.net)]
            if len(net) >= MIN_DAYS and net.std() > 0:
                ratio = float(net.mean() / net.std(ddof=1))
                errors[name] = math.sqrt((1 + ratio**2 / 2) * question.periods_per_year / len(net))
    return errors


def selection_note(data: ReportData, *, margin: bool = True) -> str:
    """Explain how selection affects the training score and which score is out of sample.

    Parameters
    ----------
    data : ReportData
        Report of a search, a network or a trader.
    margin : bool
        Whether to explain the standard errors that the page shows after ±.

    Returns
    -------
    str
        A few sentences.
    """
    errors = _error_note(data) if margin else ""
    if data.model is not None:
        return _model_note(data) + errors
    evaluated = data.search.evaluations
    by = "forecast" if any(math.isfinite(row.expected) for row in data.pool) else "training score"
    text = f"Best of {count(evaluated, 'formula', 'distinct formulas')} by its {by}. "
    expected = expected_noise_maximum(data)
    if expected is not None:
        unit, objective = score_unit(data.question.objective), data.question.objective
        text += (
            f"If all of them were independent noise, the best would have a training {unit} of "
            f"{score(expected, objective)} on average. This is an average, not a bound: the best of pure "
            "noise often exceeds it. Correlation between formulas lowers it. "
        )
    else:
        text += "The more formulas are evaluated, the better the best one looks by chance. "
    if any(segment.name == "validation" for segment in data.question.segments):
        text += "The validation score is out of sample: the search never used it."
    else:
        text += "There is no validation part, so test the formula on new data."
    return text + errors


def _model_note(data: ReportData) -> str:
    """State whether the validation score of a model is out of sample."""
    if not any(segment.name == "validation" for segment in data.question.segments):
        return "There is no validation part, so test the model on new data."
    if data.model is not None and not data.model.held_out:
        return "Validation data decided when training stopped, so the validation score is optimistic."
    return "The validation score is out of sample: training never used it."


def _error_note(data: ReportData) -> str:
    """Explain the standard error shown after ±; an empty string if none is shown."""
    if standard_errors(data)["train"] is None:
        return ""
    if data.question.objective not in ("ic", "rank_ic"):
        return " ±\u00a0is one standard error."
    lags = count(data.question.overlap, "lag")
    return f" ±\u00a0is one standard error (Newey–West, {lags})."
