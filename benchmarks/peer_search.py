"""The C++ iMCTS's half of part f: run by the peers' own Python, knows nothing of Quarva.

    PEER_PYTHON benchmarks/peer_search.py FOLDER --evaluations 1000000 --processes 2

FOLDER holds `rows.npy`, float32[rows, columns], last column the target. One JSON object goes to standard
output: evaluations a second, by its own count, summed over searches side by side; {} without the package.
"""

import argparse
import concurrent.futures
import importlib.util
import json
import multiprocessing
from pathlib import Path

import numpy as np
from stopwatch import seconds_of


def search(folder: str, evaluations: int, seed: int) -> tuple[int, float]:
    """Evaluations of one search with the package's own defaults, and its seconds."""
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
