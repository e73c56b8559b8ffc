"""Problems of symbolic regression: those of a CSV file, and the R and Jin problems from the literature.

A line of the file has name, variables, expression, train_spec and function_set, in the notation of deep
symbolic optimization (Petersen 2021): `{"all": {"U": [a, b, n]}}` are n points uniform in [a, b], with E
evenly spaced. R-1 to R-3 are from Krawiec and Pawlak (2013), Jin-1 to Jin-6 from Jin, Fu, Kang, Guo and Guo
(Bayesian Symbolic Regression, 2019), with the points that deep symbolic optimization gives them.
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["KOZA", "Problem", "problems"]

KOZA = ("add", "sub", "mul", "div", "sin", "cos", "exp", "log")
_JIN = ("add", "sub", "mul", "div", "sin", "cos", "exp", "square")
# Name of a function set → its operators, and whether formulas may hold constants.
_SETS = {"Koza": (KOZA, False), "CKoza": (KOZA, True), "None": (KOZA, False), "Jin": (_JIN, True)}

_R = '{"all": {"E": [-1, 1, 20]}}'
_SQUARE = '{"all": {"U": [-3, 3, 100]}}'
_MORE = (
    ("R-1", 1, "pow(x1+1,3)/(pow(x1,2)-x1+1)", _R, "None"),
    ("R-2", 1, "(pow(x1,5)-3*pow(x1,3)+1)/(pow(x1,2)+1)", _R, "None"),
    ("R-3", 1, "(pow(x1,6)+pow(x1,5))/(pow(x1,4)+pow(x1,3)+pow(x1,2)+x1+1)", _R, "None"),
    ("Jin-1", 2, "2.5*pow(x1,4)-1.3*pow(x1,3)+0.5*pow(x2,2)-1.7*x2", _SQUARE, "Jin"),
    ("Jin-2", 2, "8.0*pow(x1,2)+8.0*pow(x2,3)-15.0", _SQUARE, "Jin"),
    ("Jin-3", 2, "0.2*pow(x1,3)+0.5*pow(x2,3)-1.2*x2-0.5*x1", _SQUARE, "Jin"),
    ("Jin-4", 2, "1.5*exp(x1)+5.0*cos(x2)", _SQUARE, "Jin"),
    ("Jin-5", 2, "6.0*sin(x1)*cos(x2)", _SQUARE, "Jin"),
    ("Jin-6", 2, "1.35*x1*x2+5.5*sin((x1-1.0)*(x2-1.0))", _SQUARE, "Jin"),
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """A formula to recover from `points` of its variables in [low, high], evenly spaced or uniform."""

    name: str
    variables: tuple[str, ...]
    truth: str
    low: float
    high: float
    points: int
    even: bool
    functions: tuple[str, ...]
    constants: bool

    def training(self, seed: int) -> dict[str, np.ndarray]:
        """Return the points of a search, float64[points], exactly representable in float32."""
        if self.even:
            return {x: _single(np.linspace(self.low, self.high, self.points)) for x in self.variables}
        return self.fresh(seed, self.points)

    def fresh(self, seed: int, points: int) -> dict[str, np.ndarray]:
        """Return points uniform in the same range."""
        rng = np.random.default_rng([seed, sum(map(ord, self.name))])
        return {x: _single(rng.uniform(self.low, self.high, points)) for x in self.variables}


def _single(points: np.ndarray) -> np.ndarray:
    return points.astype(np.float32).astype(float)


def problems(path: Path, prefixes: list[str]) -> list[Problem]:
    """Return the problems whose names are in `prefixes`; one that ends with a hyphen selects a family."""
    with path.open(newline="", encoding="utf-8") as lines:
        known = [tuple(row[key] for key in ("name", "variables", "expression", "train_spec", "function_set"))
                 for row in csv.DictReader(lines)]  # fmt: skip
    names = {row[0] for row in known}
    known += [row for row in _MORE if row[0] not in names]
    found = [_problem(*row) for prefix in prefixes for row in known
             if row[0] == prefix or (prefix.endswith("-") and row[0].startswith(prefix))]  # fmt: skip
    if not found:
        raise SystemExit(f"{path}: there is no problem {' or '.join(prefixes)}")
    return list(dict.fromkeys(found))


def _problem(name: str, variables: str | int, expression: str, spec: str, function_set: str) -> Problem:
    ((kind, (low, high, points)),) = json.loads(spec)["all"].items()
    functions, constants = _SETS[function_set]
    names = tuple(f"x{number + 1}" for number in range(int(variables)))
    return Problem(
        name, names, expression.replace("pow(", "power("), low, high, points, kind == "E",
        functions, constants,
    )  # fmt: skip
