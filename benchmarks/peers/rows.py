"""The peers' side of parts e and f. It runs in the peers' own Python, and does not use Quarva.

    PEER_PYTHON benchmarks/peers/rows.py FOLDER --threads 2 --repeats 5 --peers pyoperon,gplearn

FOLDER holds `rows.npy` (float32[rows, columns], the last column is the target) and `formulas.json` (prefix
lists such as ["add", "x1", "sin", "0.5"]). A JSON object is printed, and the values of the first rows are
written to FOLDER/NAME.npy, float32[formulas, 100], so that the caller can compare them.
"""

import argparse
import importlib.metadata
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # imports start at benchmarks/

from measuring.stopwatch import median_seconds, seconds_of

SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
ARITY = {**dict.fromkeys(SIGNS, 2), "sin": 1, "cos": 1, "exp": 1, "log": 1}
SHOWN = 100  # rows whose values are returned


def is_number(token: str) -> bool:
    """Return whether a terminal is a number and not a column."""
    return not token.startswith("x")


def infix(prefix: list[str]) -> str:
    """Return the formula as infix text with all parentheses."""
    waiting: list[str] = []
    for token in reversed(prefix):
        if token in SIGNS:
            left, right = waiting.pop(), waiting.pop()
            waiting.append(f"({left} {SIGNS[token]} {right})")
        elif token in ARITY:
            waiting.append(f"{token}({waiting.pop()})")
        else:
            waiting.append(f"({token})" if token.startswith("-") else token)
    return waiting.pop()


def level_order(prefix: list[str]) -> list[str]:
    """Return the formula as a K-expression."""
    tokens = iter(prefix)

    def tree() -> tuple[str, list]:
        token = next(tokens)
        return token, [tree() for _ in range(ARITY.get(token, 0))]

    level, written = [tree()], []
    while level:
        written += [token for token, _ in level]
        level = [child for _, children in level for child in children]
    return written


def pyoperon_rates(rows: np.ndarray, formulas: list[list[str]], threads: int, repeats: int) -> dict:
    """Time Operon's batch evaluation into one array, on one thread and on all, and its fitness function."""
    import pyoperon as operon

    named = np.asfortranarray(rows)
    dataset = operon.Dataset(named)  # it refers to the memory of `named`
    hashes = {variable.Name.lower(): variable.Hash for variable in dataset.Variables}
    trees = [operon.InfixParser.Parse(infix(formula), hashes) for formula in formulas]
    span = operon.Range(0, len(rows))
    values = np.zeros((len(trees), len(rows)), np.float32)
    timed = {
        str(count): median_seconds(
            repeats, partial(operon.EvaluateTrees, trees, dataset, span, values, count)
        )
        for count in sorted({1, threads})
    }
    target = f"X{rows.shape[1]}"
    # One tree at a time, because the overload for a list of trees raises ValueError in 0.6.2.
    scored = median_seconds(
        repeats, lambda: [operon.CalculateFitness(tree, dataset, span, target, "mse") for tree in trees]
    )
    return {"values": timed, "scored": {"1": scored}, "head": values[:, :SHOWN]}


def gplearn_rates(rows: np.ndarray, formulas: list[list[str]], repeats: int) -> dict:
    """Time `_Program.execute`, which its estimators call for each formula; its log and div are protected."""
    from gplearn._program import _Program
    from gplearn.fitness import _fitness_map
    from gplearn.functions import _Function, _function_map

    functions = {**_function_map, "exp": _Function(function=np.exp, name="exp", arity=1)}
    arities: dict[int, list] = {}
    for name, arity in ARITY.items():
        arities.setdefault(arity, []).append(functions[name])
    columns = rows.shape[1] - 1
    programs = [
        _Program(
            function_set=[functions[name] for name in ARITY], arities=arities, init_depth=(2, 6),
            init_method="half and half", n_features=columns, const_range=None, metric=_fitness_map["mse"],
            p_point_replace=0.05, parsimony_coefficient=0.0, random_state=np.random.RandomState(0),
            program=[
                functions[t] if t in ARITY else float(t) if is_number(t) else int(t[1:]) - 1 for t in formula
            ],
        )
        for formula in formulas
    ]  # fmt: skip
    inputs, target, weight = rows[:, :columns], rows[:, columns], np.ones(len(rows), np.float32)
    plain = median_seconds(repeats, lambda: [program.execute(inputs) for program in programs])
    scored = median_seconds(
        repeats, lambda: [program.raw_fitness(inputs, target, weight) for program in programs]
    )
    head = np.array([program.execute(inputs[:SHOWN]) for program in programs], np.float32)
    return {"values": {"1": plain}, "scored": {"1": scored}, "head": head}


def geppy_rates(rows: np.ndarray, formulas: list[list[str]], repeats: int) -> dict:
    """Time genes compiled to Python lambdas by `tools.compile_` and called on columns, as in its examples."""
    import geppy

    columns = rows.shape[1] - 1
    names = [f"x{number + 1}" for number in range(columns)]
    primitives = geppy.PrimitiveSet("rows", input_names=names)
    written: dict[str, Callable] = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
    written |= {"sin": np.sin, "cos": np.cos, "exp": np.exp, "log": np.log}
    for name, function in written.items():
        primitives.add_function(function, ARITY[name], name=name)
    numbers = {token for formula in formulas for token in formula if token not in ARITY and is_number(token)}
    for number in sorted(set(map(float, numbers))):
        primitives.add_constant_terminal(number)
    symbols = {p.name: p for p in [*primitives.functions, *primitives.terminals]}
    spoken = {token: symbols[repr(float(token))] for token in numbers} | symbols
    genes = [
        geppy.Gene.from_genome([spoken[token] for token in level_order(formula)], head_length=len(formula))
        for formula in formulas
    ]
    chromosomes = [geppy.Chromosome.from_genes([gene]) for gene in genes]
    inputs, target = [np.ascontiguousarray(rows[:, number]) for number in range(columns)], rows[:, columns]

    def score(chromosome: Any) -> float:
        return float(np.mean((geppy.compile_(chromosome, primitives)(*inputs) - target) ** 2))

    plain = median_seconds(repeats, lambda: [geppy.compile_(c, primitives)(*inputs) for c in chromosomes])
    scored = median_seconds(repeats, lambda: [score(c) for c in chromosomes])
    shown = [x[:SHOWN] for x in inputs]
    head = [np.broadcast_to(geppy.compile_(c, primitives)(*shown), len(shown[0])) for c in chromosomes]
    return {"values": {"1": plain}, "scored": {"1": scored}, "head": np.array(head, np.float32)}


def numexpr_rates(rows: np.ndarray, formulas: list[list[str]], threads: int, repeats: int) -> dict:
    """Time compiled expressions; compilation, which a search needs for each formula, is timed separately.

    Numbers are float32 inputs, since a literal would switch numexpr to float64.
    """
    import numexpr

    columns = [np.ascontiguousarray(column) for column in rows[:, :-1].T]

    def compile_one(formula: list[str]) -> tuple[Any, list[int], list[np.float32]]:
        numbers = [token for token in formula if token not in ARITY and is_number(token)]
        called = iter(f"k{place}" for place in range(len(numbers)))
        text = infix([token if token in ARITY or not is_number(token) else next(called) for token in formula])
        read = sorted({int(token[1:]) for token in formula if token not in ARITY and not is_number(token)})
        inputs = [*(f"x{number}" for number in read), *(f"k{place}" for place in range(len(numbers)))]
        function = numexpr.NumExpr(text, [(name, float) for name in inputs])  # numexpr's name for float32
        return function, [number - 1 for number in read], [np.float32(number) for number in numbers]

    compiling, ready = seconds_of(lambda: [compile_one(formula) for formula in formulas])

    def run(inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [function(*(inputs[place] for place in read), *numbers) for function, read, numbers in ready]

    timed = {}
    for count in sorted({1, threads}):
        numexpr.set_num_threads(count)
        timed[str(count)] = median_seconds(repeats, partial(run, columns))
    head = run([column[:SHOWN] for column in columns])
    values = np.array([np.broadcast_to(each, min(SHOWN, len(rows))) for each in head], np.float32)
    return {"values": timed, "scored": {}, "compiling": compiling, "head": values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", default="pyoperon,gplearn,geppy,numexpr")
    chosen = parser.parse_args()
    rows = np.load(chosen.folder / "rows.npy")
    formulas = json.loads((chosen.folder / "formulas.json").read_text())
    np.seterr(all="ignore")
    fewer = max(1, chosen.repeats // 2)
    ways: dict[str, Callable[[], dict]] = {
        "pyoperon": lambda: pyoperon_rates(rows, formulas, chosen.threads, chosen.repeats),
        "gplearn": lambda: gplearn_rates(rows, formulas, fewer),
        "geppy": lambda: geppy_rates(rows, formulas, fewer),
        "numexpr": lambda: numexpr_rates(rows, formulas, chosen.threads, fewer),
    }
    found = {}
    for name in chosen.peers.split(","):
        result = ways[name]()
        np.save(chosen.folder / f"{name}.npy", result.pop("head"))
        found[name] = {**result, "version": importlib.metadata.version(name)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
