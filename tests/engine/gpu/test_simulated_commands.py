"""Tasks have the same scores on the GPU and the CPU."""

import numpy as np

import quarva
from quarva.karva import parse
from quarva.scenarios import simulate
from quarva.tasks import Task
from quarva.tasks.evaluation import evaluate_formulas

FORMULAS = [parse(text) for text in ("-delta(close, 5) / close", "rank(close)", "ts_rank(close, 5)")]


def test_a_task_has_the_same_scores_on_both_devices():
    panel = simulate(8, 60, seed=1)
    for objective in ("ic", "sharpe"):
        task = Task(panel, target="forward_return_1", objective=objective)
        on_gpu, on_cpu = task.score(FORMULAS, device="cuda"), task.score(FORMULAS, threads=1)
        np.testing.assert_allclose(on_gpu.fitness, on_cpu.fitness, rtol=1e-4, atol=1e-6)
        assert np.isfinite(on_gpu.fitness).any()


def test_formulas_have_the_same_scores_on_both_devices():
    panel = simulate(8, 40, seed=1)
    target = np.full((40, 8), np.nan, np.float32)
    target[:-1] = panel.field("close")[1:] / panel.field("close")[:-1] - 1
    days = {"all": np.ones(40, bool)}
    found = [
        evaluate_formulas(FORMULAS[:1], panel, target, days, device=device)[0]["all"].as_dict()
        for device in ("cuda", "cpu")
    ]
    for name, figure in found[0].items():
        np.testing.assert_allclose(figure, found[1][name], rtol=1e-4, err_msg=name)


def test_a_search_runs_on_the_gpu_and_records_the_device(tmp_path):
    task = Task(simulate(6, 40, seed=1), target="forward_return_1", split=("2015-01-29", "2015-02-12"))
    found = quarva.search(task, "random", budget=6, device="cuda", out=tmp_path / "run", progress=False)
    assert found.evaluations == 6
    assert 'device = "cuda"' in (tmp_path / "run" / "recipe.toml").read_text()
