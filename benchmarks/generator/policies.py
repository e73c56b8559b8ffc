"""Policies at several stages of training on small tasks, for `invalid.py` and `masks.py`."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

import quarva as qv
from quarva.karva.alphabet import PANEL_FUNCTIONS, Alphabet
from quarva.karva.genes import GeneShape
from quarva.loop import Memory, SearchContext
from quarva.scenarios import simulate
from quarva.searchers import Policy
from searchers.problems import KOZA

__all__ = ["TASKS", "Question", "learning"]

Question = tuple[qv.Task, Alphabet]
"""A task and its alphabet."""


@cache
def nguyen_5() -> Question:
    """Return sin(x²) cos(x) − 1 on 20 points."""
    x = np.linspace(-1, 1, 20)
    table = qv.Table.from_arrays({"x1": x}, np.sin(x**2) * np.cos(x) - 1)
    return qv.Task(table, objective="nrmse", parsimony=0.0), Alphabet.build(["x1"], KOZA)


@cache
def panel() -> Question:
    """Return 20 simulated assets × 300 days with a planted formula."""
    market = simulate(20, 300, seed=0, plant="rank(delta(close, 5))", ic=0.1)
    alphabet = Alphabet.build(list(market.fields), PANEL_FUNCTIONS, constants=True)
    return qv.Task(market, target="forward_return_1", objective="rank_ic"), alphabet


TASKS = {"Nguyen-5": nguyen_5, "panel": panel}


def learning(
    question: Question, stages: list[int], seed: int, *, head: int, **settings: Any
) -> Iterator[Policy]:
    """Train one policy without restarts; yield it after each number of batches in `stages`, ascending."""
    task, alphabet = question
    policy = Policy(patience=0, **settings)
    policy.begin(SearchContext(alphabet, GeneShape(head=head), Memory(), 10**9, seed, threads=2))
    learned = 0
    for stage in stages:
        while learned < stage:
            asked = policy.ask(1)
            policy.tell(asked, task.score(asked, 2).fitness)
            learned += 1
        yield policy
