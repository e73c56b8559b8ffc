"""Masks of the grammar: genes written under every combination of rules, and the number that breaks one.

    python benchmarks/generator/masks.py --out benchmarks/results/masks.md

A sampler is a function of a grammar, a number of genes and a random generator. Networks are untrained,
half-trained and trained.
"""

import argparse
import copy
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import quarva as qv
from quarva.karva.alphabet import PANEL_FUNCTIONS, Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.rules import RULES
from quarva.karva.grammar.uniform import uniform
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.sampling import sample
from quarva.searchers.policy.trainer import Trainer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from generator.policies import learning
from measuring import tables
from measuring.bars import panel_of, simulated_bars

Sampler = Callable[[Grammar, int, np.random.Generator], NDArray[np.int16]]

LOOKBACK = 60
BATCH = 100_000
ROUNDS = 60  # training batches of a trained network
HOW = f"""
{{genes:,}} genes with a head of {{head}} drawn without a network, and as many by networks, divided among all
combinations of the five rules. Networks: GRUs that learned on a simulated panel (20 assets × 300 days, rank
IC) under all rules from 0, {ROUNDS // 2} and {ROUNDS} batches of 1,000, and then write under every
combination of rules, without a prior over length. Alphabet: the functions of a panel, sin, cos, exp, square,
inv, if_else, < and group_rank, windows of 5 to 40 days, open, close, volume, amount, two numbers and `?`. A
formula may look back {LOOKBACK} days.

Invalid is what `Population.invalid` counts. Violations of the active rules are counted in the finished tree.
For the other rules the table has the share of genes that break them.
"""


def build_alphabet() -> Alphabet:
    functions = [*PANEL_FUNCTIONS, "sin", "cos", "exp", "square", "inv", "if_else", "lt", "group_rank"]
    fields = ["open", "close", "volume", "amount"]
    return Alphabet.build(fields, functions, groups=["sector"], numbers=[1.0, 2.0], constants=True)


def rule_sets() -> Iterator[tuple[str, ...]]:
    """Yield every combination of the rules, the empty one first."""
    for size in range(len(RULES) + 1):
        yield from combinations(RULES, size)


def count(
    sampler: Sampler, grammar: Grammar, genes: int, rng: np.random.Generator
) -> tuple[int, dict[str, int]]:
    """Return the number of invalid genes of a sampler, and of those that break each rule, active or not."""
    invalid, broken = 0, dict.fromkeys(("tail", *RULES), 0)
    for first in range(0, genes, BATCH):
        symbols = sampler(grammar, min(BATCH, genes - first), rng)
        pop = Population.empty(grammar.alphabet, grammar.shape, len(symbols))
        pop.symbols[:, 0] = symbols
        invalid += int(pop.invalid().sum())
        for rule, number in grammar.violations(symbols).items():
            broken[rule] += number
    return invalid, broken


def row(name: str, sampler: Sampler, grammar: Grammar, genes: int, rng: np.random.Generator) -> list[str]:
    """Return a line of the table."""
    invalid, broken = count(sampler, grammar, genes, rng)
    violations = sum(broken[rule] for rule in grammar.rules)
    shares = ["active" if rule in grammar.rules else f"{broken[rule] / genes:.1%}" for rule in RULES]
    return [
        name,
        ", ".join(grammar.rules) or "the tail's rule only",
        f"{genes:,}",
        str(invalid),
        str(violations),
        *shares,
    ]


def networks(alphabet: Alphabet, head: int) -> dict[str, Sampler]:
    """Return networks at three stages of training, as samplers."""
    bars = simulated_bars(300, 20, 0)
    bars = {name: bars[name] for name in ("open", "close", "volume")}
    market = panel_of(bars | {"amount": bars["close"] * bars["volume"]}, {"sector": ["A", "B"] * 10})
    question = qv.Task(market, target="forward_return_5", objective="rank_ic"), alphabet
    learners = [
        copy.deepcopy(policy._trainer)
        for policy in learning(question, [0, ROUNDS // 2, ROUNDS], 0, head=head, rules="+".join(RULES))
    ]
    return dict(zip(("untrained network", "half-trained", "trained"), map(writes, learners), strict=True))


def writes(learner: Trainer) -> Sampler:
    """Return a network as a sampler."""
    none = LengthPrior(1.0, 0.0)
    return lambda grammar, n, rng: sample(learner.generator, grammar, n, rng, none, threads=2).symbols


def without() -> dict[str, Sampler]:
    """Return samplers without a network."""
    return {
        "legal symbols equally likely": lambda grammar, n, rng: uniform(grammar, n, rng),
        "half functions": lambda grammar, n, rng: uniform(grammar, n, rng, 0.5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genes", type=int, default=10_000_000)
    parser.add_argument("--head", type=int, default=16)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    alphabet, shape, rng = build_alphabet(), GeneShape(head=chosen.head), np.random.default_rng(0)
    rows = [
        row(name, sampler, Grammar(alphabet, shape, rules, lookback=LOOKBACK), each, rng)
        for kind in (without(), networks(alphabet, chosen.head))
        for each in [-(-chosen.genes // (len(kind) * 2 ** len(RULES)))]
        for name, sampler in kind.items()
        for rules in rule_sets()
    ]
    header = ["sampler", "active rules", "genes", "invalid", "violations", *RULES]
    tables.write(
        chosen.out,
        "Masks of the grammar",
        [tables.prose(HOW.format(genes=chosen.genes, head=chosen.head)), tables.table(header, rows)],
        command=tables.command_line(),
        software=f"{tables.quarva_version()}, {tables.versions('numpy', 'numba', 'torch')}",
    )


if __name__ == "__main__":
    main()
