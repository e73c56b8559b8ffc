"""Vector types of sixteen lanes, in which the rolling kernels are written.

A rolling operator carries a state from day to day: a sum, a minimum or a sorted window. In a loop over rows
of assets, this state is written to memory and read back every day. Here it is a variable of sixteen lanes
(one per asset), which stays in a register from day to day. LLVM compiles an operation on lanes to one or two
instructions with AVX-512, and to more without. Vectorisation does not depend on an analysis of loops.

    FLOATS: 16 float32; DOUBLES: 16 float64; COUNTS: 16 int32; MASK: 16 booleans
    + - * /          between FLOATS or between DOUBLES; + between COUNTS
    < <= > >= == !=  between FLOATS or between DOUBLES → MASK; NaN compares as in IEEE 754
    & | ^            between MASK

The bits of a lane only depend on the numbers of that lane: operations are not reassociated, and a fused
operation (`muladd`) is fused in every lane.
"""

import operator

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

WIDTH = 16
"""Number of lanes of a vector: that of an AVX-512 register in float32."""


class Lanes(types.Type):
    """Numba type of a vector of sixteen numbers of an LLVM type."""

    def __init__(self, element):
        self.vector = ir.VectorType(element, WIDTH)
        super().__init__(name=f"lanes({element})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, lanes.vector)


FLOATS, DOUBLES = Lanes(ir.FloatType()), Lanes(ir.DoubleType())
COUNTS, MASK = Lanes(ir.IntType(32)), Lanes(ir.IntType(1))
LONG = ir.VectorType(ir.IntType(64), WIDTH)
OF_DTYPE = {types.float32: FLOATS, types.float64: DOUBLES}


# Operators -----------------------------------------------------------------------------------------


def infix(sign, instruction, kinds, result=None):
    """Register an LLVM instruction as the binary operator `sign` of each of the types `kinds`."""

    class Template(ConcreteTemplate):
        cases = [signature(result or kind, kind, kind) for kind in kinds]  # noqa: RUF012

    infer_global(sign)(Template)
    for kind in kinds:
        lower_builtin(sign, kind, kind)(lambda context, builder, sig, args: instruction(builder, *args))


for _sign, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    infix(_sign, getattr(ir.IRBuilder, _name), (FLOATS, DOUBLES))
infix(operator.add, ir.IRBuilder.add, (COUNTS,))
for _sign, _name in ((operator.and_, "and_"), (operator.or_, "or_"), (operator.xor, "xor")):
    infix(_sign, getattr(ir.IRBuilder, _name), (MASK,))
for _sign, _text in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
):
    infix(_sign, lambda builder, a, b, text=_text: builder.fcmp_ordered(text, a, b), (FLOATS, DOUBLES), MASK)
infix(operator.ne, lambda builder, a, b: builder.fcmp_unordered("!=", a, b), (FLOATS, DOUBLES), MASK)


# Functions -----------------------------------------------------------------------------------------


def place(context, builder, array_type, array, index, vector):
    """Pointer to the vector that begins at element `index` of an array, without a bounds check."""
    data = context.make_array(array_type)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


@intrinsic
def load(typing, array, index):
    """Load sixteen numbers from array[index] on, as FLOATS or DOUBLES."""
    kind = OF_DTYPE[array.dtype]

    def generate(context, builder, sig, args):
        read = builder.load(place(context, builder, array, args[0], args[1], kind.vector))
        read.align = array.dtype.bitwidth // 8
        return read

    return kind(array, types.int64), generate


@intrinsic
def store(typing, array, index, value):
    """Store FLOATS or DOUBLES to an array from array[index] on."""

    def generate(context, builder, sig, args):
        written = builder.store(args[2], place(context, builder, array, args[0], args[1], value.vector))
        written.align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.int64, OF_DTYPE[array.dtype]), generate


@intrinsic
def splat(typing, number):
    """FLOATS with a float32, or DOUBLES with a float64, in all lanes."""
    kind = OF_DTYPE[number]

    def generate(context, builder, sig, args):
        empty, first = ir.Constant(kind.vector, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        one = builder.insert_element(empty, args[0], first)
        return builder.shuffle_vector(one, empty, ir.Constant(COUNTS.vector, [0] * WIDTH))

    return kind(number), generate


@intrinsic
def widen(typing, value):
    """Convert FLOATS to DOUBLES."""
    return DOUBLES(FLOATS), lambda context, builder, sig, args: builder.fpext(args[0], DOUBLES.vector)


@intrinsic
def narrow(typing, value):
    """Round DOUBLES to FLOATS; overflow gives ± infinity."""
    return FLOATS(DOUBLES), lambda context, builder, sig, args: builder.fptrunc(args[0], FLOATS.vector)


@intrinsic
def where(typing, mask, value, other):
    """Select `value` where the mask is true, else `other`; both are FLOATS or both are DOUBLES."""
    return value(MASK, value, value), lambda context, builder, sig, args: builder.select(*args)


@intrinsic
def some(typing, mask):
    """True if a lane of the mask is true."""

    def generate(context, builder, sig, args):
        bits = builder.bitcast(args[0], ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(MASK), generate


@intrinsic
def total(typing, value):
    """Pairwise sum of the lanes of DOUBLES, a float64."""

    def generate(context, builder, sig, args):
        shape = ir.FunctionType(ir.DoubleType(), [ir.DoubleType(), DOUBLES.vector])
        name = f"llvm.vector.reduce.fadd.v{WIDTH}f64"
        reduce = cgutils.get_or_insert_function(builder.module, shape, name)
        return builder.call(reduce, [ir.Constant(ir.DoubleType(), 0.0), args[0]], fastmath=("reassoc",))

    return types.float64(DOUBLES), generate


@intrinsic
def ones(typing, mask):
    """COUNTS that are 1 where the mask is true, else 0."""
    return COUNTS(MASK), lambda context, builder, sig, args: builder.zext(args[0], COUNTS.vector)


@intrinsic
def no_counts(typing):
    """COUNTS that are 0."""
    zeros = ir.Constant(COUNTS.vector, [0] * WIDTH)
    return COUNTS(), lambda context, builder, sig, args: zeros


@intrinsic
def as_floats(typing, counts):
    """Convert COUNTS to FLOATS."""
    return FLOATS(COUNTS), lambda context, builder, sig, args: builder.sitofp(args[0], FLOATS.vector)


@intrinsic
def magnitude(typing, value):
    """Absolute value of FLOATS or DOUBLES."""
    return value(value), lambda context, builder, sig, args: call("llvm.fabs", builder, args)


@intrinsic
def floor(typing, value):
    """Largest integer that is not greater, for FLOATS or DOUBLES."""
    return value(value), lambda context, builder, sig, args: call("llvm.floor", builder, args)


@intrinsic
def root(typing, value):
    """Correctly rounded square root of FLOATS or DOUBLES; NaN for negative numbers."""
    return value(value), lambda context, builder, sig, args: call("llvm.sqrt", builder, args)


@intrinsic
def muladd(typing, a, b, c):
    """a · b + c for FLOATS or DOUBLES, fused if the machine has an instruction for it."""
    return a(a, a, a), lambda context, builder, sig, args: call("llvm.fmuladd", builder, args)


def call(name, builder, args):
    """Call an LLVM intrinsic whose arguments are vectors of one type."""
    kind = args[0].type
    suffix = "f32" if kind == FLOATS.vector else "f64"
    declared = ir.FunctionType(kind, [kind] * len(args))
    made = cgutils.get_or_insert_function(builder.module, declared, f"{name}.v{WIDTH}{suffix}")
    return builder.call(made, args)


def bits(builder, value, operations):
    """Apply integer operations to the bits of DOUBLES: pairs of an LLVM instruction and a 64-bit constant."""
    number = builder.bitcast(value, LONG)
    for name, constant in operations:
        number = getattr(builder, name)(number, ir.Constant(LONG, [constant] * WIDTH))
    return number


@intrinsic
def inverse_root_guess(typing, value):
    """1/√value of positive normal DOUBLES with a relative error of 3.5 %, by a shift of the bits.

    See Lomont (2003), Fast Inverse Square Root. The constant for float64 is from Robertson (2012).
    """

    def generate(context, builder, sig, args):
        half = bits(builder, args[0], [("lshr", 1)])
        magic = ir.Constant(LONG, [0x5FE6EB50C7B537A9] * WIDTH)
        return builder.bitcast(builder.sub(magic, half), DOUBLES.vector)

    return DOUBLES(DOUBLES), generate


@intrinsic
def exponent(typing, value):
    """Exponent e of |value| = m · 2^e with 1 ≤ m < 2, as DOUBLES; −1023 for 0, 1024 for NaN."""

    def generate(context, builder, sig, args):
        e = bits(builder, args[0], [("lshr", 52), ("and_", 0x7FF), ("sub", 1023)])
        return builder.sitofp(builder.trunc(e, COUNTS.vector), DOUBLES.vector)

    return DOUBLES(DOUBLES), generate


@intrinsic
def mantissa(typing, value):
    """Signed mantissa ± m (see `exponent`) of DOUBLES that are neither 0 nor NaN."""

    def generate(context, builder, sig, args):
        m = bits(builder, args[0], [("and_", ~(0x7FF << 52)), ("or_", 1023 << 52)])
        return builder.bitcast(m, DOUBLES.vector)

    return DOUBLES(DOUBLES), generate


@intrinsic
def power_of_two(typing, whole):
    """2^whole for DOUBLES that are integers from −1022 to 1023."""

    def generate(context, builder, sig, args):
        number = builder.sext(builder.fptosi(args[0], COUNTS.vector), LONG)
        biased = builder.add(number, ir.Constant(LONG, [1023] * WIDTH))
        return builder.bitcast(builder.shl(biased, ir.Constant(LONG, [52] * WIDTH)), DOUBLES.vector)

    return DOUBLES(DOUBLES), generate
