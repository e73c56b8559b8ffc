"""On random formulas, the kernel agrees with the reference where the value is well-conditioned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from quarva.engine import Program, signals
from quarva.karva import Expression, Symbol, render
from quarva.panel import Panel

WELL_CONDITIONED = 1e-5
TOLERANCE = 1e-4
SMALLEST = 1e-37  # the smallest normal float32 is 1.2e-38
CANCELLED = 1e-12  # relative to the usual size of the signal: below this, float64 has no significant digit
EXACT = {"ref", "min", "max", "neg", "abs", "sign", "ts_min", "ts_max", "ts_argmin", "ts_argmax", "ts_rank"}
CENTRED = {
    "corr", "skew", "kurt", "ts_zscore", "zscore", "slope", "rsquare", "resi", "residual", "group_zscore",
}  # fmt: skip  # ratios whose terms may cancel


def perturbed(expression: Expression) -> Expression:
    """The formula with a random rounding error after every operator that rounds."""
    node = Expression(expression.symbol, tuple(perturbed(arg) for arg in expression.args))
    if node.symbol.operator is None or node.symbol.operator.name in EXACT:
        return node
    node = Expression(Symbol.function("mul"), (node, Expression(Symbol(field="nearly_one"))))
    if expression.symbol.operator.name in CENTRED:
        node = Expression(Symbol.function("add"), (node, Expression(Symbol(field="nearly_zero"))))
    return node


def with_noise(panel):
    """The panel with the two further fields that `perturbed` reads."""
    rng = np.random.default_rng(0)
    fields = {name: panel.field(name) for name in panel.fields}
    fields["nearly_one"] = 1 + 2.0**-22 * rng.integers(-1, 2, panel.shape)
    fields["nearly_zero"] = 1e-14 * rng.normal(size=panel.shape)
    return Panel.from_arrays(fields, panel.dates, panel.assets, universe=panel.universe)


def well_conditioned(exact, other):
    """True for cells (T, N) that a perturbation hardly changes."""
    with np.errstate(invalid="ignore"):
        close = np.abs(exact - other) <= WELL_CONDITIONED * np.abs(exact) + SMALLEST
    return close | (np.isnan(exact) & np.isnan(other))


def compare(pop, panel, define):
    """Compare the kernel with the reference; return the shares of cells left out and of values compared."""
    noisy = replace(with_noise(panel), groups=panel.groups)
    left_out = compared = 0
    got = signals(Program.from_population(pop), panel, threads=1)
    for formula, values in zip(pop.expressions(), got, strict=True):
        correct = define(formula, panel)
        stable = well_conditioned(correct, define(formula, panel, torch.float32))
        stable &= well_conditioned(correct, define(perturbed(formula), noisy))
        left_out += (~stable).sum()
        differs = stable & (np.isnan(values) != np.isnan(correct))
        assert not differs.any(), f"{render(formula)}: NaN differs on {np.argwhere(differs)[0]}"
        with np.errstate(invalid="ignore"):
            usual = np.nanquantile(np.abs(correct), 0.9) if np.isfinite(correct).any() else 0.0
            allowed = TOLERANCE * np.abs(correct) + CANCELLED * usual + SMALLEST
            worse = stable & (np.abs(values - correct) > allowed)
        assert not worse.any(), (
            f"{render(formula)}: {values[worse][:3]} is not {correct[worse][:3]} on {np.argwhere(worse)[0]}"
        )
        compared += (stable & ~np.isnan(correct)).sum()
    return left_out / got.size, compared / got.size


@pytest.mark.parametrize("genes", [1, 3])
@pytest.mark.parametrize(("days", "assets"), [(90, 20), (70, 37), (130, 5), (40, 1), (30, 300)])
def test_the_kernel_agrees_with_the_reference(days, assets, genes, market, population, define):
    pop = population(60, seed=days * genes, head=7, genes=genes)
    left_out, compared = compare(pop, market(days, assets, seed=assets, universe=genes == 3), define)
    assert left_out < 0.05
    assert compared > 0.1
