"""Row-wise evaluation beside pyoperon, gplearn and geppy: the same random formulas on the same rows, one run.

    python benchmarks/peers.py --peer-python PATH

The peers run in their own Python (`peer_rows.py`), Quarva in this one, one after the other on the same
cores. A rate is node values a second: formulas' nodes, terminals among them, times rows, by the time.
"""

import argparse
import json
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import tables
from peer_rows import ARITY, SHOWN, infix, median_seconds

from quarva import Table, engine
from quarva.karva import parse

COLUMNS = 5
UNARY = [name for name, arity in ARITY.items() if arity == 1]
BINARY = [name for name, arity in ARITY.items() if arity == 2]


def draw(rng: np.random.Generator, size: int) -> list[str]:
    """A random formula of `size` nodes, as a prefix list."""
    if size == 1:
        return [f"x{rng.integers(1, COLUMNS + 1)}"]
    if size == 2 or rng.random() < 0.4:
        return [str(rng.choice(UNARY)), *draw(rng, size - 1)]
    left = int(rng.integers(1, size - 1))
    return [str(rng.choice(BINARY)), *draw(rng, left), *draw(rng, size - 1 - left)]


def own_rates(rows: np.ndarray, formulas: list[list[str]], threads: int, repeats: int) -> dict:
    """Quarva: signals written out, and squared errors without writing any; compiling is in the time."""
    columns = {f"x{number + 1}": rows[:, number] for number in range(COLUMNS)}
    table = Table.from_arrays(columns, rows[:, COLUMNS])
    panel, target = table.panel, table.target[None]
    trees = [parse(infix(formula)) for formula in formulas]

    def values(count: int) -> np.ndarray:
        return engine.signals(engine.Program.from_expressions(trees), panel, count)

    def scored(count: int) -> np.ndarray:
        return engine.evaluate(engine.Program.from_expressions(trees), panel, target, "sse", threads=count)

    head = values(threads).reshape(len(trees), -1)[:, :SHOWN]
    scored(threads)
    counts = sorted({1, threads})
    return {
        "values": {str(count): median_seconds(repeats, partial(values, count)) for count in counts},
        "scored": {str(count): median_seconds(repeats, partial(scored, count)) for count in counts},
        "version": tables.quarva_version().removeprefix("quarva "),
        "head": head,
    }


def peer_rates(folder: Path, chosen: argparse.Namespace) -> dict[str, dict]:
    """What `peer_rows.py` measures in the peers' own Python, with the values of the first rows."""
    script = Path(__file__).with_name("peer_rows.py")
    words = [str(chosen.peer_python), str(script), str(folder)]
    words += ["--threads", str(chosen.threads), "--repeats", str(chosen.repeats)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{chosen.peer_python}: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: {**result, "head": np.load(folder / f"{name}.npy")} for name, result in found.items()}


def agreement(own: np.ndarray, other: np.ndarray) -> str:
    """Median over formulas, finite in both, of the largest relative difference; and how many they are."""
    both = np.isfinite(own).all(axis=1) & np.isfinite(other).all(axis=1)
    with np.errstate(all="ignore"):
        apart = np.abs(own - other)[both] / np.maximum(np.abs(own[both]), 1e-3)
    return f"{np.median(apart.max(axis=1)):.0e}, {both.sum():,} formulas"


def line(name: str, result: dict, own: np.ndarray, work: int, threads: list[str]) -> list[str]:
    """One line of the table: rates in 10⁹ node values a second, – where the tool offers no such call."""
    cells = []
    for kind in ("values", "scored"):
        for count in threads:
            seconds = result[kind].get(count)
            cells.append(f"{work / seconds / 1e9:.2f}" if seconds else "–")
    same = "" if result["head"] is own else agreement(own, result["head"])
    return [f"{name} {result['version']}", *cells, same]


HOW = """\
{formulas:,} random formulas (seed {seed}, mean {mean:.1f} nodes, {names} over {columns} columns) on
{rows:,} float32 rows uniform in [0.1, 2], median of {repeats} (gplearn and geppy: {fewer}). Values: every
value of every formula; pyoperon `EvaluateTrees` into one array, gplearn `_Program.execute`, geppy
`compile_` and a call on NumPy columns, Quarva `engine.signals`. Scored: the mean or summed squared error
with a target; pyoperon `CalculateFitness` tree by tree, gplearn `_Program.raw_fitness`, geppy as its
examples do, Quarva `engine.evaluate`. gplearn and geppy have no threads of their own here (gplearn breeds
in processes by joblib, geppy maps over what DEAP's user hands it). gplearn's log and division are its
protected ones; its exp is NumPy's, added as its users add functions. Last column: largest relative
difference to Quarva on the first {shown} rows, median over the formulas that are finite there in both."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer-python", type=Path, required=True, help="Python that has the peers installed")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--formulas", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    rows = rng.uniform(0.1, 2.0, (chosen.rows, COLUMNS + 1)).astype(np.float32)
    formulas = [draw(rng, int(rng.integers(5, 17))) for _ in range(chosen.formulas)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "rows.npy", rows)
        (folder / "formulas.json").write_text(json.dumps(formulas))
        peers = peer_rates(folder, chosen)
    own = own_rates(rows, formulas, chosen.threads, chosen.repeats)
    nodes = sum(map(len, formulas))
    threads = [str(count) for count in sorted({1, chosen.threads})]
    header = [
        f"{kind}, {count} thread{'s' * (count != '1')}" for kind in ("values", "scored") for count in threads
    ]
    found = {"Quarva": own, **peers}
    rows_of = [line(n, result, own["head"], nodes * chosen.rows, threads) for n, result in found.items()]
    how = HOW.format(
        formulas=len(formulas), seed=chosen.seed, mean=nodes / len(formulas), names=", ".join(ARITY),
        columns=COLUMNS, rows=chosen.rows, repeats=chosen.repeats, fewer=max(1, chosen.repeats // 2),
        shown=SHOWN,
    )  # fmt: skip
    tables.write(
        chosen.out,
        "Row-wise formulas beside pyoperon, gplearn and geppy",
        [
            "Rates in 10⁹ node values a second.",
            tables.table(["", *header, "difference to Quarva"], rows_of),
            tables.prose(how),
        ],
        command=tables.command_line(["--peer-python"]),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba')}",
    )


if __name__ == "__main__":
    main()
