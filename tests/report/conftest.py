"""Report data by hand: what the page is designed and tested with, no search needed."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

from quarva.report import data as rd


def synthetic(**changes) -> rd.ReportData:
    """A cross-sectional search on 20 assets and 8,000 days; `changes` replace fields of the report."""
    rng = np.random.default_rng(7)
    days = np.arange(np.datetime64("1990-01-02"), np.datetime64("2021-01-01"), dtype="datetime64[D]")
    days = days[np.is_busday(days)][:6480]
    train, gap = 4860, 6
    segments = np.zeros(len(days), dtype=np.int8)
    segments[train : train + gap] = -1
    segments[train + gap :] = 1
    ic = rng.normal(0.027, 0.24, len(days))
    ic[train:] -= 0.011
    ic[-6:] = np.nan
    gross = rng.normal(0.0004, 0.008, len(days))
    gross[train:] -= 0.00022
    turnover = np.clip(rng.normal(0.31, 0.12, len(days)), 0, 2) + 0.1 * np.sin(np.arange(len(days)) / 500)
    first = [d.astype(object) for d in (days[0], days[train - 1], days[train + gap], days[-1])]
    question = rd.Question(
        kind="cross-section",
        panel="S&P 500 sample",
        assets=20,
        size=8313,
        fields=("close",),
        target="forward_return_5",
        target_label="5-day forward return",
        objective="rank_ic",
        sign_free=True,
        horizon=5,
        overlap=5,
        delay=1,
        purged=6,
        cost_bps=5.0,
        parsimony=0.0001,
        segments=(
            rd.Segment("train", first[0], first[1], train),
            rd.Segment("validation", first[2], first[3], len(days) - train - gap),
            rd.Segment("test", dt.date(2016, 6, 1), dt.date(2022, 12, 28), 1650, readings=0),
        ),
    )
    tree = rd.Node(
        "−",
        children=(
            rd.Node("rank", children=(rd.Node("delta 5", children=(rd.Node("close", "field"),)),)),
            rd.Node(
                "÷",
                children=(
                    rd.Node(
                        "std 20", children=(rd.Node("pct_change 1", children=(rd.Node("close", "field"),)),)
                    ),
                    rd.Node("corr 10", children=(rd.Node("close", "field"), rd.Node("0.5", "number"))),
                ),
            ),
        ),
    )
    text = "rank(delta(close, 5)) - std(pct_change(close, 1), 20) / corr(close, 0.5, 10)"
    ns = 'xmlns="http://www.w3.org/1998/Math/MathML"'
    maths = (
        f'<math {ns} display="block"><mrow><mi>rank</mi><mo>(</mo><msub><mi>Δ</mi><mn>5</mn></msub>'
        "<mi>close</mi><mo>)</mo><mo>−</mo><mfrac><mrow><msub><mi>std</mi><mn>20</mn></msub><mo>(</mo><msub><mi>pct</mi><mn>1</mn>"
        "</msub><mo>(</mo><mi>close</mi><mo>)</mo><mo>)</mo></mrow><mrow><msub><mi>corr</mi><mn>10</mn></msub>"
        "<mo>(</mo><mi>close</mi><mo>,</mo><mn>0.5</mn><mo>)</mo></mrow></mfrac></mrow></math>"
    )
    evaluations = np.arange(500, 100_001, 500)
    best = 0.027 * (1 - np.exp(-evaluations / 14_000))
    values = {
        "question": question,
        "search": rd.SearchFacts(
            "gep",
            0,
            100_000,
            41.7,
            budget=100_000,
            proposed=131_420,
            invalid=0,
            stopped="budget",
            run="runs/2024-05-03-gep-0",
            version="0.1.0",
        ),
        "pool": (
            rd.Row(text, 0.0271, 0.0164, 0.31, 12, coverage=0.987),
            rd.Row("rank(delta(close, 5)) * -1", 0.0252, 0.0171, 0.28, 5, coverage=1.0),
            rd.Row("ts_rank(close, 10) - ema(close, 40) / median(close, 20)", 0.0243, 0.0098, 0.19, 9),
            rd.Row("-zscore(pct_change(close, 3))", 0.0222, 0.0149, 0.42, 4),
            rd.Row("skew(pct_change(close, 1), 60)", 0.0187, -0.0021, 0.06, 3),
        ),
        "best": rd.BestFormula(
            text,
            tree,
            r"\operatorname{rank}(\Delta_{5} \mathrm{close}) - \frac{a}{b}",
            maths,
            "sub.rank.div.delta_5.std_20.corr_10.close.pct_change_1.close.0.5.close",
            "Sub(CSRank(Delta($close, 5)), Div(Std($close, 20), Corr($close, 0.5, 10)))",
        ),
        "information": rd.Information(days, segments, ic),
        "trading": rd.Trading(days, segments, gross - turnover * 0.0005, gross, turnover),
        "quantiles": rd.Quantiles(
            {
                "train": np.array([-0.0021, -0.0008, 0.0001, 0.0009, 0.0019]),
                "validation": np.array([-0.0013, -0.0002, -0.0004, 0.0008, 0.0011]),
            }
        ),
        "decay": rd.Decay(
            np.array([1, 2, 3, 5, 10, 20]),
            {
                "train": np.array([0.017, 0.021, 0.024, 0.027, 0.025, 0.019]),
                "validation": np.array([0.008, 0.012, 0.013, 0.016, 0.017, 0.011]),
            },
        ),
        "progress": rd.SearchProgress(
            evaluations - 137, np.round(best, 3), evaluations, best * 0.3 + rng.normal(0, 0.0008, len(best))
        ),
        "strategy": "long the top fifth, short the bottom fifth, equal weights",
        "performance": {
            "train": {
                "annual_return": 0.062,
                "annual_volatility": 0.127,
                "sharpe": 0.49,
                "max_drawdown": -0.31,
                "mean_turnover": 0.31,
            },
            "validation": {
                "annual_return": 0.021,
                "annual_volatility": 0.119,
                "sharpe": 0.18,
                "max_drawdown": -0.22,
                "mean_turnover": 0.33,
            },
        },
    }
    return rd.ReportData(**{**values, **changes})


@pytest.fixture
def report() -> rd.ReportData:
    return synthetic()


def synthetic_table() -> rd.ReportData:
    """Symbolic regression of 3,000 rows."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-2, 2, 3000)
    actual = np.sin(x**2) + rng.normal(0, 0.12, len(x))
    segments = np.where(np.arange(len(x)) < 1800, 0, np.where(np.arange(len(x)) < 2400, 1, 2)).astype(np.int8)
    text = "sin(square(x1))"
    tree = rd.Node("sin", children=(rd.Node("x²", children=(rd.Node("x1", "field"),)),))
    question = rd.Question(
        kind="table",
        panel="symbolic.csv",
        assets=0,
        size=3000,
        fields=("x1", "x2"),
        target="y",
        objective="r2",
        segments=(
            rd.Segment("train", None, None, 1800),
            rd.Segment("validation", None, None, 600),
            rd.Segment("test", None, None, 600, readings=0),
        ),
    )
    seen = segments < 2
    return synthetic(
        question=question,
        pool=(rd.Row(text, 0.973, 0.969, size=3), rd.Row("x1", 0.11, 0.09, size=1)),
        best=rd.BestFormula(text, tree, r"\sin({x_1}^2)"),
        information=None,
        trading=None,
        quantiles=None,
        decay=None,
        performance={},
        fit=rd.Fit(np.sin(x**2)[seen], actual[seen], segments[seen]),
        strategy="",
    )


def synthetic_timing() -> rd.ReportData:
    """One asset, traded by the sign of the signal, delay 0."""
    report = synthetic()
    assert report.information is not None
    assert report.trading is not None
    rng = np.random.default_rng(4)
    held = rng.normal(0.0003, 0.011, len(report.trading.dates))
    question = dataclasses.replace(
        report.question, kind="timing", assets=1, delay=0, objective="timing_sharpe", panel="sp500.csv",
        sign_free=False,
    )  # fmt: skip
    ic = np.convolve(rng.normal(0.02, 0.8, len(held)), np.ones(252) / 252, "same")
    return dataclasses.replace(
        report,
        question=question,
        information=dataclasses.replace(report.information, ic=ic),
        trading=dataclasses.replace(report.trading, benchmark=held),
        strategy="long where the signal is above 0, short where it is below",
    )


@pytest.fixture
def table_report() -> rd.ReportData:
    return synthetic_table()


@pytest.fixture
def timing_report() -> rd.ReportData:
    return synthetic_timing()


def synthetic_model() -> rd.ReportData:
    """A network of one hidden layer that a constant is as good as."""
    title = "conv1d, 5 features × 20 days"
    model = rd.Model(
        kind="network",
        title=title,
        figure="mse in validation",
        value=0.00141,
        baselines={"constant": 0.0014, "last value": 0.0029},
        beaten_by=("constant",),
        facts=(("Network", "conv1d, width 16"), ("Layout", "channels [B, F, S]")),
        features=("pct_change(close, 1)", "log(volume / mean(volume, 20))"),
        layers=(rd.Layer("body.0", "16 × 5 × 2, 16", 176), rd.Layer("head", "1 × 304, 1", 305)),
        training=rd.TrainingHistory(
            np.arange(1, 13),
            {"training": 1 / np.arange(2.0, 14.0), "held out": np.full(12, 0.5)},
            step="epoch",
            figure="loss, mse",
            ended="patience",
        ),
    )
    pool = (rd.Row(title, 0.03, 0.01, 0.3, 481),)
    return synthetic(best=None, progress=None, model=model, pool=pool)


@pytest.fixture
def model_report() -> rd.ReportData:
    return synthetic_model()
