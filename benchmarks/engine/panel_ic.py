"""Parts a, b and c: information coefficients and rank ICs, compared with AlphaGen's evaluator.

AlphaGen runs as in its own calculator: `Expression.evaluate`, `normalize_by_day`, `batch_pearsonr` or
`batch_spearmanr`, and the mean over days. Both score the same days of the same float32 panel.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import quarva as qv
from engine.evolved import Breeding, digest, evolve
from engine.part import Asked, Result, Row, Shown
from measuring import tables
from measuring.bars import FIELDS, HORIZON, forward_target, panel_of, simulated_bars
from measuring.stopwatch import in_turns, median_seconds, seconds_of
from peers.alphagen_evaluator import BACKTRACK, BINARY, PAIR, ROLLING, UNARY, AlphaGen, draw
from quarva import engine
from quarva.engine.operations import population_operations, scoring_operations
from quarva.karva import Alphabet, Expression, GeneShape, Population, encode, parse, render

__all__ = ["evolved_formulas", "random_formulas", "rank_correlations"]

ROUNDING = 2e-5
LONGEST = 120.0  # seconds of AlphaGen on the evolved formulas, after which it skips the rest
WINDOWS = (5, 11, 21, 39)  # odd, because of the median
NAMES = [*UNARY, *BINARY, *ROLLING, *PAIR]
HEAD = 10
EXTRA = HEAD  # extra days of history, since AlphaGen's WMA reads one day more than decay_linear
ASSETS = 300  # of the panel on which formulas are evolved
METHODS = {"ic": "calc_single_IC_ret", "rank_ic": "calc_single_rIC_ret"}


@dataclass(frozen=True)
class Chosen:
    """Random formulas, their ICs by AlphaGen in float64 on each panel, and the number that was drawn."""

    formulas: list[Expression]
    exact: np.ndarray
    drawn: int

    def as_dict(self) -> dict[str, Any]:
        texts = [render(formula) for formula in self.formulas]
        return {"formulas": texts, "exact": self.exact.tolist(), "drawn": self.drawn}

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Chosen":
        """Restore from the JSON of `as_dict`."""
        return cls([parse(text) for text in record["formulas"]], np.array(record["exact"]), record["drawn"])


class Scored:
    """Quarva's engine on the bars: information coefficients of a population, from genes to figures."""

    def __init__(
        self, population: Population, bars: dict[str, np.ndarray], warm_up: int,
        statistic: engine.Statistic, threads: int,
    ) -> None:  # fmt: skip
        self.panel, self.assets = panel_of(bars), bars["close"].shape[1]
        self.target, self.scored = forward_target(self.panel, warm_up, statistic)
        self.population, self.statistic, self.threads = population, statistic, threads

    def sums(self) -> np.ndarray:
        """Compile the program; return the counted days and the sum over them, float64[formulas, 2]."""
        program = engine.Program.from_population(self.population)
        found = engine.evaluate(
            program, self.panel, self.target, self.statistic, n_segments=1, threads=self.threads
        )
        return found[:, 0, 0, :2]

    def coefficients(self) -> np.ndarray:
        """Return the mean over days, float64[formulas]; NaN unless every day counts."""
        days, total = self.sums().T
        return np.where(days == self.scored.sum(), total, np.nan) / self.scored.sum()

    def operations(self) -> float:
        """Return the arithmetic operations of one scoring, see `quarva.engine.operations`."""
        each = population_operations(self.population, self.assets)
        scoring = scoring_operations(self.statistic, self.assets)
        return float((each + scoring).sum()) * self.scored.size * self.assets


def genes_of(formulas: Sequence[Expression]) -> Population:
    """Return random formulas as chromosomes, as in a search."""
    alphabet = Alphabet.build(FIELDS, NAMES, range(2, 45))
    return encode(list(formulas), alphabet, GeneShape(head=13), np.random.default_rng(0))


def started(asked: Asked) -> AlphaGen | None:
    """Return AlphaGen if there is a checkout."""
    torch.set_num_threads(asked.threads)
    return AlphaGen(asked.alphagen) if asked.alphagen else None


def panels(asked: Asked) -> list[dict[str, np.ndarray]]:
    """Return bars of three sizes, the smaller ones as the first assets of the largest."""
    sizes = asked.size((20, 300, 1_000), (6, 12))
    days = asked.size(2_000, 60)
    bars = simulated_bars(BACKTRACK + days + HORIZON, sizes[-1], asked.seed)
    return [{n: np.ascontiguousarray(values[:, :size]) for n, values in bars.items()} for size in sizes]


def comparable(alphagen: AlphaGen, formula: Expression, pair: tuple[Any, Any]) -> float | None:
    """Return the IC in float64 if it is well defined in both evaluators, else None.

    It is if every scored cell is finite in float32 and in float64, no day is constant, AlphaGen's Corr never
    uses its rule for small denominators, and AlphaGen's own IC agrees in both precisions to ROUNDING. Then it
    does not depend on the order of additions.
    """
    alphagen.guarded = 0
    tree = alphagen.translate(formula)
    ics = []
    for calculator in pair:
        value = tree.evaluate(calculator.data)
        if not bool(value.isfinite().all()) or alphagen.guarded or not bool((value.std(dim=1) > 0).all()):
            return None
        ics.append(alphagen.coefficient(calculator, value))
    return ics[1] if abs(ics[0] - ics[1]) < ROUNDING else None


def admitted(alphagen: AlphaGen, count: int, sizes: list[dict[str, np.ndarray]], seed: int) -> Chosen:
    """Draw random formulas until `count` are comparable on every panel."""
    pairs = [
        tuple(alphagen.calculator(bars, dtype) for dtype in (torch.float32, torch.float64)) for bars in sizes
    ]
    rng = np.random.default_rng(seed)
    found: list[Expression] = []
    exact: list[list[float]] = []
    drawn = 0
    alphagen.watch_corr()
    while len(found) < count:
        formula = draw(rng, int(rng.integers(5, 14)))
        if formula.lookback() > BACKTRACK or formula in found:
            continue
        drawn += 1
        ics: list[float] = []
        for pair in pairs:
            ic = comparable(alphagen, formula, pair)
            if ic is None:
                break
            ics.append(ic)
        else:
            found.append(formula)
            exact.append(ics)
    alphagen.unwatch_corr()
    return Chosen(found, np.array(exact).T, drawn)


def chosen_formulas(asked: Asked, alphagen: AlphaGen | None, sizes: list, before: dict) -> Chosen:
    """Return the random formulas of the kept figures, of another part of the run, or new ones."""
    count, place = asked.size(60, 6), asked.cache / "formulas.json"
    if "formulas" in before:
        return Chosen.of(before)
    if alphagen is None:
        rng = np.random.default_rng(asked.seed)
        drawn = [draw(rng, int(rng.integers(5, 14))) for _ in range(4 * count)]
        return Chosen(
            [each for each in drawn if each.lookback() <= BACKTRACK][:count], np.empty(0), 4 * count
        )
    key = [count, asked.seed, *(list(bars["close"].shape) for bars in sizes)]
    kept = json.loads(place.read_text()) if place.exists() else {}
    if kept.get("key") == key:
        return Chosen.of(kept)
    chosen = admitted(alphagen, count, sizes, asked.seed)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"key": key, **chosen.as_dict()}))
    return chosen


def on_random(asked: Asked, before: dict, statistic: engine.Statistic, letter: str, least: dict) -> Result:
    """Compare both evaluators on the same random formulas, on each panel."""
    alphagen = None if before else started(asked)
    sizes = panels(asked)
    chosen = chosen_formulas(asked, alphagen, sizes, before)
    genes = genes_of(chosen.formulas)
    peers: dict[str, Any] = before or {**chosen.as_dict(), "seconds": {}, "coefficients": {}}
    rows, lines = [], []
    for place, bars in enumerate(sizes):
        scored = Scored(genes, bars, BACKTRACK, statistic, asked.threads)
        assets = str(scored.assets)
        scored.sums()  # compiles the kernels, prepares the panel
        if alphagen is not None:
            calculator = alphagen.calculator(bars, torch.float32)
            trees = [alphagen.translate(formula) for formula in chosen.formulas]

            def theirs(calculator: Any = calculator, trees: list = trees) -> list[float]:
                return [getattr(calculator, METHODS[statistic])(tree) for tree in trees]

            times, given = in_turns(asked.repeats, theirs, scored.coefficients)
            peers["seconds"][assets], peers["coefficients"][assets] = times[0], given[0]
            took, own = times[1], given[1]
        else:
            took, own = median_seconds(max(asked.repeats, 5), scored.sums), scored.coefficients()
        slow, cells = peers["seconds"].get(assets), len(scored.scored) * scored.assets
        values = float(genes.sizes().sum()) * cells / took
        ratio = slow / took if slow else None
        rows.append(
            Row(
                f"{_kind(statistic)} of {len(genes)} random formulas, {scored.scored.sum():,} × {assets}",
                "AlphaGen", f"{slow:.2f} s" if slow else "not measured", f"{took:.4f} s", ratio,
                least.get(place, ""), scored.operations() / took, asked.threads,
            )
        )  # fmt: skip
        exact = chosen.exact[place] if statistic == "ic" and len(chosen.exact) else None
        lines.append(_agreement(assets, peers["coefficients"].get(assets), own, exact, took, values))
    header = ["assets", "10⁹ node values/s", "largest difference of a coefficient"]
    header += ["Quarva to AlphaGen in float64", "AlphaGen to itself in float64"]
    return Result(rows, [Shown(header, lines)], HOW_RANDOM.format(
        letter=letter, count=len(genes), seed=asked.seed, mean=genes.sizes().mean(), drawn=peers["drawn"],
        threads=asked.threads, repeats=asked.repeats, method=METHODS[statistic], names=_names(),
        rounding=f"{ROUNDING:.0e}", history=BACKTRACK,
    ), _software(asked), peers)  # fmt: skip


def random_formulas(asked: Asked, before: dict) -> Result:
    """Part a."""
    return on_random(asked, before, "ic", "a", {0: "40×", 1: "60×", 2: "60×"})


def bred(asked: Asked) -> tuple[Population, dict[str, np.ndarray], int]:
    """Return the population after 20 generations, its bars, and the days before the first scored day."""
    days, assets = asked.size(2_000, 80), asked.size(ASSETS, 12)
    most = HEAD * max(WINDOWS) + EXTRA
    whole = simulated_bars(most + days + HORIZON, assets, asked.seed)
    task = qv.Task(panel_of(whole), "forward_return_5", "ic")
    size, generations = asked.size(1_000, 40), asked.size(20, 2)
    wanted = Breeding(FIELDS, NAMES, WINDOWS, HEAD, False, size, generations, asked.seed)
    place = asked.cache / ("evolved_panel_quick.npz" if asked.quick else "evolved_panel.npz")
    population = evolve(task, wanted, place)
    warm_up = max(tree.lookback() for tree in population.expressions()) + EXTRA
    cut = max(most - warm_up, 0)
    return population, {name: np.ascontiguousarray(values[cut:]) for name, values in whole.items()}, warm_up


def on_evolved(asked: Asked, before: dict, statistic: engine.Statistic, least: str) -> Result:
    """Compare both evaluators on an evolved population; AlphaGen stops after LONGEST seconds."""
    population, bars, warm_up = bred(asked)
    scored = Scored(population, bars, warm_up, statistic, asked.threads)
    scored.sums()
    peers = before if before.get("population") == digest(population) else {}
    alphagen = None if peers else started(asked)
    if alphagen is not None:
        peers = _theirs(alphagen.calculator(bars, torch.float32, warm_up), alphagen, population, statistic)
    took = median_seconds(max(asked.repeats, 3), scored.sums)
    own, n = scored.coefficients(), len(population)
    kind = f"{_kind(statistic)} of an evolved population, {n:,} formulas, {scored.scored.sum():,} × "
    count = len(peers.get("places", ()))
    slow = peers["seconds"] * n / count if count else None
    said = f"{slow:.0f} s" if slow else "not measured"
    if slow and count < n:
        said += f" (from {count} of them)"
    row = Row(
        kind + str(scored.assets), "AlphaGen", said, f"{took:.3f} s", slow / took if slow else None, least,
        scored.operations() / took, asked.threads,
    )  # fmt: skip
    sizes = population.sizes()
    how = (
        f"Evolved: the population that `GEP` keeps after {asked.size(20, 2)} generations of {n:,} (seed "
        f"{asked.seed}, objective ic, default rates, windows {', '.join(map(str, WINDOWS))}, head 10, the "
        f"functions of part a): {sizes.min()} to {sizes.max()} nodes, mean {sizes.mean():.1f}, look-back up "
        f"to {warm_up - EXTRA} days. {_population_agreement(population, peers, own)}"
    )
    return Result([row], [], how, _software(asked), peers)


def _theirs(calculator: Any, alphagen: AlphaGen, population: Population, statistic: str) -> dict[str, Any]:
    """Return AlphaGen's seconds and coefficients on all formulas, or on a random part of them."""
    trees = [alphagen.translate(formula) for formula in population.expressions()]
    order = np.random.default_rng(0).permutation(len(trees))
    score = getattr(calculator, METHODS[statistic])
    score(trees[order[0]])
    total, found = 0.0, []
    for place in order:
        took, value = seconds_of(lambda tree=trees[place]: score(tree))
        total += took
        found.append(value)
        if total > LONGEST and len(found) >= min(100, len(trees)):
            break
    places = order[: len(found)].tolist()
    return {"population": digest(population), "seconds": total, "places": places, "coefficients": found}


def evolved_formulas(asked: Asked, before: dict) -> Result:
    """Part b."""
    return on_evolved(asked, before, "ic", "100×")


def rank_correlations(asked: Asked, before: dict) -> Result:
    """Part c: rank ICs of the random formulas and of the evolved ones."""
    random = on_random(asked, before.get("random", {}), "rank_ic", "c", dict.fromkeys(range(3), "40×"))
    evolved = on_evolved(asked, before.get("evolved", {}), "rank_ic", "40×")
    peers = {"random": random.peers, "evolved": evolved.peers}
    how = f"{random.how}\n\n{evolved.how}"
    return Result([*random.rows, *evolved.rows], random.shown, how, random.software, peers)


def _kind(statistic: str) -> str:
    return "rank IC" if statistic == "rank_ic" else "IC"


def _agreement(
    assets: str, theirs: Any, own: np.ndarray, exact: Any, took: float, values: float
) -> list[str]:
    """Return the largest differences of the coefficients."""

    def apart(one: Any, other: Any) -> str:
        if one is None or other is None or not len(one) or not len(other):
            return "–"
        return f"{np.nanmax(np.abs(np.asarray(one) - np.asarray(other))):.1e}"

    return [assets, f"{values / 1e9:.2f}", apart(theirs, own), apart(own, exact), apart(theirs, exact)]


def _population_agreement(population: Population, peers: dict, own: np.ndarray) -> str:
    if not peers.get("places"):
        return ""
    theirs, ours = np.array(peers["coefficients"]), own[peers["places"]]
    ranked = [i for i, symbol in enumerate(population.alphabet.symbols) if symbol.name == "rank"]
    spoken = np.arange(population.symbols.shape[2]) < population.lengths()[:, :, None]
    with_rank = (np.isin(population.symbols, ranked) & spoken).any(axis=(1, 2))[peers["places"]]
    both = np.isfinite(theirs) & np.isfinite(ours) & ~with_rank
    apart = np.abs(theirs - ours)[both]
    if not apart.size:
        return "No formula could be compared."
    return (
        f"Of {len(theirs):,} formulas, {both.sum():,} have no rank (whose scale differs) and are finite on "
        f"every day in both: coefficients differ by {np.median(apart):.1e} in the median, by less than 1e-4 "
        f"in {(apart < 1e-4).mean():.1%}, at most by {apart.max():.1e}."
    )


def _software(asked: Asked) -> str:
    if asked.alphagen is None:
        return tables.versions("torch")
    return f"AlphaGen at {tables.commit(asked.alphagen)}, {tables.versions('torch')}"


def _names() -> str:
    return ", ".join([*UNARY.values(), *BINARY.values(), *ROLLING.values(), *PAIR.values()])


HOW_RANDOM = """\
{count} random formulas (seed {seed}, mean {mean:.1f} nodes, windows 5 to 40) on simulated bars without
gaps, float32, {history} days of history before the scored ones. Both use {threads} threads and take turns;
median of {repeats}. AlphaGen: `QLibStockDataCalculator.{method}`, one formula after another, with the target
normalised and the expressions built beforehand. Quarva: `Program.from_population` and `engine.evaluate`, with
the target and the genes prepared beforehand. Kernels are compiled and cached before.

Operators, by AlphaGen's names: {names}. CSRank counts from 0 and Quarva's `rank` from 1, so a
random formula has it only where that shift does not change the IC. WMA over w + 1 days is `decay_linear`
over w. Med has odd windows. Excluded, because the definitions differ: skew and kurtosis (AlphaGen's are
not adjusted for the sample), rolling rank (AlphaGen's counts from the top), median over an even window
(AlphaGen takes the lower middle value), power and sign (seldom comparable on random formulas).

{drawn} formulas were drawn until enough were comparable on every panel: every scored cell is finite, no day
is constant (AlphaGen counts such a day as IC 0, Quarva does not count it), Corr never uses its rule for a
sum of squares below 1e-6, and AlphaGen's own ICs in float32 and float64 agree to {rounding}, so that the
figures do not depend on the order of additions."""
