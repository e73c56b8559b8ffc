"""Elementwise kernels agree with the float64 reference up to a number of units in the last place."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from quarva.engine.kernel.functions.elementwise import binary, binary_qlib, ternary, ternary_qlib, unary
from quarva.engine.reference.elementwise import elementwise
from quarva.karva.operators import CODE, OPERATORS

NAN, LARGEST = np.nan, np.finfo(np.float32).max
NAMES = {
    arity: [op.name for op in OPERATORS if op.kind == "elementwise" and op.arity == arity]
    for arity in (1, 2, 3)
}
ULP = {"exp": 0.9, "log": 0.95, "sin": 2.2, "cos": 2.2, "tanh": 2.6, "power": 0.52, "signed_power": 0.52}
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
CALLS = {1: unary, 2: binary, 3: ternary}
SPECIAL = np.array(
    [0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, 1e-45, -1e-45, 1e-38, 88.7, 88.73, -87.5, -100, -104,
     0.625, 9.1, 262_145, 1e9, -4e9, 1e30, 16_777_216, 33_554_434, LARGEST, -LARGEST, NAN],
    np.float32,
)  # fmt: skip


def kernel(name, *args, call=None):
    out = np.empty_like(args[0])
    (call or CALLS[len(args)])(CODE[name], *args, out)
    return out


def define(name, *args, conventions="quarva"):
    correct = elementwise(name, [torch.tensor(arg.astype(float)) for arg in args], conventions).numpy()
    return np.where(np.abs(correct) <= LARGEST, correct, NAN)


def units(got, correct):
    """Distance in units in the last place of a float32 of the size of the correct value."""
    ulp = np.ldexp(1.0, np.maximum(np.frexp(correct)[1] - 24, -149))
    return np.abs(got - correct) / ulp


def assert_close(name, args, got, correct):
    apart = np.flatnonzero(np.isnan(got) != np.isnan(correct))
    # Near the largest float32, rounding decides whether the result overflows.
    largest = np.abs(np.nan_to_num(np.where(np.isnan(got), correct, got)))[apart] > 0.9999999 * LARGEST
    apart = apart[~largest]
    assert not apart.size, (
        f"{name} of {[arg[apart[0]] for arg in args]}: {got[apart[0]]}, {correct[apart[0]]}"
    )
    both = ~np.isnan(got) & ~np.isnan(correct)
    distance = np.where(both, units(got, np.where(both, correct, 1.0)), 0.0)
    worst = distance.argmax()
    at = [float(arg[worst]) for arg in args]
    assert distance[worst] <= ULP.get(name, 0.5), f"{name} of {at}: {got[worst]} is not {correct[worst]}"


def spread(n, seed, limit=None):
    """Random float32 of all magnitudes, or uniform within ±limit."""
    rng = np.random.default_rng(seed)
    if limit is not None:
        return rng.uniform(-limit, limit, n).astype(np.float32)
    bits = rng.integers(0, 0x7F800000, n) | (rng.integers(0, 2, n) << 31)
    return bits.astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("name", NAMES[1])
def test_a_function_of_one_argument_agrees_with_the_reference(name):
    for x in (SPECIAL, spread(300_000, 0), spread(300_000, 1, 1.0), spread(300_000, 2, 110.0)):
        assert_close(name, (x,), kernel(name, x), define(name, x))


@pytest.mark.parametrize("name", NAMES[2])
def test_a_function_of_two_arguments_agrees_with_the_reference(name):
    x, y = (grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL))
    samples = [
        (x, y),
        (spread(100_000, 0), spread(100_000, 1)),
        (spread(100_000, 2, 10.0), spread(100_000, 3, 30.0)),
        (spread(100_000, 4, 30.0), spread(100_000, 5, 15.0).round()),
        (1 + spread(100_000, 6, 1e-3), spread(100_000, 7, 1e4)),
        (spread(100_000, 8, 2.0).round(), spread(100_000, 9, 2.0).round()),
    ]
    for x, y in samples:
        assert_close(name, (x, y), kernel(name, x, y), define(name, x, y))


@pytest.mark.parametrize("name", NAMES[3])
def test_a_function_of_three_arguments_agrees_with_the_reference(name):
    args = [np.repeat(spread(9, seed, 2.0).round(), 1) for seed in range(3)]
    c, x, y = (grid.ravel() for grid in np.meshgrid(*(np.append(arg, np.float32(NAN)) for arg in args)))
    assert_close(name, (c, x, y), kernel(name, c, x, y), define(name, c, x, y))
    correct = define(name, c, x, y, conventions="qlib")
    assert_close(name, (c, x, y), kernel(name, c, x, y, call=ternary_qlib), correct)


@pytest.mark.parametrize("name", NAMES[2])
def test_with_qlib_conventions_a_comparison_with_nan_is_false(name):
    x, y = (grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL))
    got = kernel(name, x, y, call=binary_qlib)
    if name in COMPARISONS:
        np.testing.assert_array_equal(got, define(name, x, y, conventions="qlib"))
    else:
        np.testing.assert_array_equal(got, kernel(name, x, y))


@pytest.mark.parametrize("name", NAMES[1] + NAMES[2])
@pytest.mark.parametrize("limit", [1e9, 100.0], ids=["far", "near"])
def test_a_cell_does_not_depend_on_its_neighbours(name, limit):
    args = [spread(203, seed, limit) for seed in range(1 if name in NAMES[1] else 2)]
    whole = kernel(name, *args)
    for cut in (1, 16, 37, 64, 150):
        parts = [kernel(name, *(np.ascontiguousarray(half) for half in halves)) for halves in (
            [arg[:cut] for arg in args], [arg[cut:] for arg in args],
        )]  # fmt: skip
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_exact_values_are_exact():
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    assert kernel("exp", zero) == 1
    assert kernel("log", one) == 0
    assert kernel("cos", zero) == 1
    whole = np.arange(1, 257, dtype=np.float32)
    for exponent in (1, 2, 3):
        np.testing.assert_array_equal(kernel("power", whole, np.full_like(whole, exponent)), whole**exponent)
    np.testing.assert_array_equal(kernel("power", whole**2, np.full_like(whole, 0.5)), whole)


def test_bounded_functions_stay_within_one():
    for seed, limit in enumerate((2.0, 20.0, 1e4, 1e9)):
        x = spread(500_000, seed, limit)
        for name in ("sin", "cos", "tanh"):
            assert np.abs(kernel(name, x)).max() <= 1, f"{name} within ±{limit}"


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_odd_functions_are_odd_and_cos_is_even(v):
    x = np.array([v, -v], np.float32)
    for name in ("sin", "tanh"):
        value, mirrored = kernel(name, x)
        assert value == -mirrored
    value, mirrored = kernel("cos", x)
    assert value == mirrored
