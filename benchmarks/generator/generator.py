"""Speed of the neural generator: genes per second in sampling, in a training step, and in both together.

python benchmarks/generator/generator.py --out benchmarks/results/generator.md
"""

import argparse
import cProfile
import os
import pstats
import statistics
import sys
import time
from pathlib import Path

import quarva as qv
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape
from quarva.loop import Memory, SearchContext
from quarva.searchers import Policy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from generator.policies import TASKS, Question
from measuring import tables
from measuring.stopwatch import seconds_of
from searchers.problems import KOZA

BODIES = ("gru", "transformer")
# Parts of the profile: name, and the file and name of a function whose cumulative time is shown.
PARTS = (
    ("sampling", "sampling.py", "sample"),
    ("– the network's weights as arrays", "recurrent.py", "weights_of"),
    ("– genes in the compiled loop (GRU)", "writing.py", "write"),
    ("– genes through torch (transformer)", "sampling.py", "_write"),
    ("training step", "policy.py", "tell"),
    ("– metrics, selection of the best", "queue.py", "distinct_best"),
    ("– masks and prior of the training batch", "teacher_forcing.py", "of"),
    ("– gradient in compiled loops (GRU)", "backward.py", "gradient"),
    ("– gradient by torch", "__init__.py", "grad"),
    ("– the optimiser", "adam.py", "step"),
)
HOW = """
Genes with a head of {head}; batches of {batch:,} and all other settings are the defaults. A training step is
everything between the scores and the next batch: metrics, the selection of the best share and the queue,
masks, gradient, Adam. Scoring is not counted. The network keeps learning, so that expressions have the length
that they reach in a search; the table has the mean of the measured batches. Koza's: {koza}, one field, target
of Nguyen-5. Panel's: {panel} symbols, rank IC on a simulated panel of 20 assets × 300 days. Medians over
{batches} batches after {first} that are not counted; {threads} threads. Together: batch / (sampling + step).
CPU: processor time of all threads for both, which depends less on other programs of the machine; genes/s of
CPU: batch / CPU.
"""
PROFILE = """
Milliseconds per batch on one thread, GRU and transformer, Koza's symbols, under Python's profiler, which
overstates parts that make many calls. Parts with a dash are contained in the line above them.
"""


def tasks() -> dict[str, Question]:
    """Return tasks with their alphabets, by name."""
    return {"Koza's": TASKS["Nguyen-5"](), "panel's": TASKS["panel"]()}


def begun(alphabet: Alphabet, body: str, head: int, threads: int) -> Policy:
    policy = Policy(body=body, patience=0)
    policy.begin(SearchContext(alphabet, GeneShape(head=head), Memory(), 10**9, 0, threads))
    return policy


def rate(name: str, task: qv.Task, alphabet: Alphabet, body: str, chosen: argparse.Namespace) -> list[str]:
    """Return a line of the table."""
    policy = begun(alphabet, body, chosen.head, chosen.threads)
    sampling, learning, lengths, worked = [], [], [], []
    for number in range(chosen.first + chosen.batches):
        before = time.process_time()
        asked_in, asked = seconds_of(lambda: policy.ask(1))
        work = time.process_time() - before
        fitness = task.score(asked, chosen.threads).fitness
        before = time.process_time()
        told_in, _ = seconds_of(lambda asked=asked, fitness=fitness: policy.tell(asked, fitness))
        if number >= chosen.first:
            worked.append(work + time.process_time() - before)
            sampling.append(asked_in)
            learning.append(told_in)
            lengths.append(float(asked.lengths().mean()))
    ask, tell, work = map(statistics.median, (sampling, learning, worked))
    return [name, body, f"{statistics.mean(lengths):.1f}", f"{1e3 * ask:.1f}", f"{1e3 * tell:.1f}",
            f"{1e3 * work:.1f}", f"{policy.batch / work:,.0f}", f"{policy.batch / ask:,.0f}",
            f"{policy.batch / (ask + tell):,.0f}"]  # fmt: skip


def profile(task: qv.Task, alphabet: Alphabet, body: str, chosen: argparse.Namespace) -> list[float | None]:
    """Return milliseconds per batch of each of `PARTS` on one thread; None if the part is not called."""
    policy, profiler = begun(alphabet, body, chosen.head, 1), cProfile.Profile()
    for number in range(chosen.first + chosen.batches):
        if number >= chosen.first:
            profiler.enable()
        asked = policy.ask(1)
        profiler.disable()
        fitness = task.score(asked).fitness
        if number >= chosen.first:
            profiler.enable()
        policy.tell(asked, fitness)
        profiler.disable()
    spent = {(Path(place).name, function): times[3]
             for (place, _, function), times in pstats.Stats(profiler).stats.items()}  # fmt: skip
    return [1e3 * spent[part[1:]] / chosen.batches if part[1:] in spent else None for part in PARTS]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--head", type=int, default=16)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--first", type=int, default=10, help="batches that are not counted")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    asked = tasks()
    rows = [rate(name, *given, body, chosen) for name, given in asked.items() for body in BODIES]
    parts = [profile(*asked["Koza's"], body, chosen) for body in BODIES]
    lines = [[part[0], *("–" if ms is None else f"{ms:.2f}" for ms in each)]
             for part, *each in zip(PARTS, *parts, strict=True)]  # fmt: skip
    how = HOW.format(
        head=chosen.head, batch=Policy().batch, koza=", ".join(KOZA), panel=len(asked["panel's"][1]),
        batches=chosen.batches, first=chosen.first, threads=chosen.threads,
    )  # fmt: skip
    header = [
        "symbols",
        "body",
        "nodes",
        "sampling, ms",
        "step, ms",
        "CPU, ms",
        "genes/s of CPU",
        "genes/s sampled",
        "genes/s together",
    ]
    tables.write(
        chosen.out,
        "Speed of the neural generator",
        [tables.table(header, rows), tables.prose(how), "## Profile",
         tables.table(["part", *BODIES], lines), tables.prose(PROFILE)],
        command=tables.command_line(),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'torch')}",
    )  # fmt: skip


if __name__ == "__main__":
    main()
