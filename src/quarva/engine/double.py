"""Tables in float64: squared errors and signals of elementwise formulas, without rounding to float32."""

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.threads import share
from quarva.engine import devices
from quarva.engine.devices import Device
from quarva.engine.kernel.run import double
from quarva.engine.names import place_params
from quarva.engine.program import Program
from quarva.engine.target import Target
from quarva.errors import DeviceError, FormulaError
from quarva.karva.operators import OPERATORS
from quarva.panel import Panel

__all__ = ["add_errors", "check_device", "write_signals"]


def check_device(device: Device) -> None:
    """Raise DeviceError for a GPU, which computes in float32 only, and for an unknown device."""
    devices.check_device(device)
    if device == "cuda":
        raise DeviceError("the table is computed in float64, which only the CPU does; take the device cpu")


def add_errors(
    program: Program, panel: Panel, target: Target, acc: NDArray[np.float64], threads: int
) -> None:
    """Add the squared errors of formulas to `acc`, as `engine.evaluate` returns it.

    Raises
    ------
    FormulaError
        A formula reads a field that the panel lacks, or holds an operator that is not elementwise.
    """
    nodes, fields, longest = _operands(program, panel)

    def work(first: int, last: int) -> None:
        double.add_errors(
            first, last, program.offset, nodes, fields, target.values, target.least, target.segments,
            *_scratch(fields, longest), acc,
        )  # fmt: skip

    share(work, len(program), threads)


def write_signals(program: Program, panel: Panel, threads: int) -> NDArray[np.float64]:
    """The signals of formulas, float64 of shape (P, T, B); raises FormulaError as `add_errors` does."""
    nodes, fields, longest = _operands(program, panel)
    out = np.empty((len(program), *panel.shape))

    def work(first: int, last: int) -> None:
        double.write_signals(first, last, program.offset, nodes, fields, *_scratch(fields, longest), out)

    share(work, len(program), threads)
    return out


def _scratch(fields: NDArray[np.float64], longest: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scratch arrays for the values of a formula's nodes on a block, and for the row of each node."""
    n_fields, _, width = fields.shape
    return np.empty((n_fields + longest, width)), np.empty(longest, np.int64)


def _operands(program: Program, panel: Panel) -> tuple[tuple[NDArray, ...], NDArray[np.float64], int]:
    """Arrays of nodes and fields for the kernels, and the number of nodes of the longest formula."""
    param = place_params(program, panel.fields, tuple(panel.groups), panel.assets)
    for code in np.unique(program.code[program.code < len(OPERATORS)]):
        operator = OPERATORS[code]
        if operator.kind != "elementwise":
            raise FormulaError(
                f"'{operator.name}' reads other rows, which a table that is computed in float64 does not "
                "allow; leave it out"
            )
    nodes = (
        program.code, program.left, program.right, program.third, param, program.exact_numbers()
    )  # fmt: skip
    fields = np.ascontiguousarray(panel.values, np.float64)
    return nodes, fields, int(program.sizes().max(initial=1))
