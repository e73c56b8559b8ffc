"""Alphabets: the symbols that functions, windows and other parameters yield."""

import numpy as np
import pytest

from quarva.errors import FormulaError
from quarva.karva import CODE, Alphabet, GeneShape, Population
from quarva.karva.alphabet import FIELD, PANEL_FUNCTIONS, TABLE_FUNCTIONS


def test_a_function_yields_a_symbol_for_each_window_share_and_count():
    functions = ["quantile", "winsorise", "bucket", "of_asset", "group_rank", "if_else", "kurt"]
    alphabet = Alphabet.build(["x"], functions, (3, 20), groups=["sector"], assets=["SPY", "BRK.B"])
    assert alphabet.names() == [
        "quantile_3_0.2", "quantile_3_0.8", "quantile_20_0.2", "quantile_20_0.8", "winsorise_0.05",
        "bucket_5", "bucket_10", "of_asset_SPY", "of_asset_BRK.B", "group_rank_sector", "if_else",
        "kurt_20", "x",
    ]  # fmt: skip


def test_shares_and_counts_can_be_set():
    names = Alphabet.build(
        ["x"], ["quantile", "winsorise", "bucket"], (5,), shares=[0.1, 0.9], counts=[3]
    ).names()
    assert names == ["quantile_5_0.1", "quantile_5_0.9", "winsorise_0.1", "bucket_3", "x"]


def test_symbol_arrays_hold_the_window_count_share_or_index():
    alphabet = Alphabet.build(["x", "y"], ["quantile", "bucket", "of_asset"], (7,), assets=["A", "B"])
    assert (
        alphabet.code.tolist()
        == [CODE["quantile"]] * 2 + [CODE["bucket"]] * 2 + [CODE["of_asset"]] * 2 + [FIELD] * 2
    )
    assert alphabet.param.tolist() == [7, 7, 5, 10, 0, 1, 0, 1]
    np.testing.assert_array_equal(alphabet.number, np.float32([0.2, 0.8, 0, 0, 0, 0, 0, 0]))
    assert alphabet.assets == ("A", "B")


@pytest.mark.parametrize(("functions", "tail"), [(["if_else"], 17), (["lt"], 9), (["not"], 1), ([], 1)])
def test_the_tail_length_follows_from_the_maximum_arity(functions, tail):
    assert Alphabet.build(["x"], functions).tail(8) == tail


def test_default_functions_have_at_most_two_arguments():
    assert "if_else" not in PANEL_FUNCTIONS + TABLE_FUNCTIONS
    assert Alphabet.build(["x"]).max_arity == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fields": ["x"], "functions": ["logg"]}, "unknown function 'logg': did you mean 'log'?"),
        ({"fields": ["x"], "functions": ["@"]}, "unknown function '@'; known functions: add, sub"),
        ({"fields": [], "functions": ["add"]}, "no terminal: give at least one field, number or '?'"),
        (
            {"fields": ["x"], "functions": ["skew"], "windows": [2]},
            "'skew' needs a window of at least 3 days",
        ),
        ({"fields": ["x"], "functions": ["mean"], "windows": []}, "'mean' needs a window of at least 2 days"),
        (
            {"fields": ["x"], "functions": ["mean"], "windows": [10_001]},
            "10001 days exceeds the maximum of 10000",
        ),
        ({"fields": ["x"], "functions": ["winsorise"], "shares": [0.5, 0.8]}, "share above 0 and below 0.5"),
        (
            {"fields": ["x"], "functions": ["quantile"], "shares": [1.5]},
            "'quantile' needs a share from 0 to 1",
        ),
        ({"fields": ["x"], "functions": ["bucket"], "counts": [1, 5]}, "'bucket' needs counts of 2 to 10000"),
    ],
)
def test_an_invalid_alphabet_is_refused_with_the_reason(arguments, message):
    with pytest.raises(FormulaError) as caught:
        Alphabet.build(**arguments)
    assert message in str(caught.value)


def test_operators_have_equal_weight_for_any_number_of_windows():
    alphabet = Alphabet.build(["x"], ["add", "mean", "std"], windows=(5, 10, 20, 40))
    pop = Population.random(alphabet, GeneShape(head=1), 60_000, np.random.default_rng(0), function_share=1.0)
    roots = [alphabet.symbols[symbol].operator.name for symbol in pop.symbols[:, 0, 0]]
    for name in ("add", "mean", "std"):
        assert abs(roots.count(name) / len(roots) - 1 / 3) < 0.01
