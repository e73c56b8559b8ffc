"""gplearn's SymbolicTransformer on z-scores of known features, with ridge weights; run with its own Python.

    PEER_PYTHON benchmarks/peers/transformer.py FOLDER

FOLDER has train.npy, float32 of shape (cells, features), target.npy, float32 of shape (cells,), and all.npy,
the features of all days. The signal is written to signal.npy.
"""

import argparse
from pathlib import Path

import numpy as np
from gplearn.genetic import SymbolicTransformer
from sklearn.linear_model import RidgeCV

ROWS = 60_000  # cells of training: a generation of 1,000 programs takes a second
ALPHAS = np.logspace(0, 5, 11)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    train, target, whole = (np.load(chosen.folder / f"{name}.npy") for name in ("train", "target", "all"))
    some = np.sort(np.random.default_rng(chosen.seed).permutation(len(target))[:ROWS])
    made = SymbolicTransformer(
        population_size=1000, hall_of_fame=100, n_components=10, generations=20, metric="pearson",
        parsimony_coefficient=0.0005, random_state=chosen.seed, n_jobs=1,
    )  # fmt: skip
    made.fit(train[some], target[some])
    weights = RidgeCV(ALPHAS).fit(made.transform(train), target)
    signal = weights.predict(made.transform(whole))
    np.save(chosen.folder / "signal.npy", signal.astype(np.float32))


if __name__ == "__main__":
    main()
