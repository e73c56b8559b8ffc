"""Random formulas: the kernel gives what the reference defines, where float32 can tell."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from quarva.engine import Program, signals
from quarva.karva import Expression, Symbol, render
from quarva.panel import Panel

WELL_CONDITIONED = 1e-5
TOLERANCE = 1e-4
SMALLEST = 1e-37  # the smallest float32 with all its digits is 1.2e-38
CANCELLED = 1e-12  # of what the formula gives elsewhere: there float64 itself has no digit left
EXACT = {"ref", "min", "max", "neg", "abs", "sign", "ts_min", "ts_max", "ts_argmin", "ts_argmax", "ts_rank"}
CENTRED = {
    "corr", "skew", "kurt", "ts_zscore", "zscore", "slope", "rsquare", "resi", "residual", "group_zscore",
}  # fmt: skip  # ratios whose terms can cancel to 0, or nearly


def shaken(expression: Expression) -> Expression:
    """The formula with a rounding error, drawn at random, after every operator that rounds."""
    node = Expression(expression.symbol, tuple(shaken(arg) for arg in expression.args))
    if node.symbol.operator is None or node.symbol.operator.name in EXACT:
        return node
    node = Expression(Symbol.function("mul"), (node, Expression(Symbol(field="nearly_one"))))
    if expression.symbol.operator.name in CENTRED:
        node = Expression(Symbol.function("add"), (node, Expression(Symbol(field="nearly_zero"))))
    return node


def with_noise(panel):
    """The panel with two fields more, which `shaken` reads."""
    rng = np.random.default_rng(0)
    fields = {name: panel.field(name) for name in panel.fields}
    fields["nearly_one"] = 1 + 2.0**-22 * rng.integers(-1, 2, panel.shape)
    fields["nearly_zero"] = 1e-14 * rng.normal(size=panel.shape)
    return Panel.from_arrays(fields, panel.dates, panel.assets, universe=panel.universe)


def alike(exact, other):
    """Cells, bool (T, N), that are the same to within what is called well-conditioned."""
    with np.errstate(invalid="ignore"):
        close = np.abs(exact - other) <= WELL_CONDITIONED * np.abs(exact) + SMALLEST
    return close | (np.isnan(exact) & np.isnan(other))


def compare(pop, panel, define):
    """Share of the cells that float32 can not tell, and how many were compared with a value."""
    noisy = replace(with_noise(panel), groups=panel.groups)
    left_out = compared = 0
    got = signals(Program.from_population(pop), panel, threads=1)
    for formula, values in zip(pop.expressions(), got, strict=True):
        wanted = define(formula, panel)
        told = alike(wanted, define(formula, panel, torch.float32))
        told &= alike(wanted, define(shaken(formula), noisy))
        left_out += (~told).sum()
        differs = told & (np.isnan(values) != np.isnan(wanted))
        assert not differs.any(), f"{render(formula)}: NaN differs on {np.argwhere(differs)[0]}"
        with np.errstate(invalid="ignore"):
            usual = np.nanquantile(np.abs(wanted), 0.9) if np.isfinite(wanted).any() else 0.0
            allowed = TOLERANCE * np.abs(wanted) + CANCELLED * usual + SMALLEST
            worse = told & (np.abs(values - wanted) > allowed)
        assert not worse.any(), (
            f"{render(formula)}: {values[worse][:3]} is not {wanted[worse][:3]} on {np.argwhere(worse)[0]}"
        )
        compared += (told & ~np.isnan(wanted)).sum()
    return left_out / got.size, compared / got.size


@pytest.mark.parametrize("genes", [1, 3])
@pytest.mark.parametrize(("days", "assets"), [(90, 20), (70, 37), (130, 5), (40, 1), (30, 300)])
def test_the_kernel_gives_what_the_reference_defines(days, assets, genes, market, population, define):
    pop = population(60, seed=days * genes, head=7, genes=genes)
    left_out, compared = compare(pop, market(days, assets, seed=assets, universe=genes == 3), define)
    assert left_out < 0.05
    assert compared > 0.1
