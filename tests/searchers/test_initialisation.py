"""What a search asks first, with and without foresight."""

import numpy as np
import pytest

from quarva.karva import GeneShape
from quarva.karva.alphabet import Alphabet
from quarva.karva.grammar.grammar import Grammar
from quarva.loop.memory import Memory
from quarva.loop.probe_panel import probe_panel_of
from quarva.loop.searcher import SearchContext
from quarva.searchers.initialisation import Initialisation
from quarva.searchers.policy import Policy
from quarva.searchers.shortest_first import simplest
from quarva.searchers.surrogate import Surrogate


def open_on(task, functions=None, n=60, with_foresight=True):
    alphabet = Alphabet.build(task.fields, functions, (5, 10))
    glimpse = probe_panel_of(task, alphabet)
    space = SearchContext(alphabet, GeneShape(head=6), Memory(), 10_000, 3, 1, probe_panel=glimpse)
    grammar = Grammar(alphabet, space.shape, Policy().rule_names)
    foresight = Surrogate(glimpse, 1, 0.5) if with_foresight else None
    return space, grammar, foresight, Initialisation(space, grammar, n, foresight)


def play(task, space, foresight, opening):
    """Ask and tell to the end; the batches."""
    batches = []
    while not opening.is_over:
        asked = opening.ask()
        fitness = task.score(asked, 1).fitness
        space.memory.put(asked.keys(), fitness)
        if foresight is not None:
            foresight.note(asked, fitness)
        opening.tell(asked, fitness)
        batches.append(asked)
    return batches


def test_without_foresight_the_simplest_come_at_once(panel_task):
    space, grammar, foresight, opening = open_on(panel_task, with_foresight=False)
    batches = play(panel_task, space, foresight, opening)
    assert len(batches) == 1
    assert (batches[0].keys() == simplest(space, grammar, 60).keys()).all()


def test_with_foresight_a_few_of_them_come_first_and_then_rounds_of_new_ones(panel_task):
    space, grammar, foresight, opening = open_on(panel_task)
    batches = play(panel_task, space, foresight, opening)
    assert [len(batch) for batch in batches] == [25, 25, 10]
    assert (batches[0].keys() == simplest(space, grammar, 60).keys()[:25]).all()
    keys = np.concatenate([batch.keys() for batch in batches])
    assert len(np.unique(keys)) == 60
    assert (opening.population.keys() == keys).all()
    assert len(opening.fitness) == 60


def test_what_promises_is_worth_more_than_what_comes_by_lot(panel_task):
    space, _, foresight, opening = open_on(panel_task, n=300)
    play(panel_task, space, foresight, opening)
    by_lot = open_on(panel_task, n=300, with_foresight=False)
    play(panel_task, by_lot[0], by_lot[2], by_lot[3])
    assert np.nanmean(opening.fitness[25:]) > 1.2 * np.nanmean(by_lot[3].fitness)


def test_a_language_of_few_formulas_is_asked_again_rather_than_never_ending(panel_task):
    space, _, foresight, opening = open_on(panel_task, functions=["neg"])
    batches = play(panel_task, space, foresight, opening)
    assert sum(map(len, batches)) == 60


def test_a_pause_changes_nothing(panel_task):
    space, _, foresight, opening = open_on(panel_task)
    whole = play(panel_task, space, foresight, opening)
    space, grammar, foresight, opening = open_on(panel_task)
    first = opening.ask()
    fitness = panel_task.score(first, 1).fitness
    space.memory.put(first.keys(), fitness)
    foresight.note(first, fitness)
    opening.tell(first, fitness)
    again, told = Initialisation(space, grammar, 60, foresight), opening.state()
    again.restore(told)
    rest = play(panel_task, space, foresight, again)
    assert [batch.keys().tolist() for batch in whole[1:]] == [batch.keys().tolist() for batch in rest]
    assert again.is_over


@pytest.mark.parametrize("n", [10, 25, 26])
def test_as_many_are_asked_as_islands_hold(panel_task, n):
    space, _, foresight, opening = open_on(panel_task, n=n)
    play(panel_task, space, foresight, opening)
    assert len(opening.population) == n
