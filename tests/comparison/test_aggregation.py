"""Quartiles over seeds, of scores and along convergence curves."""

from dataclasses import replace

import numpy as np
import pytest

from quarva.comparison import Run
from quarva.comparison.aggregation import quartiles, race


def a_run(seed, after, trained, at=None):
    after = np.asarray(after, float)
    return Run(
        "gep", seed, 0.0, 0.0, 0.0, "x", 1, int(after[-1]), 0, 0, int(after[-1]), 0, 1.0, 0.5, 0.5, "budget",
        after, after / 1000 if at is None else np.asarray(at, float), 0 * after, np.asarray(trained, float),
        np.asarray(trained, float), np.zeros(len(after), bool),
    )  # fmt: skip


def test_quartiles_equal_numpys():
    values = [3.0, 1.0, 2.0, 5.0]
    assert quartiles(values, -np.inf) == pytest.approx(tuple(np.quantile(values, (0.25, 0.5, 0.75))))


def test_missing_values_rank_last():
    assert quartiles([1.0, np.nan, 3.0], -np.inf)[1] == 1.0
    assert quartiles([1.0, 2.0, np.inf], np.inf)[1] == 2.0
    assert quartiles([1.0, np.inf], np.inf)[1] == np.inf
    assert quartiles([1.0, np.nan], -np.inf)[1] == -np.inf


def test_a_band_keeps_the_best_score_until_it_rises():
    runs = {"gep": [a_run(0, [100, 200, 400], [1, 2, 3]), a_run(1, [100, 200, 400], [1, 4, 5])]}
    found = race(runs, "evaluations", "score", lambda run: run.trained)
    (band,) = found.curves
    middle = dict(zip(np.round(found.x, 6), band.median, strict=True))
    assert middle[100.0] == 1
    assert middle[400.0] == 4
    assert set(middle.values()) == {1.0, 3.0, 4.0}
    assert (np.diff(found.x) > 0).all()


def test_a_finished_run_keeps_its_score_until_the_last_run_ends():
    runs = {
        "gep": [a_run(0, [100], [7]), a_run(1, [100, 300], [1, 1])],
        "long": [a_run(0, [100, 900], [0, 0])],
    }
    found = race(runs, "evaluations", "score", lambda run: run.trained)
    gep, long = found.curves
    assert np.nanmax(found.x[np.isfinite(gep.median)]) == 300
    assert set(gep.median[np.isfinite(gep.median)]) == {4.0}
    assert np.isfinite(long.median).all()


@pytest.mark.parametrize("error", [False, True])
def test_a_median_begins_when_half_of_the_seeds_have_a_score(error):
    late = [a_run(seed, [begin, 500], [2, 2]) for seed, begin in enumerate((100, 200, 300))]
    found = race({"gep": late}, "evaluations", "score", lambda run: run.trained, error=error)
    (band,) = found.curves
    assert np.isnan(band.median[found.x < 199]).all()
    assert set(band.median[found.x > 201]) == {2.0}
    worse = band.high if error else band.low
    assert np.isnan(worse[found.x < 299]).all()
    assert set(worse[found.x > 301]) == {2.0}


def test_a_missing_score_counts_as_the_worst():
    runs = {"gep": [a_run(0, [100, 200], [np.nan, np.nan]), *(a_run(k, [100, 200], [1, 3]) for k in (1, 2))]}
    (band,) = race(runs, "evaluations", "score", lambda run: run.trained).curves
    assert set(band.median) == {1.0, 3.0}
    assert np.isnan(band.low).all()
    (band,) = race(runs, "evaluations", "score", lambda run: run.trained, error=True).curves
    assert set(band.low) == {1.0, 3.0}
    assert np.isnan(band.high).all()


def best_at(run, place):
    """The run's best when so many evaluations were made."""
    there = np.flatnonzero(run.after <= place)
    return run.trained[there[-1]] if len(there) else -np.inf


def test_bands_are_the_quartiles_at_every_evaluation():
    rng = np.random.default_rng(0)
    runs = {}
    for name, step in (("small", 5), ("large", 400)):
        runs[name] = [
            a_run(seed, np.unique(rng.integers(1, step * 30, 12)), np.sort(rng.normal(size=20))[:12])
            for seed in range(5)
        ]
        runs[name] = [a_run(k, run.after, run.trained[: len(run.after)]) for k, run in enumerate(runs[name])]
    found = race(runs, "evaluations", "score", lambda run: run.trained)
    assert len(found.x) <= 1 + sum(len(run.after) for group in runs.values() for run in group)
    for band in found.curves:
        group = runs[band.name]
        end = max(run.evaluations for run in group)
        assert np.isnan([*band.low[found.x > end], *band.high[found.x > end]]).all()
        for place in range(int(found.x[0]), end + 1, 3):
            at = np.searchsorted(found.x, place, side="right") - 1
            parts = quartiles([best_at(run, place) for run in group], -np.inf)
            for drawn, part in zip((band.low, band.median, band.high), parts, strict=True):
                expected = part if np.isfinite(part) else np.nan
                assert drawn[at] == pytest.approx(expected, nan_ok=True)


def test_only_points_where_a_band_changes_are_drawn():
    runs = {"gep": [a_run(k, [100, *range(101, 150), 900], [1] * 50 + [2]) for k in range(3)]}
    assert race(runs, "evaluations", "score", lambda run: run.trained).x.tolist() == [100.0, 900.0]


def test_a_run_without_a_formula_has_no_line():
    empty = replace(
        a_run(0, [100], [1]), after=np.empty(0), at=np.empty(0), trained=np.empty(0), validated=np.empty(0),
        exact=np.empty(0, bool),
    )  # fmt: skip
    (band,) = race({"gep": [empty]}, "seconds", "score", lambda run: run.trained).curves
    assert np.isnan(band.median).all()
