"""A formula without a validation score is no incumbent while another formula has one."""

import numpy as np
import pytest

from quarva.loop import loop
from quarva.panel import Panel, Table
from quarva.tasks import Task


@pytest.fixture
def ending():
    """A question whose field `told` knows the answer, and ends where training does."""

    def make(*others):
        rng = np.random.default_rng(0)
        answer, noise = rng.normal(size=(2, 400, 12)).astype(np.float32)
        told = np.where(np.arange(400)[:, None] < 238, answer, np.nan)
        dates = np.datetime64("2020-01-01") + np.arange(400)
        fields = {"answer": answer, "told": told, "noise": noise}
        named = {name: fields[name] for name in ("answer", "told", *others)}
        return Task(Panel.from_arrays(named, dates, [f"A{i}" for i in range(12)]), target="answer")

    return make


def test_a_formula_without_validation_values_does_not_become_the_incumbent(find, ending):
    found = find(ending("noise"), "gep", 3_000)
    assert all(np.isfinite(each.validation) for each in found)
    assert not any("told" in each.formula.text for each in found)
    assert np.isfinite(found.history["validation"].to_numpy()).all()


def test_without_validation_scores_training_decides(find, ending):
    found = find(ending(), "gep", 1_000)
    assert found.best.train > 0.9
    assert np.isnan(found.best.validation)


def test_the_incumbent_does_not_depend_on_the_chunks(find, figures, ending, monkeypatch):
    found = figures(find(ending("noise"), budget=3_000))
    monkeypatch.setattr(loop, "_FIRST_CHUNK", 16)
    monkeypatch.setattr(loop, "_CHUNK_SECONDS", 1e-9)
    assert figures(find(ending("noise"), budget=3_000)) == found


def test_a_table_with_a_split_is_validated_too(find):
    x = np.linspace(0.1, 2, 100)
    rows = Table.from_arrays({"x1": x}, np.log(x) + x)
    found = find(Task(rows, split=(0.6, 0.8)), "gep", 3_000)
    assert np.isfinite(found.history["validation"].to_numpy()).all()
    for each in found:
        assert each.validation == Task(rows, split=(0.6, 0.8)).score(each.formula).validation[0]
    assert np.isnan(find(Task(rows), "gep", 1_000).best.validation)
