"""What Numba can not say by itself: vectors as wide as the machine has, multiplication and sum in one."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["REASSOCIATE", "fma", "full_width", "multiply_add"]

REASSOCIATE = {"reassoc", "contract", "nsz"}
"""Fast mathematics that lets LLVM sum in several lanes; NaN keeps its meaning."""


@intrinsic
def full_width(typing_context: Any) -> Any:
    """Let the function that calls this be compiled to the widest vectors there are, and never be inlined.

    LLVM prefers vectors of 256 bits where a processor may slow down for 512; loops of arithmetic take two
    thirds of the time with those (exp of 2,048 numbers: 0.39 instead of 0.58 ns a number, Xeon of 2023). The
    wish is an attribute of the function that holds the loop, and inlining would lose it.
    """

    def generate(context, builder, signature, arguments):
        attributes = builder.function.attributes
        attributes.add("noinline")
        set.add(attributes, '"prefer-vector-width"="512"')  # llvmlite's own `add` takes no LLVM string
        return context.get_dummy_value()

    return types.none(), generate


def _joined(name, a, b, c):
    def generate(context, builder, signature, arguments):
        real = arguments[0].type
        call = builder.module.declare_intrinsic(name, [real], ir.FunctionType(real, [real] * 3))
        return builder.call(call, arguments)

    return a(a, a, a), generate


@intrinsic
def multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c of three numbers of one float type, as one instruction where the machine has one."""
    return _joined("llvm.fmuladd", a, b, c)


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c of three numbers of one float type, rounded once on every machine."""
    return _joined("llvm.fma", a, b, c)
