"""quarva bench: measure formulas per second on this machine, relative to its peak, in about a minute."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarva.cli.options import AsJson, takes
from quarva.cli.output import console, print_json, tell
from quarva.cli.sources import threads_of
from quarva.runs.settings import LimitSettings

if TYPE_CHECKING:
    from quarva.karva import Population

__all__ = ["bench"]

_FORMULAS = 4_000  # random formulas of a case; the duration of a case determines how many of them are scored
_PILOT = 32  # formulas that are timed first, to choose that number
_SEED = 1


@dataclass(frozen=True)
class _Case:
    """A benchmark case: a panel of `assets` × `days`, or a table of `assets` rows if `columns` is not 0."""

    name: str
    statistic: str
    days: int
    assets: int
    columns: int = 0

    @property
    def size(self) -> str:
        if self.columns:
            return f"{self.assets:,} rows × {self.columns}"
        return f"{self.assets:,} assets × {self.days:,} days"


_CASES = (
    _Case("small panel, IC", "ic", 2_000, 20),
    _Case("panel, IC", "ic", 1_000, 300),
    _Case("panel, rank IC", "rank_ic", 1_000, 300),
    _Case("large panel, IC", "ic", 1_000, 2_000),
    _Case("small table", "sse", 1, 20, 2),
    _Case("large table", "sse", 1, 10_000, 5),
)


@dataclass(frozen=True)
class _Rate:
    """Measured rates per second: formulas, values of their nodes, and arithmetic operations."""

    case: _Case
    formulas: float
    values: float
    operations: float


@takes(LimitSettings, only=("threads",))
def bench(
    *,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.01, help="Approximate duration of each of the six cases.")
    ] = 5.0,
    as_json: AsJson = False,
    **flags: Any,
) -> None:
    """Benchmark this machine."""
    from quarva.__version__ import __version__
    from quarva.engine import is_compiled, threads_to_use
    from quarva.engine.probe import fma_peak, processor, stream_peak
    from quarva.loop.progress import COMPILING

    count = threads_to_use(threads_of(flags))
    tell("measuring the peak of arithmetic and memory")
    flops, stream = fma_peak(count), stream_peak(count)
    if not is_compiled():
        tell(COMPILING)
    rates = []
    for case in _CASES:
        tell(f"scoring random formulas: {case.name}, {case.size}")
        rates.append(_rate(case, count, seconds))
    record = {
        "quarva": __version__, "processor": processor(), "threads": count,
        "peak": {"float32_operations_per_second": flops, "stream_bytes_per_second": stream},
        "rates": [_told(rate, flops) for rate in rates],
    }  # fmt: skip
    record["line"] = _line(record)
    if as_json:
        print_json(record)
    else:
        _show(record, rates)


def _rate(case: _Case, threads: int, seconds: float) -> _Rate:
    """Measure the rates of a case by scoring random formulas for about `seconds`."""
    import numpy as np

    from quarva.engine.operations import population_operations, scoring_operations

    population, score = _formulas(case), _scorer(case, threads)
    score(population[:2])  # lays out the panel and compiles the kernels, which is not timed
    pilot = _timed(score, population[:_PILOT]) / _PILOT
    n = int(np.clip(seconds / max(pilot, 1e-9), _PILOT, len(population)))
    repeats = max(1, math.ceil(seconds / max(pilot * n, 1e-9)))
    took = min(_timed(score, population[:n]) for _ in range(min(repeats, 1_000)))
    cells = case.days * case.assets
    asked = population_operations(population[:n], case.assets) + scoring_operations(
        case.statistic, case.assets
    )
    values = float(population[:n].sizes().sum()) * cells
    return _Rate(case, n / took, values / took, float(asked.sum()) * cells / took)


def _timed(score: "Callable[[Population], Any]", population: "Population") -> float:
    start = time.perf_counter()
    score(population)
    return time.perf_counter() - start


def _formulas(case: _Case) -> "Population":
    """Sample random formulas over the default alphabet of a search."""
    import numpy as np

    from quarva.karva import Alphabet, GeneShape, Population
    from quarva.karva.alphabet import TABLE_FUNCTIONS

    if case.columns:
        names = [f"x{number + 1}" for number in range(case.columns)]
        alphabet = Alphabet.build(names, TABLE_FUNCTIONS)
    else:
        alphabet = Alphabet.build(["open", "high", "low", "close", "volume"])
    rng = np.random.default_rng(_SEED)
    drawn = Population.random(alphabet, GeneShape(head=10), 10 * _FORMULAS, rng)
    return drawn[np.flatnonzero(drawn.sizes() >= 5)[:_FORMULAS]]


def _scorer(case: _Case, threads: int) -> "Callable[[Population], Any]":
    """Return a function that scores a population on simulated data of the case's size."""
    import numpy as np

    from quarva import Table, engine

    rng = np.random.default_rng(_SEED)
    if case.columns:
        rows = rng.uniform(0.1, 2.0, (case.columns + 1, case.assets)).astype(np.float32)
        table = Table.from_arrays({f"x{k + 1}": row for k, row in enumerate(rows[:-1])}, rows[-1])
        panel, values = table.panel, table.target[None]
    else:
        from quarva.scenarios import simulate

        panel = simulate(case.assets, case.days, seed=_SEED)
        close = panel.field("close")
        values = np.full((1, *close.shape), np.nan, np.float32)
        values[0, :-5] = close[5:] / close[:-5] - 1
    statistic: Any = case.statistic
    days = np.zeros(values.shape[1], np.int8)
    target = engine.Target.prepare(panel, values, days, 1, statistic)

    def score(population: "Population") -> Any:
        program = engine.Program.from_population(population)
        return engine.evaluate(program, panel, target, statistic, threads=threads)

    return score


def _told(rate: _Rate, flops: float) -> dict[str, Any]:
    case = rate.case
    return {
        "case": case.name, "size": case.size, "statistic": case.statistic,
        "formulas_per_second": rate.formulas, "node_values_per_second": rate.values,
        "operations_per_second": rate.operations, "share_of_peak": rate.operations / flops,
    }  # fmt: skip


def _line(record: dict[str, Any]) -> str:
    """Format the results as one line."""
    peak, threads = record["peak"], record["threads"]
    machine = f"{record['processor']}, {threads} thread{'s' * (threads > 1)}"
    most = f"{peak['float32_operations_per_second'] / 1e9:.0f} GFLOP/s"
    most += f", {peak['stream_bytes_per_second'] / 1e9:.0f} GB/s"
    cases = (f"{rate['case']} {rate['node_values_per_second'] / 1e9:.2f}" for rate in record["rates"])
    return f"quarva {record['quarva']} | {machine} | {most} | 10⁹ node values/s: {'; '.join(cases)}"


def _show(record: dict[str, Any], rates: list[_Rate]) -> None:
    """Print the results as a table, followed by the line."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("random formulas", "on"):
        table.add_column(heading)
    for heading in ("formulas/s", "10⁹ node values/s", "GFLOP/s", "of the peak"):
        table.add_column(heading, justify="right")
    for cells in _cells(record, rates):
        table.add_row(*cells)
    screen = console()
    screen.print(table)
    screen.print(record["line"], soft_wrap=True)


def _cells(record: dict[str, Any], rates: list[_Rate]) -> Iterator[list[str]]:
    for rate, figures in zip(rates, record["rates"], strict=True):
        yield [
            rate.case.name, rate.case.size, f"{rate.formulas:,.0f}", f"{rate.values / 1e9:.2f}",
            f"{rate.operations / 1e9:.1f}", f"{figures['share_of_peak']:.1%}",
        ]  # fmt: skip
