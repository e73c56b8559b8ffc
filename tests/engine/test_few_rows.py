"""On tables of a few rows, formulas are scored one by one with the same results as elsewhere."""

import numpy as np
import pytest

from quarva import Table, engine
from quarva.engine import Program, few_rows
from quarva.errors import FormulaError
from quarva.karva import Alphabet, GeneShape, Population
from quarva.karva.operators import OPERATORS

FUNCTIONS = [operator.name for operator in OPERATORS if operator.kind == "elementwise"]


def table(rows, seed=0, names="uvw"):
    rng = np.random.default_rng(seed)
    return Table.from_arrays({name: rng.normal(size=rows) for name in names}, rng.normal(size=rows))


def population(names="uvw", genes=1, link="add", functions=FUNCTIONS, size=300):
    alphabet = Alphabet.build([*names], functions, numbers=(2.0,), constants=True)
    shape = GeneShape(head=9, genes=genes, link=link)
    return Population.random(alphabet, shape, size, np.random.default_rng(1), 0.7)


def errors(formulas, given, threads=1):
    return engine.evaluate(formulas, given.panel, given.target[None], "sse", threads=threads)


@pytest.mark.parametrize(("genes", "link"), [(1, "add"), (3, "mul")])
@pytest.mark.parametrize("rows", [1, 20, 33, 500])
def test_errors_equal_those_of_the_kernel_for_many_rows(rows, genes, link, monkeypatch):
    given, formulas = table(rows), population(genes=genes, link=link)
    from_genes = [errors(formulas, given, threads) for threads in (1, 2, 3)]
    from_nodes = [errors(Program.from_population(formulas), given, threads) for threads in (1, 2)]
    monkeypatch.setattr(few_rows, "_CELLS", 0)
    usual = errors(formulas, given)
    assert (usual[..., 0] == rows).any()
    assert (usual[..., 0] == 0).any()
    for figures in (*from_genes, *from_nodes):
        np.testing.assert_array_equal(figures, usual)


def test_fields_are_matched_by_name():
    given, same = table(20), table(20, names="uvw")
    order = ["w", "u"]
    formulas = population(names=order)
    by_name = Table.from_arrays(
        {name: given.panel.values[given.panel.fields.index(name)].ravel()[:20] for name in order},
        given.target.ravel()[:20],
    )
    np.testing.assert_array_equal(errors(formulas, same), errors(formulas, by_name))


def test_a_missing_field_is_named():
    with pytest.raises(FormulaError, match="no field 'x'"):
        errors(population(names="ux"), table(20))


def test_very_long_chromosomes_are_scored_too():
    alphabet = Alphabet.build(["u"], ["add", "sin"])
    rng = np.random.default_rng(0)
    long = Population.random(alphabet, GeneShape(head=150, genes=40), 3, rng, 0.5)
    given = table(20)
    assert not few_rows.FewRows.of(given.panel, target_of(given), 1).suit_genes(long)
    np.testing.assert_array_equal(errors(long, given), errors(Program.from_population(long), given))


def target_of(given):
    return engine.Target.prepare(given.panel, given.target[None], np.zeros(1, np.int8), 1, "sse")


def test_formulas_with_rolling_operators_use_the_general_kernel():
    given = table(20)
    rolling = population(functions=["add", "mean", "ts_max"])
    assert not few_rows.FewRows.of(given.panel, target_of(given), 1).suit_genes(rolling)
    assert errors(rolling, given).shape == (300, 1, 1, 4)


def test_large_angles_have_the_same_sines_as_in_the_kernel_for_many_rows(monkeypatch):
    """sin and cos recompute large arguments by groups within a row."""
    angles = np.array([0.5, -3e5, 7e8, 2e9, -4e20, 1e30, 9e7, 1.0] * 12, np.float32)
    given = Table.from_arrays({"u": angles}, np.zeros(len(angles)))
    turning = population(names="u", functions=["sin", "cos", "add"])
    few = errors(turning, given)
    monkeypatch.setattr(few_rows, "_CELLS", 0)
    np.testing.assert_array_equal(few, errors(turning, given))
