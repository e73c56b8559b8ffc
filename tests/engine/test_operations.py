"""Counts of arithmetic operations, on which throughput figures are based."""

import numpy as np
import pytest

from quarva.engine.operations import (
    expression_operations,
    population_operations,
    scoring_operations,
    symbol_operations,
)
from quarva.karva import Alphabet, GeneShape, Population, Symbol, parse


@pytest.mark.parametrize(
    ("formula", "count"),
    [
        ("close", 0),
        ("close + open", 1),
        ("(close + open) / high", 2),
        ("ref(close, 5)", 0),
        ("mean(close, 20)", 4),
        ("mean(close - open, 20)", 5),
        ("rank(close)", 1 + 10),
    ],
)
def test_the_count_of_a_formula_is_the_sum_over_its_nodes(formula, count):
    assert expression_operations(parse(formula), 1024) == pytest.approx(count)


def test_rolling_sums_are_constant_in_the_window_and_order_statistics_logarithmic():
    def cost(name, window):
        return symbol_operations(Symbol.function(name, window), 100)

    assert cost("std", 5) == cost("std", 250)
    assert cost("ts_rank", 64) - cost("ts_rank", 32) == pytest.approx(2)


@pytest.mark.parametrize("shape", [GeneShape(head=6), GeneShape(head=4, genes=3, link="mul")])
def test_the_count_of_a_population_is_that_of_its_formulas(shape):
    alphabet = Alphabet.build(["open", "close"], constants=True)
    pop = Population.random(alphabet, shape, 200, np.random.default_rng(0))
    one_by_one = [expression_operations(tree, 300) for tree in pop.expressions()]
    assert np.allclose(population_operations(pop, 300), one_by_one)


def test_ranks_cost_more_than_values_and_grow_with_the_number_of_assets():
    assert scoring_operations("rank_ic", 300) > scoring_operations("ic", 300)
    assert scoring_operations("rank_ic", 600) == pytest.approx(scoring_operations("rank_ic", 300) + 1)
