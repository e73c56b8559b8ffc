"""Searches of unit-free formulas: every proposal has valid units and a result without a unit."""

from fractions import Fraction

import numpy as np
import pytest

import quarva as qv
from quarva.errors import FormulaError, RecipeError
from quarva.karva import Alphabet, GeneShape
from quarva.karva.genes import Population
from quarva.karva.grammar import Grammar, uniform
from quarva.karva.grammar.units import parse_unit, unit_of
from quarva.loop.memory import Memory
from quarva.loop.searcher import SearchContext
from quarva.runs.run_search import SEARCHERS
from quarva.scenarios import simulate

FIELDS = ("open", "close", "volume", "amount", "earnings")
FUNCTIONS = [
    "add",
    "sub",
    "mul",
    "div",
    "sqrt",
    "log",
    "gt",
    "if_else",
    "mean",
    "delta",
    "corr",
    "rank",
    "ref",
]
ALPHABET = Alphabet.build(FIELDS, FUNCTIONS, (5, 20))
GIVEN = {"earnings": "money/shares"}
ANY = object()  # the unit of a field that fits every other


class Mismatch(Exception):
    """A sum, comparison or function of unlike units."""


def unit(tree, given):
    """Powers of base units of a formula, by recursion over the tree; ANY if its fields fit any unit."""
    if tree.symbol.operator is None:
        name = tree.symbol.field
        found = parse_unit(given.get(name, unit_of(name)) if name else "pure", name or "?")
        return ANY if found is None else found
    parts = [unit(each, given) for each in tree.args]
    rule = tree.symbol.operator.unit
    if rule == "choice":
        same(parts[0], {})
        parts = parts[1:]
    if rule in ("same", "choice", "compare"):
        for each in parts[1:]:
            same(parts[0], each)
        known = next((each for each in parts if each is not ANY), ANY)
        return {} if rule == "compare" else known
    if rule == "pure":
        for each in parts:
            same(each, {})
    if rule in ("pure", "none"):
        return {}
    if ANY in parts[: 2 if rule in ("product", "ratio") else 1]:
        return ANY
    if rule == "first":
        return parts[0]
    if rule in ("product", "ratio"):
        return combined(parts[0], parts[1], 1 if rule == "product" else -1)
    factor = {"square": Fraction(2), "root": Fraction(1, 2), "inverse": Fraction(-1)}[rule]
    return {base: factor * power for base, power in parts[0].items()}


def combined(one, other, sign):
    bases = {*one, *other}
    powers = {base: one.get(base, Fraction(0)) + sign * other.get(base, Fraction(0)) for base in bases}
    return {base: power for base, power in powers.items() if power}


def same(one, other):
    if one is not ANY and other is not ANY and one != other:
        raise Mismatch


def is_unit_free(tree, given):
    try:
        return unit(tree, given) in ({}, ANY)
    except Mismatch:
        return False


def context_of(units, genes=1, link="add"):
    shape = GeneShape(head=7, genes=genes, link=link)
    return SearchContext(ALPHABET, shape, Memory(), 10**6, 3, 2, units=units)


@pytest.mark.parametrize(("genes", "link"), [(1, "add"), (2, "sub")])
@pytest.mark.parametrize("way", SEARCHERS)
def test_every_proposal_is_unit_free(way, genes, link):
    context = context_of(GIVEN, genes, link)
    searcher = SEARCHERS[way](**({"population": 50, "patience": 2} if way == "gep" else {}))
    rng = np.random.default_rng(0)
    searcher.begin(context)
    for _ in range(8):
        population = searcher.ask(2_000)
        trees = population[:400].expressions()
        assert all(is_unit_free(tree, GIVEN) for tree in trees)
        fitness = rng.normal(size=len(population))
        context.memory.put(population.keys(), fitness)
        searcher.tell(population, fitness)


def test_without_the_rule_most_formulas_have_a_unit():
    searcher = SEARCHERS["gep"]()
    searcher.begin(context_of(None))
    trees = searcher.ask(2_000).expressions()
    assert np.mean([is_unit_free(tree, GIVEN) for tree in trees]) < 0.5


def test_the_masks_agree_with_the_recursion():
    """Also in finding every terminal that completes a gene."""
    grammar = Grammar(ALPHABET, GeneShape(head=5), ("units",), GIVEN, unit_free=True)
    symbols = uniform(grammar, 500, np.random.default_rng(1), 0.5)
    pop = Population.empty(ALPHABET, GeneShape(head=5), 500)
    pop.symbols[:, 0] = symbols
    assert all(is_unit_free(tree, GIVEN) for tree in pop.expressions())
    assert grammar.violations(symbols)["units"] == 0


def test_a_search_of_a_panel_is_unit_free_by_default():
    task = qv.Task(simulate(20, 200, seed=1), "forward_return_1")
    found = qv.search(task, budget=300, progress=False)
    assert all(is_unit_free(tree, {}) for tree in found.archive)
    free = qv.search(task, budget=300, progress=False, unit_free=False)
    assert not all(is_unit_free(tree, {}) for tree in free.archive)


def test_a_language_without_unit_free_formulas_is_used_as_it_is_with_a_note():
    task = qv.Task(simulate(20, 200, seed=1), "forward_return_1")
    qv.search(task, budget=200, progress=False, functions=["add", "mean"])
    assert any("formulas may have any unit, because no formula is unit-free" in note for note in task.notes)
    with pytest.raises(FormulaError, match="no formula is unit-free"):
        qv.search(task, budget=200, progress=False, functions=["add", "mean"], unit_free=True)


def test_units_that_are_unknown_are_told_and_those_that_are_wrong_refused():
    market = simulate(20, 200, seed=1)
    names = ("open", "high", "low", "close", "strange")
    panel = qv.Panel.from_arrays(dict(zip(names, market.values, strict=True)), market.dates, market.assets)
    task = qv.Task(panel, "forward_return_1")
    qv.search(task, budget=200, progress=False)
    assert any(note.startswith("the names strange do not imply a unit") for note in task.notes)
    with pytest.raises(FormulaError, match="is not a valid unit for 'strange'"):
        qv.search(task, budget=200, progress=False, units={"strange": "price+1"})
    with pytest.raises(FormulaError, match="a unit is given for 'nothing'"):
        qv.search(task, budget=200, progress=False, units={"nothing": "price"})
    with pytest.raises(RecipeError, match="units matter only to a search of unit-free formulas"):
        qv.search(task, budget=200, progress=False, units={"strange": "price"}, unit_free=False)
