"""A search on disk is resumed where it stopped, or refused in one line with the reason."""

import errno
import os
import random
import signal

import numpy as np
import pytest

from quarva.errors import RunError
from quarva.loop import checkpoint, loop
from quarva.panel import Table
from quarva.searchers import GEP
from quarva.tasks import Task

WAYS = ("gep", "random")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["panel", "table"])
@pytest.mark.parametrize("first", [1, 999, 1201, 2500])
def test_resuming_with_a_larger_budget_equals_one_uninterrupted_search(
    find, figures, panel_task, table_task, tmp_path, way, kind, first
):
    task = panel_task if kind == "panel" else table_task
    whole = find(task, way, 4000, seed=2)
    find(task, way, first, seed=2, checkpoint=tmp_path / "c.npz")
    on = find(task, way, 4000, seed=2, checkpoint=tmp_path / "c.npz", resume=True)
    assert figures(on) == figures(whole)
    again = find(task, way, 4000, seed=2, checkpoint=tmp_path / "c.npz", resume=True)
    assert figures(again) == figures(whole)


def test_the_limit_of_seconds_is_per_session_and_findings_have_the_sum(find, panel_task, tmp_path):
    arguments = {"budget": 10**9, "seconds": 0.3, "checkpoint": tmp_path / "c.npz"}
    first = find(panel_task, **arguments)
    second = find(panel_task, resume=True, **arguments)
    assert second.evaluations > first.evaluations
    assert second.seconds > 0.5
    assert second.seconds_scoring > first.seconds_scoring > 0
    assert second.seconds_proposing > first.seconds_proposing > 0


class Half:
    """Ctrl-C, or nothing yet, after so many formulas."""

    def __init__(self, after):
        self.after = after

    def __call__(self, now):
        if now.evaluations >= self.after:
            self.after = np.inf
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("slow", [False, True])
def test_a_search_stopped_by_ctrl_c_keeps_its_findings_and_can_be_resumed(
    find, figures, panel_task, tmp_path, monkeypatch, way, slow
):
    whole = find(panel_task, way, 6000)
    # Small chunks, and where each batch counts as slow, the loop may leave it half-way.
    monkeypatch.setattr(loop, "_FIRST_CHUNK", 48)
    monkeypatch.setattr(loop, "_CHUNK_SECONDS", 1e-9 if slow else 0.25)
    found = find(panel_task, way, 6000, checkpoint=tmp_path / "c.npz", progress=Half(2310))
    assert found.stopped == "interrupted"
    assert 2310 <= found.evaluations < 6000
    assert found.pool
    if slow:
        assert checkpoint.evaluations(tmp_path / "c.npz") < found.evaluations
    on = find(panel_task, way, 6000, checkpoint=tmp_path / "c.npz", resume=True)
    assert figures(on) == figures(whole)


def die_at(moment):
    """Kill this process at the moment-th step: a score, a part of a file, a file on disk or in its place."""
    left = [moment]

    def mortal(function):
        def wrapped(*given, **named):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*given, **named)

        return wrapped

    Task.score = mortal(Task.score)
    np.lib.format.write_array = mortal(np.lib.format.write_array)
    os.fsync, os.replace = mortal(os.fsync), mortal(os.replace)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["panel", "table"])
def test_a_run_killed_ten_times_ends_like_an_uninterrupted_one(
    find, figures, panel_task, table_task, tmp_path, monkeypatch, kind, way
):
    path, task = tmp_path / "c.npz", panel_task if kind == "panel" else table_task
    budget = 30_000 if kind == "panel" else 60_000  # a batch whose constants are tuned takes more of it
    # Written after every batch, so that many kills fall into the writing.
    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(loop, "_CHECKPOINT_SHARE", 0.0)
    whole = find(task, way, budget, seed=4, checkpoint=tmp_path / "whole.npz")
    moments, reached = random.Random(kind + way), []
    for _ in range(10):
        moment = moments.randint(1, 200)
        child = os.fork()
        if child == 0:
            try:
                die_at(moment)
                find(task, way, budget, seed=4, checkpoint=path, resume=path.exists())
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        reached.append(checkpoint.evaluations(path))
    assert reached == sorted(reached)
    assert len(set(reached)) > 3
    on = find(task, way, budget, seed=4, checkpoint=path, resume=path.exists())
    assert figures(on) == figures(whole)
    assert set(os.listdir(tmp_path)) == {"c.npz", "whole.npz"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "its seed was 0 and is now 1"),
        ({"way": "random"}, "its searcher had"),
        ({"settings": {"population": 50}}, "its searcher had population=.* and now has population=50"),
        ({"functions": ["add", "mul"]}, "its alphabet was add sub .* and is now add mul x1 .;"),
        ({"head": 4}, "its shape was .*head=24, .* and is now .*head=4, "),
        ({"task": "panel"}, "its task had|its alphabet had"),
    ],
)
def test_a_checkpoint_of_another_search_is_refused(find, table_task, panel_task, tmp_path, changed, said):
    given = {"task": table_task, "way": "gep", "checkpoint": tmp_path / "c.npz"}
    find(budget=100, **given)
    given |= changed
    if changed.get("task"):
        given["task"] = panel_task
    with pytest.raises(RunError, match=f"belongs to another search: {said}") as caught:
        find(budget=200, resume=True, **given)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_checkpoint_of_other_data_is_refused(find, tmp_path):
    x = np.linspace(0, 1, 20)
    one, other = (Task(Table.from_arrays({"x": x + shift}, np.sin(9 * x))) for shift in (0, 1))
    find(one, budget=100, checkpoint=tmp_path / "c.npz")
    with pytest.raises(RunError, match="belongs to another search: its panel"):
        find(other, budget=200, checkpoint=tmp_path / "c.npz", resume=True)


@pytest.mark.parametrize("changed", ["target", "split"])
def test_a_checkpoint_of_another_target_or_split_of_a_table_is_refused(find, tmp_path, changed):
    x = np.linspace(0, 1, 40)
    one = Task(Table.from_arrays({"x": x}, np.sin(9 * x)), split=(0.5, 0.8))
    y = np.cos(9 * x) if changed == "target" else np.sin(9 * x)
    other = Task(Table.from_arrays({"x": x}, y), split=(0.5, 0.7) if changed == "split" else (0.5, 0.8))
    find(one, budget=100, checkpoint=tmp_path / "c.npz")
    with pytest.raises(RunError, match="belongs to another search: its target was"):
        find(other, budget=200, checkpoint=tmp_path / "c.npz", resume=True)


def test_a_checkpoint_of_another_version_is_refused(find, table_task, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "CHECKPOINT_VERSION", 1)
    find(table_task, budget=100, checkpoint=tmp_path / "c.npz")
    monkeypatch.undo()
    with pytest.raises(RunError, match="has version 1, but this Quarva reads version 8; resume it with"):
        find(table_task, budget=200, checkpoint=tmp_path / "c.npz", resume=True)


def test_a_missing_checkpoint_is_reported(find, table_task, tmp_path):
    with pytest.raises(RunError, match="c.npz is missing, .*start it again"):
        find(table_task, checkpoint=tmp_path / "c.npz", resume=True)


def test_any_damage_is_reported_in_one_line(tmp_path):
    path, state = tmp_path / "c.npz", {"memory": {"keys": np.arange(50, dtype=np.uint64)}}
    checkpoint.save(path, state, {"seed": "1"})
    whole, moments, lines = path.read_bytes(), random.Random(0), []
    for _ in range(500):
        broken = bytearray(whole)
        if moments.random() < 0.3:
            broken = broken[: moments.randrange(len(broken))]
        else:
            broken[moments.randrange(len(broken))] ^= 1 << moments.randrange(8)
        path.write_bytes(broken)
        try:
            loaded = checkpoint.load(path, {"seed": "1"})
        except RunError as error:
            lines.append(str(error))
        else:  # a bit that carries nothing, such as a file's date
            np.testing.assert_array_equal(loaded["memory"]["keys"], state["memory"]["keys"])
    assert len(lines) > 300
    assert not any("\n" in line for line in lines)


def test_a_checkpoint_that_lacks_a_part_is_damaged(find, table_task, tmp_path):
    path = tmp_path / "c.npz"
    find(table_task, budget=100, checkpoint=path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if not name.startswith("searcher.rng")}
    np.savez(path, **arrays)
    with pytest.raises(RunError, match="is damaged .*rng.*; start the run again"):
        find(table_task, budget=200, checkpoint=path, resume=True)


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "c.npz"
    np.savez(path, version=np.array([print], dtype=object))
    with pytest.raises(RunError, match="is damaged"):
        checkpoint.load(path, {})
    with pytest.raises(RunError, match="the searcher's state 'net' must be a number"):
        checkpoint.save(path, {"searcher": {"net": object()}}, {})


def test_a_full_disk_leaves_the_old_checkpoint(find, figures, table_task, tmp_path, monkeypatch):
    path, left = tmp_path / "c.npz", [3]
    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(loop, "_CHECKPOINT_SHARE", 0.0)

    def full(descriptor):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="the disk is full"):
        find(table_task, budget=5000, checkpoint=path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["c.npz"]
    on = find(table_task, budget=5000, checkpoint=path, resume=True)
    assert figures(on) == figures(find(table_task, budget=5000))


def test_missing_permission_is_reported_before_the_search(find, table_task, tmp_path):
    with pytest.raises(RunError, match="there is no folder"):
        find(table_task, checkpoint=tmp_path / "none" / "c.npz")


def test_a_search_with_other_settings_of_the_searcher_can_be_resumed(find, figures, table_task, tmp_path):
    searcher = GEP(population=60, islands=2, selection="roulette")
    whole = find(table_task, searcher, 3000)
    find(table_task, GEP(population=60, islands=2, selection="roulette"), 1000, checkpoint=tmp_path / "c.npz")
    on = find(
        table_task, GEP(population=60, islands=2, selection="roulette"), 3000,
        checkpoint=tmp_path / "c.npz", resume=True,
    )  # fmt: skip
    assert figures(on) == figures(whole)
