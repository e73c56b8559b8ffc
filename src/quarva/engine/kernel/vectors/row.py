"""A row of float32 numbers as a pointer and a size, for fast calls of operators on little data.

Numba passes an array as seven words. An operator with two arguments and a result then takes 22 words, most of
them through memory, which accounts for 8 of the 16 ns of an addition of 32 numbers. A row is two words, which
stay in registers. Code for arrays that uses `x[i]`, `x[first:last]` and `x.size` also works for rows, but
negative indices are not supported.
"""

import hashlib
import operator
from pathlib import Path

from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, make_attribute_wrapper, models, register_model

__all__ = ["row_of"]


class Row(types.Type):
    """Numba type of a row.

    Compiled code is cached by the names of its argument types, so the name contains a digest of this file.
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


def make_row(context, builder, data, size):
    """Create a row of `size` numbers at an address."""
    row = cgutils.create_struct_proxy(ROW)(context, builder)
    row.data, row.size = data, size
    return row._getvalue()


def address(context, builder, row, index):
    """Address of a number of a row."""
    return builder.gep(cgutils.create_struct_proxy(ROW)(context, builder, row).data, [index])


@intrinsic
def row_of(typing, rows, k, size):
    """The first `size` numbers of rows[k] as a row. `rows` is a contiguous float32 matrix."""

    def generate(context, builder, sig, args):
        array = context.make_array(sig.args[0])(context, builder, args[0])
        stride = cgutils.unpack_tuple(builder, array.shape)[1]
        return make_row(context, builder, builder.gep(array.data, [builder.mul(args[1], stride)]), args[2])

    return ROW(rows, types.intp, types.intp), generate


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
    return make_row(
        context, builder, address(context, builder, args[0], bounds.start),
        builder.sub(bounds.stop, bounds.start),
    )  # fmt: skip
