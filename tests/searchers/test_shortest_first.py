"""What a search that begins with the simplest formulas asks first."""

import numpy as np
import pytest

from quarva.karva.grammar.grammar import Grammar
from quarva.runs import search
from quarva.searchers.policy import Policy
from quarva.searchers.shortest_first import simplest


class Beginner:
    """Asks for the simplest formulas and for nothing else."""

    def __init__(self, n):
        self.n = n

    def begin(self, space):
        grammar = Grammar(space.alphabet, space.shape, Policy().rule_names)
        self.formulas = simplest(space, grammar, self.n)

    def ask(self, n):
        return self.formulas

    def tell(self, population, fitness):
        pass


@pytest.fixture
def asked(panel_task):
    """The formulas that a search of a panel begins with, as trees."""

    def make(n, **given):
        beginner = Beginner(n)
        search(panel_task, beginner, 2 * n, progress=False, threads=1, **given)
        return beginner.formulas.expressions()

    return make


def shape_of(expression):
    """A formula without its windows."""
    symbol = expression.symbol
    name = symbol.name if symbol.operator is None else symbol.operator.name
    return (name, *(shape_of(each) for each in expression.args))


def test_each_is_asked_once_and_none_that_is_longer_than_needed(asked):
    formulas = asked(300)
    assert len(set(map(repr, formulas))) == 300
    sizes = np.sort([len(each) for each in formulas])
    assert sizes[0] == 1
    assert sizes[-1] <= 3


def test_formulas_that_differ_by_a_window_come_after_all_that_differ_otherwise(asked):
    shapes = [shape_of(each) for each in asked(300, functions=["mean", "delta", "sub"], windows=[5, 10, 20])]
    firsts = [shape not in shapes[:place] for place, shape in enumerate(shapes)]
    assert firsts == sorted(firsts, reverse=True)
    assert 50 < sum(firsts) < 300


def test_among_those_the_shortest_comes_first(asked):
    formulas = asked(300, functions=["mean", "delta", "sub"], windows=[5, 10, 20])
    shapes = [shape_of(each) for each in formulas]
    sizes = [len(each) for place, each in enumerate(formulas) if shapes[place] not in shapes[:place]]
    assert sizes == sorted(sizes)
