"""C++ iMCTS's side of part f. It runs in the peers' own Python, and does not use Quarva.

    PEER_PYTHON benchmarks/peers/search.py FOLDER --evaluations 1000000 --processes 2

FOLDER holds `rows.npy`, float32[rows, columns]; the last column is the target. A JSON object is printed:
evaluations per second by iMCTS's own count, summed over parallel searches; {} if iMCTS is not installed.
"""

import argparse
import concurrent.futures
import importlib.util
import json
import multiprocessing
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring.stopwatch import seconds_of


def search(folder: str, evaluations: int, seed: int) -> tuple[int, float]:
    """Run one search with the package's defaults; return its evaluations and seconds."""
    import imcts

    rows = np.load(Path(folder) / "rows.npy")
    config = imcts.RegressorConfig()
    config.max_evals = evaluations
    regressor = imcts.Regressor(np.ascontiguousarray(rows[:, :-1].T), rows[:, -1].copy(), config)
    seconds, found = seconds_of(lambda: regressor.fit(seed=seed))
    return found.n_evals, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--evaluations", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    if importlib.util.find_spec("imcts") is None:
        print(json.dumps({}))
        return
    jobs = [(chosen.folder, chosen.evaluations, seed) for seed in range(1, chosen.processes + 1)]
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(chosen.processes, mp_context=spawn) as pool:
        found = list(pool.map(search, *zip(*jobs, strict=True)))
    rate = sum(evaluations / seconds for evaluations, seconds in found)
    print(json.dumps({"rate": rate, "seconds": max(seconds for _, seconds in found)}))


if __name__ == "__main__":
    main()
