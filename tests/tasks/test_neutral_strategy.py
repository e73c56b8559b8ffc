"""Strategies whose positions have no exposure to a risk model."""

import numpy as np
import pytest

import quarva as qv
from quarva.errors import TaskError
from quarva.scenarios import simulate
from quarva.strategies.strategy import _neutralised


@pytest.fixture(scope="module")
def market():
    return simulate(60, 260, seed=4)


@pytest.fixture(scope="module")
def risk(market):
    return qv.RiskModel.default(market)


def test_neutral_positions_keep_their_size_and_have_no_exposure(market, risk):
    signal = qv.Formula("-pct_change(close, 5)").signal(market).to_numpy().copy()
    signal[:, 3] = np.nan
    given = qv.LongShort(0.2).positions(signal)
    left = _neutralised(risk, market, signal, given)
    np.testing.assert_allclose(np.abs(left).sum(axis=1), np.abs(given).sum(axis=1), atol=1e-9)
    assert (left[:, 3] == 0).all()
    exposures = risk._measure(market)
    for day in (150, 200, 259):
        known = np.isfinite(signal[day])
        for values in (*exposures.values[:, day], *exposures.members):
            assert left[day][known] @ values[known] == pytest.approx(0, abs=2e-5)
    assert np.abs(left[150] - given[150]).max() > 1e-3


def test_a_strategy_trades_its_neutral_positions(market, risk):
    plain = qv.Strategy("-pct_change(close, 5)").run(market)
    neutral = qv.Strategy("-pct_change(close, 5)", risk=risk).run(market)
    assert neutral.annual_volatility < plain.annual_volatility
    assert neutral.sharpe != plain.sharpe


def test_positions_that_are_all_exposure_are_closed(market):
    only = qv.RiskModel({"size": "log(close)"})
    signal = qv.Formula("log(close)").signal(market).to_numpy()
    exposure = only._measure(market).values[0].astype(np.float64)
    assert np.abs(_neutralised(only, market, signal, exposure)).max() == 0


def test_something_else_than_a_risk_model_is_refused():
    with pytest.raises(TaskError, match="risk must be a RiskModel, not 'default'"):
        qv.Strategy("rank(close)", risk="default")
