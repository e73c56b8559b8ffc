"""Cross-sectional and group kernels agree with NumPy, pandas and SciPy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from quarva.engine.kernel.cross_section.cross import cross, cross_pair, cross_scratch, group
from quarva.engine.kernel.cross_section.ranks import counting_rank, rank
from quarva.karva.operators import CODE

NAN = np.nan
GROUPS = 7
SIZES = [1, 2, 3, 5, 20, 24, 25, 64, 65, 300, 1000, 5000]


def padded(row):
    """A row in the layout of the kernel: padded with NaN to a multiple of 16."""
    return np.append(row, np.full(-len(row) % 16, NAN)).astype(np.float32)


def present(row):
    return row[~np.isnan(row)].astype(float)


def run(name, row, number=0.0, param=0):
    x = padded(row)
    out = np.zeros_like(x)
    cross(CODE[name], x, len(row), np.float32(number), param, out, cross_scratch(x.size, GROUPS))
    assert np.isnan(out[len(row) :]).all()
    return out[: len(row)]


def run_pair(name, first, second):
    out = np.zeros_like(padded(first))
    cross_pair(CODE[name], padded(first), padded(second), len(first), out)
    assert np.isnan(out[len(first) :]).all()
    return out[: len(first)]


def run_group(name, row, groups):
    x = padded(row)
    out = np.zeros_like(x)
    group(CODE[name], x, len(row), groups, cross_scratch(x.size, GROUPS), out)
    assert np.isnan(out[len(row) :]).all()
    return out[: len(row)]


# Rows that are difficult to rank: wide or narrow distributions, ties, missing values ------------------


def normal(rng, n):
    return rng.normal(size=n)


def holes(rng, n):
    return np.where(rng.random(n) < 0.3, NAN, rng.normal(size=n))


def prices(rng, n):
    return 100 + rng.normal(size=n)


def wild(rng, n):
    return rng.standard_cauchy(size=n) ** 3


def skewed(rng, n):
    return np.exp(4 * rng.normal(size=n))


def ties(rng, n):
    return rng.integers(0, 3, n) / 10


def grid(rng, n):
    return rng.normal(size=n).round(1) * -1.0


def half_zero(rng, n):
    return np.maximum(rng.normal(size=n), 0)


def near_ties(rng, n):
    """Far more close but different values than the scale can distinguish."""
    return np.where(rng.random(n) < 0.5, 1 + 1e-6 * rng.integers(0, 9, n), 1e6 * rng.normal(size=n))


def one_size(rng, n):
    return np.full(n, 1 / 3)


def zeros_of_both_signs(rng, n):
    return rng.choice([0.0, -0.0, 1.0], n)


def ends(rng, n):
    return rng.choice([3.4e38, -3.4e38, 1e-45, -1e-45, 0.0, 1.0, NAN], n)


def nothing(rng, n):
    return np.full(n, NAN)


def lonely(rng, n):
    row = np.full(n, NAN)
    row[n // 2] = 2.5
    return row


ROWS = [
    normal, holes, prices, wild, skewed, ties, grid, half_zero, near_ties, one_size, zeros_of_both_signs,
    ends, nothing, lonely,
]  # fmt: skip


def rows():
    for n in SIZES:
        for make in ROWS:
            yield np.asarray(make(np.random.default_rng(n), n), np.float32)


def share_ranks(row):
    return pd.Series(row.astype(float)).rank(pct=True).to_numpy()


def test_rank_is_the_average_rank_divided_by_the_number_of_values():
    for row in rows():
        np.testing.assert_allclose(run("rank", row), share_ranks(row), rtol=1e-6)


def test_rank_of_more_assets_than_the_buckets_support():
    row = np.random.default_rng(0).normal(size=40_000).astype(np.float32)
    np.testing.assert_allclose(run("rank", row), share_ranks(row), rtol=1e-6)


def test_a_row_can_be_ranked_in_place():
    for row in rows():
        x = padded(row)
        rank(x, len(row), x, cross_scratch(x.size, GROUPS)[0])
        np.testing.assert_allclose(x[: len(row)], share_ranks(row), rtol=1e-6)


def test_counting_rank_preserves_order_ties_and_mean():
    for row in rows():
        x = padded(row)
        out = np.zeros_like(x)
        counting_rank(x, len(row), out, cross_scratch(x.size, GROUPS)[0])
        there = ~np.isnan(row)
        np.testing.assert_array_equal(np.isnan(out[: len(row)]), ~there)
        if there.any():
            order = np.argsort(row[there], kind="stable")
            values, ranks = row[there][order], out[: len(row)][there][order]
            assert (np.diff(ranks) >= 0).all()
            assert (np.diff(ranks)[np.diff(values) == 0] == 0).all()
            np.testing.assert_allclose(ranks.mean(dtype=float), share_ranks(row)[there].mean(), rtol=1e-5)


def test_counting_rank_is_exact_if_values_are_equal_or_far_apart():
    for make in (ties, grid, one_size):
        row = np.asarray(make(np.random.default_rng(1), 1000), np.float32)
        out = np.zeros_like(padded(row))
        counting_rank(padded(row), 1000, out, cross_scratch(out.size, GROUPS)[0])
        np.testing.assert_allclose(out[:1000], share_ranks(row), rtol=1e-6)


def tame(row):
    """True for rows whose float64 sums are precise and whose float32 results do not overflow."""
    return np.nan_to_num(np.nanmax(np.abs(row), initial=0.0)) < 1e30


def test_zscore_demean_and_scale():
    for row in filter(tame, rows()):
        x = row.astype(float)
        few = pd.Series(x)
        size = np.nanmax(np.abs(x), initial=0.0)
        np.testing.assert_allclose(run("demean", row), few - few.mean(), rtol=1e-6, atol=1e-12 * size)
        total = np.nansum(np.abs(x))
        np.testing.assert_allclose(run("scale", row), x / total if total else x * NAN, rtol=1e-6)
        varies = len(np.unique(present(row))) > 1
        expected = (few - few.mean()) / few.std() if varies else few * NAN
        np.testing.assert_allclose(run("zscore", row), expected, rtol=1e-5, atol=1e-9)


def test_equal_values_have_no_zscore_and_no_deviation():
    row = np.full(300, np.float32(0.1))
    assert np.isnan(run("zscore", row)).all()
    assert (run("demean", row) == 0).all()


@pytest.mark.parametrize("share", [0.01, 0.05, 0.25, 0.49])
def test_winsorise_cuts_at_the_quantiles(share):
    for row in filter(tame, rows()):
        few = present(row)
        if len(few) == 0:
            assert np.isnan(run("winsorise", row, share)).all()
            continue
        low, high = np.quantile(few, [share, 1 - share])
        np.testing.assert_allclose(
            run("winsorise", row, share), np.clip(row.astype(float), low, high), rtol=1e-6
        )


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.35, 0.45, 0.1234567, 1 / 3])
@pytest.mark.parametrize("n", [4, 11, 21, 101, 1001])
def test_winsorise_is_not_moved_by_a_share_in_float32(share, n):
    # The values around each quantile are far apart, so that a place that is off by 1e-8 would show.
    row = np.arange(n) - (n - 1) / 2
    row = np.where(np.abs(row) > (0.5 - share) * (n - 1) + 1e-9, 1e9 * np.sign(row), row)
    few = row.astype(np.float32).astype(float)
    low, high = np.quantile(few, [share, 1 - share])
    if share == 1 / 3:  # of a share of more than seven decimals, the error is that of float32
        np.testing.assert_allclose(run("winsorise", row, share), few.clip(low, high), atol=3e-8 * n * 1e9)
    else:
        np.testing.assert_allclose(run("winsorise", row, share), few.clip(low, high), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_bucket_divides_the_ranks_into_equal_parts(count):
    for row in rows():
        n = len(present(row))
        twice = 2 * rankdata(row.astype(float), nan_policy="omit")
        expected = (twice - 2) * count // (2 * max(n, 1)) + 1
        np.testing.assert_array_equal(run("bucket", row, param=count), expected)


def test_sizes_of_buckets_differ_by_at_most_one():
    row = np.random.default_rng(0).permutation(103).astype(np.float32)
    sizes = np.bincount(run("bucket", row, param=10).astype(int))[1:]
    assert len(sizes) == 10
    assert sizes.max() - sizes.min() <= 1


def test_of_asset_broadcasts_one_value():
    row = np.asarray([1.0, NAN, 3.0], np.float32)
    np.testing.assert_array_equal(run("of_asset", row, param=2), [3, 3, 3])
    np.testing.assert_array_equal(run("of_asset", row, param=1), [NAN] * 3)


def test_residual_agrees_with_least_squares():
    rng = np.random.default_rng(0)
    for n in SIZES:
        for make in (normal, holes, prices, ties, nothing, one_size):
            x = np.asarray(make(rng, n), np.float32)
            y = np.asarray(2 * x + rng.normal(size=n), np.float32)
            y[rng.random(n) < 0.1] = NAN
            both = ~np.isnan(x) & ~np.isnan(y)
            expected = np.full(n, NAN)
            if both.sum() >= 3 and len(np.unique(x[both])) > 1:
                a, b = x[both].astype(float), y[both].astype(float)
                slope, level = np.polyfit(a - a.mean(), b, 1)
                expected[both] = b - level - slope * (a - a.mean())
            np.testing.assert_allclose(run_pair("residual", y, x), expected, rtol=1e-5, atol=1e-6)


def grouped(row, groups):
    return pd.Series(row.astype(float)).groupby(np.where(groups < 0, NAN, groups))


@pytest.mark.parametrize("seed", range(5))
def test_group_operators_work_within_each_group(seed):
    rng = np.random.default_rng(seed)
    for n in SIZES:
        for make in (normal, holes, ties, prices, nothing, lonely):
            row = np.asarray(make(rng, n), np.float32)
            groups = rng.integers(-1, GROUPS, n).astype(np.int32)
            by = grouped(row, groups)
            x = pd.Series(row.astype(float))
            np.testing.assert_allclose(run_group("group_rank", row, groups), by.rank(pct=True), rtol=1e-6)
            np.testing.assert_allclose(
                run_group("group_demean", row, groups), x - by.transform("mean"), rtol=1e-5, atol=1e-6
            )
            std = by.transform("std").where(by.transform("nunique") > 1)
            np.testing.assert_allclose(
                run_group("group_zscore", row, groups), (x - by.transform("mean")) / std, rtol=1e-4, atol=1e-5
            )


# Laws -------------------------------------------------------------------------------------------------


VALUES = st.lists(st.floats(width=32, allow_infinity=False), min_size=1, max_size=120)


@given(VALUES)
def test_ranks_agree_with_pandas_for_any_values(values):
    row = np.asarray(values, np.float32)
    np.testing.assert_allclose(run("rank", row), share_ranks(row), rtol=1e-6)


@given(VALUES)
def test_a_rank_only_depends_on_the_order_of_the_values(values):
    row = np.asarray(values, np.float32)
    order = np.unique(row, return_inverse=True)[1].astype(np.float32)
    order[np.isnan(row)] = NAN
    np.testing.assert_array_equal(run("rank", row), run("rank", order))


@given(VALUES, st.randoms())
def test_a_rank_does_not_depend_on_the_order_of_the_assets(values, random):
    row = np.asarray(values, np.float32)
    order = random.sample(range(len(values)), len(values))
    np.testing.assert_array_equal(run("rank", row[order]), run("rank", row)[order])
