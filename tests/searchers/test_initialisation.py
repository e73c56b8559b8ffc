"""Initialisation of a search, with and without a surrogate."""

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
from quarva.searchers.shortest_first import shortest_first
from quarva.searchers.surrogate import Surrogate


def start(task, functions=None, n=60, with_surrogate=True):
    alphabet = Alphabet.build(task.fields, functions, (5, 10))
    probe_panel = probe_panel_of(task, alphabet)
    context = SearchContext(alphabet, GeneShape(head=6), Memory(), 10_000, 3, 1, probe_panel=probe_panel)
    grammar = Grammar(alphabet, context.shape, Policy().rule_names)
    surrogate = Surrogate(probe_panel, 1, 0.5) if with_surrogate else None
    return context, grammar, surrogate, Initialisation(context, grammar, n, surrogate)


def run(task, context, surrogate, initialisation):
    """Ask and tell until the initialisation is complete, and return the batches."""
    batches = []
    while not initialisation.is_complete:
        asked = initialisation.ask()
        fitness = task.score(asked, 1).fitness
        context.memory.put(asked.keys(), fitness)
        if surrogate is not None:
            surrogate.update(asked, fitness)
        initialisation.tell(asked, fitness)
        batches.append(asked)
    return batches


def test_without_a_surrogate_the_shortest_formulas_come_in_one_batch(panel_task):
    context, grammar, surrogate, initialisation = start(panel_task, with_surrogate=False)
    batches = run(panel_task, context, surrogate, initialisation)
    assert len(batches) == 1
    assert (batches[0].keys() == shortest_first(context, grammar, 60).keys()).all()


def test_with_a_surrogate_a_few_of_them_are_followed_by_rounds_of_new_formulas(panel_task):
    context, grammar, surrogate, initialisation = start(panel_task)
    batches = run(panel_task, context, surrogate, initialisation)
    assert [len(batch) for batch in batches] == [25, 25, 10]
    assert (batches[0].keys() == shortest_first(context, grammar, 60).keys()[:25]).all()
    keys = np.concatenate([batch.keys() for batch in batches])
    assert len(np.unique(keys)) == 60
    assert (initialisation.population.keys() == keys).all()
    assert len(initialisation.fitness) == 60


def test_formulas_chosen_by_the_surrogate_have_higher_fitness(panel_task):
    context, _, surrogate, initialisation = start(panel_task, n=300)
    run(panel_task, context, surrogate, initialisation)
    without = start(panel_task, n=300, with_surrogate=False)
    run(panel_task, without[0], without[2], without[3])
    assert np.nanmean(initialisation.fitness[25:]) > 1.2 * np.nanmean(without[3].fitness)


def test_initialisation_ends_if_there_are_few_formulas(panel_task):
    context, _, surrogate, initialisation = start(panel_task, functions=["neg"])
    batches = run(panel_task, context, surrogate, initialisation)
    assert sum(map(len, batches)) == 60


def test_a_restored_initialisation_continues_identically(panel_task):
    context, _, surrogate, initialisation = start(panel_task)
    whole = run(panel_task, context, surrogate, initialisation)
    context, grammar, surrogate, initialisation = start(panel_task)
    first = initialisation.ask()
    fitness = panel_task.score(first, 1).fitness
    context.memory.put(first.keys(), fitness)
    surrogate.update(first, fitness)
    initialisation.tell(first, fitness)
    again, state = Initialisation(context, grammar, 60, surrogate), initialisation.state()
    again.restore(state)
    rest = run(panel_task, context, surrogate, again)
    assert [batch.keys().tolist() for batch in whole[1:]] == [batch.keys().tolist() for batch in rest]
    assert again.is_complete


@pytest.mark.parametrize("n", [10, 25, 26])
def test_exactly_n_formulas_are_proposed(panel_task, n):
    context, _, surrogate, initialisation = start(panel_task, n=n)
    run(panel_task, context, surrogate, initialisation)
    assert len(initialisation.population) == n
