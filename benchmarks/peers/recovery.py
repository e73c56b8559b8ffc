"""C++ iMCTS's side of the recovery benchmark. It runs in the peers' own Python, and does not use Quarva.

    PEER_PYTHON benchmarks/peers/recovery.py FOLDER --evaluations 2000000 --seed 0 [--constants]

FOLDER holds `rows.npy`, float32[rows, columns]; the last column is the target. The settings are those of the
package's own benchmark of these problems. A JSON object is printed: the formula in infix (variables x1, x2),
evaluations by iMCTS's own count, and seconds.
"""

import argparse
import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring.stopwatch import seconds_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--evaluations", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--constants", action="store_true", help="formulas may hold constants")
    chosen = parser.parse_args()
    if importlib.util.find_spec("imcts") is None:
        raise SystemExit("the package imcts is not installed")
    import imcts
    from imcts.benchmarks.config import load_yaml_resource

    config = imcts.RegressorConfig()
    for name, value in load_yaml_resource(None, "basic.yaml")["search"].items():
        if value is not None:
            setattr(config, name, value)
    config.max_evals = chosen.evaluations
    if chosen.constants:
        config.ops = [*config.ops, "R"]
    rows = np.load(chosen.folder / "rows.npy")
    regressor = imcts.Regressor(np.ascontiguousarray(rows[:, :-1].T), rows[:, -1].copy(), config)
    seconds, found = seconds_of(lambda: regressor.fit(seed=chosen.seed))
    formula = re.sub(r"\bx(\d+)\b", lambda match: f"x{int(match[1]) + 1}", found.expression)
    print(json.dumps({"formula": formula, "evaluations": found.n_evals, "seconds": seconds}))


if __name__ == "__main__":
    main()
