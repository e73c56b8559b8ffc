"""Which formulas have their constants tuned, and what the loop is handed back."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import compiled
from quarva.crew import crew
from quarva.engine.kernel.small import is_elementwise
from quarva.engine.names import place_params
from quarva.karva.alphabet import CONSTANT, Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.operators import CODE
from quarva.karva.decode import join
from quarva.search.reading import language_of, read_gene
from quarva.search.memory import Memory
from quarva.search.tuning.least_squares import Desk, Fits, Rows, run_fits
from quarva.tasks import TRAIN, Task

__all__ = ["Tuned", "Tuner"]

import os
_SHARE = float(os.environ.get('SHARE','0.1'))
_PIECES = 4


@dataclass(frozen=True, eq=False)
class Tuned:
    places: NDArray[np.integer]
    population: Population
    steps: int


class Tuner:
    def __init__(self, task: Task, alphabet: Alphabet, shape: GeneShape, most: int, threads: int) -> None:
        self._most, self._threads = most, threads
        self._rows = _rows_of(task)
        a = alphabet
        param = place_params(a, task.panel.fields, tuple(task.panel.groups), task.panel.assets)
        self._letters, self._link = (a.arity, a.code, param, a.number), CODE[shape.link]
        self.known = Memory()
        self._language = language_of(alphabet, shape, is_open=True)

    def tune(self, population: Population, fitness: NDArray[np.float64], new: NDArray[np.integer], left: int) -> Tuned:
        chosen = self._choose(population, fitness, new)
        some = population[chosen]
        first=int(os.environ.get("FIRST","0"))
        if first and len(chosen):
            fits = self._fit(some, first)
            ok=np.isfinite(fits.after)
            n=int(np.ceil(float(os.environ.get("SECOND","0.2"))*ok.sum()))
            on=np.argsort(fits.after, kind="stable")[:n]
            more=self._fit(replace(some[on], dc=fits.dc[on], constants=fits.constants[on]), self._most)
            fits.used[on]+=more.used; fits.dc[on]=more.dc; fits.constants[on]=more.constants
        else:
            fits = self._fit(some, self._most)
        total = np.cumsum(fits.used)
        over = int(np.searchsorted(total, left, side="right"))
        if over < len(chosen):
            pass
        return Tuned(chosen, replace(some, dc=fits.dc, constants=fits.constants, known_keys=None), int(fits.used.sum()))

    def _choose(self, population, fitness, new):
        skeleton = np.empty(len(new), np.uint64)
        some = population[new]
        length = some.symbols.shape[2]
        read_skeletons(some.symbols, some.dc, some.constants, self._language, np.empty(length, np.int64), np.empty(length + 3, np.uint64), skeleton)
        _, fresh = self.known.look_up(skeleton)
        self.known.put(skeleton[fresh], np.zeros(fresh.sum()))
        new = new[fresh]
        marks = np.empty(len(new), np.int64)
        some = population[new]
        count_constants(some.symbols, self._letters[0], self._letters[1], marks)
        ok = (marks > 0) & np.isfinite(fitness[new])
        new = new[ok]
        many = int(np.ceil(_SHARE * len(population)))
        best = np.argsort(-fitness[new], kind="stable")[:many]
        return new[best]

    def _fit(self, some: Population, most: int) -> Fits:
        n = len(some)
        fits = Fits(some.dc.copy(), some.constants.copy(), np.zeros(n, np.int64), np.zeros(n), np.zeros(n))
        pieces = max(1, min(self._threads * _PIECES, n // 4)) if self._threads > 1 else 1
        _, genes, length = some.symbols.shape
        desk = Desk.of(pieces, self._rows, genes, length, some.constants.shape[2])
        with crew(self._threads) as words:
            run_fits(words, most, some.symbols, fits, self._letters, self._link, self._rows, desk)
        return fits


def _rows_of(task: Task) -> Rows:
    values = task.panel.values.reshape(len(task.panel.fields), -1)
    target = task.targets[TRAIN].reshape(-1)
    whole = np.flatnonzero(np.isfinite(target) & np.isfinite(values).all(axis=0))
    return Rows(np.ascontiguousarray(values[:, whole], np.float64), target[whole].astype(np.float64))


@compiled
def read_skeletons(symbols, dc, constants, language, functions, keys, out):
    for p in range(symbols.shape[0]):
        key = np.uint64(0)
        for g in range(symbols.shape[1]):
            said, _ = read_gene(symbols[p, g], dc[p, g], constants[p, g], language, functions, keys)
            key = said if g == 0 else join(language.link, key, said, language.link_commutative)
        out[p] = key


@compiled
def count_constants(symbols, arity, code, out):
    for p in range(symbols.shape[0]):
        out[p] = 0
        for g in range(symbols.shape[1]):
            length, i = 1, 0
            while i < length:
                length += arity[symbols[p, g, i]]
                out[p] += code[symbols[p, g, i]] == CONSTANT
                i += 1
