"""Networks and traders stand in the table beside searchers."""

import pytest

from quarva.comparison import compare
from quarva.comparison.ways import LEARNERS, NETWORKS, made
from quarva.errors import RecipeError
from quarva.networks import Learner
from quarva.networks.models import NETWORKS as MODELS
from quarva.networks.reinforcement import Trader
from quarva.networks.reinforcement.trader import WAYS


def test_every_network_and_way_to_trade_has_its_name():
    assert tuple(MODELS) == NETWORKS
    assert (*MODELS, *WAYS) == LEARNERS
    for name in LEARNERS:
        assert made(name)[0] == name


def test_a_table_holds_formulas_networks_and_traders(panel_task, tmp_path):
    ways = {
        "gep": "gep",
        "small": Learner("dense", length=3, epochs=2),
        "dqn": Trader("dqn", length=3, updates=20, stretch=10),
    }
    found = compare(panel_task, ways, budget=300, seeds=2, out=tmp_path / "c", progress=False)
    assert len(found.runs) == 6
    table = found.table()
    assert table.loc["small", "runs"] == 2
    assert {run.evaluations for run in found.runs if run.searcher != "gep"} == {1}
    network = next(run for run in found.runs if run.searcher == "small")
    assert network.formula.startswith("dense, ")
    assert network.size > 100
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "A network or trader counts as one evaluation" in page
    again = compare(panel_task, ways, budget=300, seeds=2, out=tmp_path / "c", resume=True, progress=False)
    assert repr(again.rows()) == repr(found.rows())  # NaN is not NaN
    assert all(run.train == run.train for run in found.runs)


def test_nobody_of_a_name_is_refused_with_all_names():
    with pytest.raises(RecipeError, match="there is no searcher 'conv'; there are gep.*dqn.*did you mean"):
        made("conv")
