"""Share of invalid expressions that a network writes without the mask of the tail, in the course of training.

    python benchmarks/generator/invalid.py --out benchmarks/results/invalid.md

The curve is written beside the table, as a PNG of the same name.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.grammar import Grammar
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.sampling import sample
from quarva.searchers.policy.trainer import Trainer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from generator.policies import TASKS, learning
from measuring import tables

BODIES = ("gru", "transformer")
LINES = ((2, "-", "mask off"), (1, "--", "mask off, with prior"), (0, ":", "mask on"))
HOW = """
A policy learns on {task} as in a search, with all masks, {batch:,} genes per batch and a head of {head};
other settings are the defaults, but there are no restarts. After each number of batches the same weights
write {genes:,} genes freely: with the mask of the tail off, any symbol may be at any position, as in the
vocabulary of a language model, and an expression may run out of positions. With the mask: the same weights
and random numbers, with the tail's rule only. Invalid is what `Population.invalid` counts in the {positions}
positions. With prior: the prior over length that is used in training, which favours the end of an expression.
Symbols that a mask forbids have no gradient in training, so that the network does not learn to avoid them.
Mean over {seeds} seeds; smallest and largest in brackets.
"""


def invalid_share(learner: Trainer, grammar: Grammar, prior: LengthPrior, genes: int) -> float:
    """Return the share of invalid genes among `genes`."""
    symbols = sample(learner.generator, grammar, genes, np.random.default_rng(1), prior).symbols
    population = Population.empty(grammar.alphabet, grammar.shape, genes)
    population.symbols[:, 0] = symbols
    return float(population.invalid().mean())


def stages(body: str, seed: int, chosen: argparse.Namespace) -> NDArray[np.float64]:
    """Return shares at each stage, [stages, 3]: with the mask, without it, without it and the prior."""
    shares = []
    for policy in learning(TASKS[chosen.task](), chosen.stages, seed, head=chosen.head, body=body):
        alphabet, shape = policy._grammar.alphabet, GeneShape(head=chosen.head)
        kept, free = (Grammar(alphabet, shape, tail=tail) for tail in (True, False))
        prior, none = policy._prior, LengthPrior(1.0, 0.0)
        shares.append(
            [invalid_share(policy._trainer, *each, chosen.genes)
             for each in ((kept, none), (free, prior), (free, none))]
        )  # fmt: skip
    return np.array(shares)


def draw(found: dict[str, NDArray[np.float64]], stages: list[int], out: Path) -> None:
    """Draw the curves: mean over seeds, with a band from the smallest to the largest."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    x = np.arange(len(stages))
    for body, shares in found.items():
        for column, style, name in LINES:
            part = 100 * shares[:, :, column]
            (line,) = axes.plot(x, part.mean(0), style, marker="o", ms=3, label=f"{body}, {name}")
            axes.fill_between(x, part.min(0), part.max(0), color=line.get_color(), alpha=0.15, lw=0)
    axes.set_xticks(x, [f"{stage:,}" for stage in stages])
    axes.set_xlabel("training batches")
    axes.set_ylabel("invalid expressions, %")
    axes.set_ylim(bottom=-1)
    axes.legend(fontsize=7, frameon=False)
    figure.savefig(out, dpi=150)


def cell(shares: NDArray[np.float64]) -> str:
    """Format the mean, the smallest and the largest share."""
    low, high = 100 * shares.min(), 100 * shares.max()
    return f"{100 * shares.mean():.1f} % ({low:.1f} to {high:.1f})" if high else "0"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", choices=list(TASKS), default="Nguyen-5")
    parser.add_argument("--head", type=int, default=16)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--stages", type=lambda text: sorted(map(int, text.split(","))), default=[0, 10, 30, 100, 200]
    )
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    found = {body: np.array([stages(body, seed, chosen) for seed in range(chosen.seeds)]) for body in BODIES}
    rows = [[body, f"{stage:,}", *(cell(shares[:, at, column]) for column in (0, 1, 2))]
            for body, shares in found.items() for at, stage in enumerate(chosen.stages)]  # fmt: skip
    header = ["network", "batches", "mask on", "mask off, with prior", "mask off"]
    policy = next(iter(learning(TASKS[chosen.task](), [0], 0, head=chosen.head)))
    how = HOW.format(
        task=chosen.task, batch=policy.batch, head=chosen.head, genes=chosen.genes, seeds=chosen.seeds,
        positions=policy._grammar.length,
    )  # fmt: skip
    parts = [tables.table(header, rows)]
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        picture = chosen.out.with_suffix(".png")
        draw(found, chosen.stages, picture)
        parts.append(f"![Invalid expressions in the course of training]({picture.name})")
    tables.write(
        chosen.out,
        "Invalid expressions without the mask of the tail",
        [*parts, tables.prose(how)],
        command=tables.command_line(),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'torch')}",
    )


if __name__ == "__main__":
    main()
