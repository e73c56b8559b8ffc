"""Time the main job as a user runs it: a command in a fresh process, its seconds and its peak memory.

    python benchmarks/searchers/main_job.py --out benchmarks/results/main_job.md

There are two commands: the README's search on the sample panel, and 100,000 evaluations on 498 stocks × 1,000
days. The first is repeated with several seeds, for the figures of its set. With --beside CHECKOUT the second
command also runs with the source of that checkout. Peak memory is the largest resident set of the process
(ru_maxrss), libraries included.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring import tables

PANEL = "../shared/data/us500.parquet"
US500 = (
    f"search --panel {PANEL} --target forward_return_5 --objective ic --searcher gep --budget 100000 --seed 1"
)
SAMPLE = "search"


@dataclass(frozen=True)
class Measured:
    """One run of a command: exit status, wall seconds, peak resident MiB and its JSON."""

    status: int
    seconds: float
    peak: float
    answer: dict


def measure(arguments: list[str], cache: Path, source: Path | None = None) -> Measured:
    """Run `quarva ARGUMENTS --out … --json` with machine code in `cache`, and wait for it (Unix).

    The package is imported from `source` if given, else from where it is installed.
    """
    environment = {**os.environ, "QUARVA_CACHE": str(cache)}
    if source is not None:
        environment["PYTHONPATH"] = str(source)
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        words = [
            str(Path(sys.executable).with_name("quarva")),
            *arguments,
            "--out",
            f"{folder}/run",
            "--json",
        ]
        start = time.perf_counter()
        with answer.open("w") as out:
            process = subprocess.Popen(words, stdout=out, env=environment)
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"quarva {shlex.join(arguments)}: exit status {process.returncode}")
        return Measured(process.returncode, seconds, usage.ru_maxrss / 1024, json.loads(answer.read_text()))


def both(asked: str, beside: Path | None, cache: Path) -> list[list[str]]:
    """Return the lines of a command: this source and another in turns, the quicker of two runs each."""
    if beside is None:
        return [line(asked, "cached", measure(shlex.split(asked), cache))]
    other = beside / "src"
    measure(shlex.split(f"{asked} --budget 50"), cache, other)  # compiles its kernels
    mine, theirs = zip(
        *((measure(shlex.split(asked), cache), measure(shlex.split(asked), cache, other)) for _ in range(2)),
        strict=True,
    )
    quickest = [min(runs, key=lambda run: run.seconds) for runs in (mine, theirs)]
    codes = ("cached", f"cached; source of {tables.commit(beside)}")
    return [line(asked, code, run) for code, run in zip(codes, quickest, strict=True)]


def line(arguments: str, code: str, measured: Measured) -> list[str]:
    """One line of the table."""
    answer, best = measured.answer, measured.answer["best"]
    return [
        f"`quarva {arguments}`",
        code,
        f"{measured.seconds:.1f}",
        f"{measured.peak:,.0f}",
        f"{answer['evaluations']:,}",
        f"{answer['seconds']:.1f}",
        f"`{best['formula']}`",
        f"{best['train']:.4f}",
        f"{best['validation']:.4f}",
    ]


def seed_line(seed: int, answer: dict) -> list[str]:
    """Figures of the set and of the best formula of one seed."""
    own, best = answer["set"], answer["best"]
    expected = f"{own['expected']:.4f} ({own['expected_low']:.4f} to {own['expected_high']:.4f})"
    return [
        str(seed), f"{answer['evaluations']:,} ({answer['stopped']})", str(own["members"]), expected,
        f"{own['validation']:.4f}", f"{own['train']:.4f}", f"{best['expected']:.4f}",
        f"{best['validation']:.4f}", f"{best['train']:.4f}",
    ]  # fmt: skip


SEEDS_HEADER = (
    "seed", "evaluations", "members", "set: expected (80 %)", "set: validation", "set: train",
    "best formula: expected", "validation", "train",
)  # fmt: skip
HEADER = (
    "command", "machine code", "seconds", "peak memory, MiB", "evaluations", "of them searching, s",
    "best formula", "train", "validation",
)  # fmt: skip
HOW = """\
Seconds: wall time of the whole command in a new process on two cores, including the run folder and its
report. Peak memory: the largest resident set of the process, including libraries. Machine code: the first
command starts with an empty cache and compiles the kernels, as the first run on a machine does; the others
load them. A command that was also measured with the source of another commit ran twice with each,
alternately; the table has the faster run."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--panel", default=PANEL, help="the 498 stocks")
    parser.add_argument("--budget", help="evaluations, instead of those of the commands")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds of the search on the sample")
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="measure the source of CHECKOUT too")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    sample, us500 = SAMPLE, US500.replace(PANEL, chosen.panel)
    if chosen.budget:
        sample, us500 = f"{sample} --budget {chosen.budget}", f"{us500} --budget {chosen.budget}"
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        rows = [line(sample, code, measure(shlex.split(sample), cache)) for code in ("compiled", "cached")]
        answers = [
            measure(shlex.split(f"{sample} --seed {seed}"), cache).answer for seed in range(chosen.seeds)
        ]
        rows += both(us500, chosen.beside, cache)
    middle = statistics.median(answer["set"]["validation"] for answer in answers)
    seeds = tables.table(SEEDS_HEADER, [seed_line(*pair) for pair in enumerate(answers)])
    tables.write(
        chosen.out,
        "The main job",
        [
            tables.table(HEADER, rows),
            tables.prose(HOW),
            f"The search on the sample panel by seed; median validation of the set {middle:.4f}:\n\n{seeds}",
        ],
        command=tables.command_line(["--beside"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'torch', 'polars')}",
    )


if __name__ == "__main__":
    main()
