"""Shortest-first enumeration of formulas."""

import numpy as np
import pytest

from quarva.karva.grammar.grammar import Grammar
from quarva.runs import search
from quarva.searchers.policy import Policy
from quarva.searchers.shortest_first import shortest_first


class ShortestFirst:
    """A searcher that proposes the shortest formulas only."""

    def __init__(self, n):
        self.n = n

    def begin(self, context):
        grammar = Grammar(context.alphabet, context.shape, Policy().rule_names)
        self.formulas = shortest_first(context, grammar, self.n)

    def ask(self, n):
        return self.formulas

    def tell(self, population, fitness):
        pass


@pytest.fixture
def asked(panel_task):
    """A function that returns the n shortest formulas of a panel as trees."""

    def make(n, **given):
        searcher = ShortestFirst(n)
        search(panel_task, searcher, 2 * n, progress=False, threads=1, **given)
        return searcher.formulas.expressions()

    return make


def shape_of(expression):
    """Return the formula without its windows."""
    symbol = expression.symbol
    name = symbol.name if symbol.operator is None else symbol.operator.name
    return (name, *(shape_of(each) for each in expression.args))


def test_formulas_are_distinct_and_short(asked):
    formulas = asked(300)
    assert len(set(map(repr, formulas))) == 300
    sizes = np.sort([len(each) for each in formulas])
    assert sizes[0] == 1
    assert sizes[-1] <= 3


def test_formulas_that_differ_in_a_window_only_come_last(asked):
    shapes = [shape_of(each) for each in asked(300, functions=["mean", "delta", "sub"], windows=[5, 10, 20])]
    firsts = [shape not in shapes[:i] for i, shape in enumerate(shapes)]
    assert firsts == sorted(firsts, reverse=True)
    assert 50 < sum(firsts) < 300


def test_the_first_formulas_of_each_kind_are_sorted_by_length(asked):
    formulas = asked(300, functions=["mean", "delta", "sub"], windows=[5, 10, 20])
    shapes = [shape_of(each) for each in formulas]
    sizes = [len(each) for i, each in enumerate(formulas) if shapes[i] not in shapes[:i]]
    assert sizes == sorted(sizes)
