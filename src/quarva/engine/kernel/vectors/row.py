"""A row of float32 numbers as its address and how many there are: what operators are handed on little data.

Numba hands an array over as seven words, so that an operator of two arguments and a result gets twenty-two,
most of them by way of memory: 8 of the 16 ns that adding 32 numbers takes. A row is two words, which stay in
registers. What is written for arrays (`x[i]`, `x[first:last]`, `x.size`) takes rows as well; indices count
from the front.
"""

import hashlib
import operator
from pathlib import Path

from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, make_attribute_wrapper, models, register_model

__all__ = ["row_of"]


class Row(types.Type):
    """Numba's name for a row.

    Compiled code is kept by the names of its arguments' types: this one changes with what is said here.
    """

    def __init__(self):
        digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
        super().__init__(name=f"row({digest})")


ROW = Row()


@register_model(Row)
class RowModel(models.StructModel):
    def __init__(self, manager, row):
        super().__init__(manager, row, [("data", types.CPointer(types.float32)), ("size", types.intp)])


make_attribute_wrapper(Row, "size", "size")


def made(context, builder, data, size):
    """The row of so many numbers from this address on."""
    row = cgutils.create_struct_proxy(ROW)(context, builder)
    row.data, row.size = data, size
    return row._getvalue()


def address(context, builder, row, index):
    """Address of a row's number."""
    return builder.gep(cgutils.create_struct_proxy(ROW)(context, builder, row).data, [index])


@intrinsic
def row_of(typing, places, place, size):
    """The first `size` numbers of places[place], a contiguous float32 array of two axes."""

    def generate(context, builder, sig, args):
        array = context.make_array(sig.args[0])(context, builder, args[0])
        apart = cgutils.unpack_tuple(builder, array.shape)[1]
        return made(context, builder, builder.gep(array.data, [builder.mul(args[1], apart)]), args[2])

    return ROW(places, types.intp, types.intp), generate


@infer_global(operator.getitem)
class Read(AbstractTemplate):
    def generic(self, args, kws):
        if isinstance(args[0], Row):
            if isinstance(args[1], types.SliceType):
                return signature(ROW, ROW, types.slice2_type)
            return signature(types.float32, ROW, types.intp)
        return None


@infer_global(operator.setitem)
class Write(AbstractTemplate):
    def generic(self, args, kws):
        return signature(types.none, ROW, types.intp, types.float32) if isinstance(args[0], Row) else None


@lower_builtin(operator.getitem, Row, types.intp)
def read(context, builder, sig, args):
    return builder.load(address(context, builder, *args))


@lower_builtin(operator.setitem, Row, types.intp, types.float32)
def write(context, builder, sig, args):
    builder.store(args[2], address(context, builder, args[0], args[1]))
    return context.get_dummy_value()


@lower_builtin(operator.getitem, Row, types.slice2_type)
def cut(context, builder, sig, args):
    bounds = context.make_helper(builder, sig.args[1], args[1])
    return made(
        context, builder, address(context, builder, args[0], bounds.start),
        builder.sub(bounds.stop, bounds.start),
    )  # fmt: skip
