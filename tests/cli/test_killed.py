"""Runs that were killed, interrupted or out of disk space can be resumed."""

import errno
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from quarva.loop import loop
from quarva.tasks import Scores, Task

from .killed import killed_at

FILES = {
    "recipe.toml",
    "findings.json",
    "signals.parquet",
    "history.parquet",
    "incumbents.parquet",
    "report.html",
    "set.toml",
    "checkpoint.npz",
}


def told(record):
    """What findings say, but for place and time."""
    return {key: value for key, value in record.items() if key != "run" and "seconds" not in key}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_run_resumes_to_the_same_findings(quarva, bars, tmp_path):
    search = ["search", "--panel", str(bars), "--budget", "8000", "--seed", "3", "--threads", "1", "--json"]
    whole = quarva(*search, "--out", "whole").json
    words = [*search, "--out", "run"]
    for checkpoints in (1, 3):
        killed_at("run", checkpoints, words, tmp_path)
        assert not (tmp_path / "run" / "findings.json").exists()
        words = ["search", "--resume", "run"]
    resumed = quarva("search", "--resume", "run", "--json")
    assert resumed.status == 0, resumed.err
    assert told(resumed.json) == told(whole)
    assert set(os.listdir("run")) == FILES


def test_a_run_killed_before_its_first_checkpoint_begins_again(quarva, bars):
    whole = quarva("search", "--panel", bars, "--budget", 300, "--out", "run", "--json").json
    for name in FILES - {"recipe.toml"}:
        Path("run", name).unlink()
    again = quarva("search", "--resume", "run", "--json")
    assert told(again.json) == told(whole)


def test_resuming_a_finished_run_changes_nothing(quarva, bars):
    whole = quarva("search", "--panel", bars, "--budget", 300, "--out", "run", "--json").json
    assert told(quarva("search", "--resume", "run", "--json").json) == told(whole)


def test_a_run_on_a_full_disk_can_be_resumed(quarva, bars, monkeypatch):
    whole = quarva("search", "--panel", bars, "--budget", 3000, "--out", "whole", "--json").json
    synced = os.fsync
    left = [6]  # the recipe and the first checkpoint with their folders, and one more checkpoint

    def full(descriptor):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "_CHECKPOINT_SECONDS", 0.0)
        patched.setattr(loop, "_CHECKPOINT_SHARE", 0.0)
        patched.setattr(os, "fsync", full)
        said = quarva("search", "--panel", bars, "--budget", 3000, "--out", "run")
    assert said.status == 2
    assert "the disk is full" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert set(os.listdir("run")) == {"recipe.toml", "checkpoint.npz"}
    assert told(quarva("search", "--resume", "run", "--json").json) == told(whole)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_run_resumed_after_ctrl_c_ends_like_an_uninterrupted_one(quarva, bars, monkeypatch):
    search = ("search", "--panel", bars, "--budget", 5000, "--json")
    whole = quarva(*search, "--out", "whole").json
    score = loop.Loop._score
    seen = []

    def interrupted(self, *given):
        seen.append(score(self, *given))
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(loop.Loop, "_score", interrupted)
        said = quarva(*search, "--out", "run")
    assert said.status == 130
    assert "Traceback" not in said.err
    assert said.json["stopped"] == "interrupted"
    assert said.json["pool"]
    assert set(os.listdir("run")) == FILES
    assert told(quarva("search", "--resume", "run", "--json").json) == told(whole)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_search_without_findings_is_reported_in_one_line(quarva, bars, monkeypatch, flags):
    def nothing(self, formulas, threads=None, device="cpu", **_):
        nan = np.full(len(formulas), np.nan)
        return Scores(nan, nan, nan, np.ones(len(nan), np.int8))

    monkeypatch.setattr(Task, "score", nothing)
    said = quarva("search", "--panel", bars, "--budget", 3, "--out", "run", *flags)
    assert said.status == 0
    assert said.err.strip().splitlines() == [
        "no formula could be scored: none has values on enough days; use more days or a larger budget"
    ]
    assert json.loads(Path("run/findings.json").read_text())["best"] is None
    assert set(os.listdir("run")) == FILES - {"set.toml"}
