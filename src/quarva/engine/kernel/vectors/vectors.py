"""LLVM features that Numba does not expose: the preferred vector width and fused multiply-add."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["REASSOCIATE", "fma", "full_width", "multiply_add"]

REASSOCIATE = {"reassoc", "contract", "nsz"}
"""Fast-math flags with which LLVM may vectorise sums; NaN is still handled correctly."""


@intrinsic
def full_width(typing_context: Any) -> Any:
    """Compile the calling function with the widest vectors of the machine, and never inline it.

    LLVM prefers vectors of 256 bits if the processor may reduce its frequency for 512 bits. Arithmetic loops
    take two thirds of the time with 512 bits (exp of 2,048 numbers: 0.39 instead of 0.58 ns per number on a
    Xeon of 2023). The preference is an attribute of the function with the loop, which inlining would lose.
    """

    def generate(context, builder, signature, arguments):
        attributes = builder.function.attributes
        attributes.add("noinline")
        set.add(attributes, '"prefer-vector-width"="512"')  # llvmlite's `add` rejects string attributes
        return context.get_dummy_value()

    return types.none(), generate


def _intrinsic_of_three(name, a, b, c):
    """Signature and code of an LLVM intrinsic of three numbers of one type."""

    def generate(context, builder, signature, arguments):
        real = arguments[0].type
        call = builder.module.declare_intrinsic(name, [real], ir.FunctionType(real, [real] * 3))
        return builder.call(call, arguments)

    return a(a, a, a), generate


@intrinsic
def multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c for numbers of one float type, as one instruction if the machine has it."""
    return _intrinsic_of_three("llvm.fmuladd", a, b, c)


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a · b + c for numbers of one float type, rounded once on every machine."""
    return _intrinsic_of_three("llvm.fma", a, b, c)
