"""Values and derivatives in float64 agree with the reference for every elementwise operator."""

import numpy as np
import pytest
import torch

from quarva.engine.kernel.run import slopes
from quarva.engine.reference.elementwise import elementwise
from quarva.karva.operators import CODE, OPERATORS, Operator

ELEMENTWISE = [operator for operator in OPERATORS if operator.kind == "elementwise"]
HARD = np.array([-np.inf, -3e38, -2.5, -2.0, -1.0, -1e-30, -0.0, 0.0, 1e-30, 0.5, 1.0, 3.0, 89.0, 3e38])


def value_of(operator, args):
    out = np.empty(len(args[0]))
    function = (slopes.value_unary, slopes.value_binary, slopes.value_ternary)[operator.arity - 1]
    return out, function(CODE[operator.name], *args, out)


def slopes_of(operator, args, out, g):
    """Derivatives with respect to each argument; the kernel adds them to zeros."""
    code, along = CODE[operator.name], [np.zeros(len(g)) for _ in args]
    if operator.arity == 1:
        slopes.slopes_unary(code, args[0], out, g, along[0])
    elif operator.arity == 2:
        slopes.slopes_binary(code, *args, out, g, *along)
    else:
        slopes.slopes_ternary(code, args[0], g, *along[1:])
    return along


@pytest.mark.parametrize("operator", ELEMENTWISE, ids=lambda operator: operator.name)
def test_values_and_their_validity_agree_with_the_reference(operator: Operator) -> None:
    grid = np.meshgrid(*[HARD[1:]] * operator.arity)
    args = [np.ascontiguousarray(each.ravel()) for each in grid]
    correct = elementwise(operator.name, [torch.tensor(each) for each in args]).numpy()
    for i in range(len(correct)):
        got, valid = value_of(operator, [each[i : i + 1] for each in args])
        assert valid == np.isfinite(correct[i]), [each[i] for each in args]
        if valid:
            np.testing.assert_allclose(got[0], correct[i], rtol=1e-13)


@pytest.mark.parametrize("operator", ELEMENTWISE, ids=lambda operator: operator.name)
def test_derivatives_agree_with_autograd(operator: Operator) -> None:
    rng = np.random.default_rng(3)
    args = [np.concatenate([rng.normal(0, 2, 300), [0.0, 1.0, -1.0, 2.0]]) for _ in range(operator.arity)]
    args = [rng.permutation(each) for each in args]
    tensors = [torch.tensor(each, requires_grad=True) for each in args]
    values = elementwise(operator.name, tensors)
    valid = np.isfinite(values.detach().numpy())
    g = rng.normal(size=len(valid))
    if values.requires_grad:
        torch.where(torch.tensor(valid), values * torch.tensor(g), 0.0).sum().backward()
    found = slopes_of(operator, args, value_of(operator, args)[0], g)
    ties = np.zeros(len(valid), bool) if operator.arity == 1 else args[0] == args[1]
    valid &= ~ties if operator.name in ("min", "max") else True  # torch splits the gradient of a tie
    for tensor, got in zip(tensors, found, strict=True):
        expected = np.zeros(len(g)) if tensor.grad is None else tensor.grad.numpy()
        np.testing.assert_allclose(got[valid], expected[valid], rtol=1e-12, atol=1e-12)


def test_a_repeated_argument_gets_the_sum_of_both_derivatives() -> None:
    x, g, along = np.array([3.0, -2.0]), np.ones(2), np.zeros(2)
    slopes.slopes_binary(CODE["mul"], x, x, x * x, g, along, along)
    np.testing.assert_array_equal(along, 2 * x)
