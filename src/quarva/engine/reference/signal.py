"""The signal of an expression on a panel, as defined by the operator table."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.engine.reference.constants import check_constants, fold
from quarva.engine.reference.cross import cross, group, of_asset
from quarva.engine.reference.defined import NAN, representable
from quarva.engine.reference.elementwise import elementwise
from quarva.engine.reference.rolling import rolling
from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol
from quarva.karva.numbers import nearest_float32
from quarva.karva.operators import MAX_COUNT, Operator, Parameter
from quarva.panel import first_rows, last_rows

__all__ = ["PanelLike", "signals"]


class PanelLike(Protocol):
    """The attributes of a panel that the reference reads.

    Further attributes are optional: `assets`, the N names, for the operator `of_asset`; `conventions`,
    "quarva" (the default) or "qlib" (see `quarva.panel.conventions`); and `precision`, "float32" (the
    default) or "float64" (see `quarva.panel.precision`).
    """

    @property
    def values(self) -> NDArray[Any]:
        """float32 of shape (F, T, N), or float64 with the precision "float64"."""
        ...

    @property
    def fields(self) -> Sequence[str]:
        """Names of the F fields."""
        ...

    @property
    def groups(self) -> Mapping[str, Any]:
        """By name, objects with an attribute `codes`, int of shape (N,), −1 for no group."""
        ...

    @property
    def universe(self) -> NDArray[Any] | None:
        """bool of shape (T, N), or None."""
        ...


def signals(
    expression: Expression,
    panel: PanelLike,
    *,
    dtype: torch.dtype = torch.float64,
    constants: Tensor | Sequence[float] | None = None,
    storage: torch.dtype | None = None,
    device: str | torch.device = "cpu",
) -> Tensor:
    """Compute the signal of an expression on a panel.

    Parameters
    ----------
    expression : Expression
        The expression.
    panel : PanelLike
        The panel of T days and N assets.
    dtype : torch.dtype, default torch.float64
        Type of all computations.
    constants : Tensor or sequence of float, length K, optional
        The values of the K `?` in level order. A tensor that requires a gradient receives one. See
        `extract_constants`.
    storage : torch.dtype, optional
        Round the value of every node to this type, like a kernel that stores float32. By default, values are
        not rounded.
    device : str or torch.device, default "cpu"
        The device.

    Returns
    -------
    Tensor, shape (T, N)
        The signal. NaN means no opinion.

    Raises
    ------
    FormulaError
        A field, group or asset is unknown; a window, share or count is missing or out of range; the number
        of arguments is wrong; or a `?` has no value.

    Notes
    -----
    Number literals are rounded to float32 unless the panel's precision is "float64".

    The value of a node is NaN where it is not finite in float32. NaN cells never cause NaN gradients.

    With a universe, cross-sectional and group operators treat cells outside it as NaN, and the signal is NaN
    there. Elementwise and rolling operators and `of_asset` read all cells.

    With the conventions "qlib", every node is NaN before the first and after the last day on which its asset
    has a value in any field.
    """
    values = torch.as_tensor([] if constants is None else constants, dtype=dtype, device=device).reshape(-1)
    check_constants(expression, len(values))
    open_values = list(values.unbind())
    universe = None if panel.universe is None else torch.tensor(panel.universe, device=device)
    shape = tuple(panel.values.shape[1:])
    in_float64 = getattr(panel, "precision", "float32") == "float64"
    begins = None
    if getattr(panel, "conventions", "quarva") == "qlib":
        begins = torch.tensor(first_rows(panel.values), device=device)
        days = torch.arange(shape[0], device=device)[:, None]
        listed = (days >= begins) & (days <= torch.tensor(last_rows(panel.values), device=device))

    def value(symbol: Symbol, args: list[Tensor]) -> Tensor:
        _check(symbol, len(args), panel)
        if symbol.field is not None:
            known = panel.values[list(panel.fields).index(symbol.field)]
            out = torch.tensor(known, dtype=dtype, device=device)
        elif symbol.number is not None:
            number = symbol.number if in_float64 else nearest_float32(symbol.number)
            out = torch.full(shape, number, dtype=dtype, device=device)
        elif symbol.operator is None:
            out = open_values.pop().expand(shape)  # nodes are visited in reverse level order
        else:
            out = _operator(symbol, args, panel, universe, begins)
        out = torch.where(representable(out), out, NAN)
        if begins is not None:
            out = torch.where(listed, out, NAN)
        return out if storage is None else out.to(storage).to(dtype)

    signal = fold(expression, value)
    return signal if universe is None else torch.where(universe, signal, NAN)


def _operator(
    symbol: Symbol, args: list[Tensor], panel: PanelLike, universe: Tensor | None, begins: Tensor | None
) -> Tensor:
    """Apply the operator of a checked symbol to its arguments, each of shape (T, N).

    `begins`, int of shape (N,), is the first row of each asset, or None unless Qlib's conventions apply.
    """
    operator = symbol.operator
    assert operator is not None
    if operator.kind == "elementwise":
        return elementwise(operator.name, args, "quarva" if begins is None else "qlib")
    if operator.kind == "rolling":
        return rolling(symbol, args, begins)
    if symbol.asset is not None:
        return of_asset(args[0], _assets(panel).index(symbol.asset))
    if operator.kind == "cross":
        return cross(symbol, args, universe)
    assert symbol.group is not None
    codes = torch.tensor(panel.groups[symbol.group].codes, device=args[0].device)
    return group(operator.name, args[0], codes, universe)


def _assets(panel: PanelLike) -> list[str]:
    return [str(name) for name in getattr(panel, "assets", ())]


def _check(symbol: Symbol, n_args: int, panel: PanelLike) -> None:
    """Raise FormulaError if the symbol cannot be computed on the panel."""
    if n_args != symbol.arity:
        raise FormulaError(
            f"'{symbol.name}' takes {symbol.arity} arguments, the formula gives {n_args}: "
            f"write {'more' if n_args < symbol.arity else 'fewer'}"
        )
    if symbol.field is not None and symbol.field not in panel.fields:
        raise FormulaError(_unknown("field", symbol.field, panel.fields))
    operator = symbol.operator
    if operator is None:
        return
    for parameter in operator.parameters:
        _check_parameter(operator, parameter, getattr(symbol, parameter), panel)


def _check_parameter(operator: Operator, parameter: Parameter, given: Any, panel: PanelLike) -> None:
    """Raise FormulaError if a parameter of a symbol is missing or out of range."""
    if parameter == "group" and given not in panel.groups:
        raise FormulaError(_unknown("group", str(given), list(panel.groups)))
    if parameter == "asset" and given not in _assets(panel):
        raise FormulaError(_unknown("asset", str(given), _assets(panel)))
    shown = "none" if given is None else given
    if parameter == "window" and (given is None or given < operator.min_window):
        raise FormulaError(
            f"'{operator.name}' needs a window of at least {operator.min_window} days, "
            f"the formula gives {shown}"
        )
    if parameter == "share" and (given is None or not operator.allows_share(given)):
        raise FormulaError(f"'{operator.name}' needs a share {operator.shares}, the formula gives {shown}")
    if parameter == "count" and (given is None or not 2 <= given <= MAX_COUNT):
        raise FormulaError(f"'{operator.name}' needs a count of 2 to {MAX_COUNT}, the formula gives {shown}")


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """Message for a name that the panel does not have."""
    nearest = get_close_matches(name, known, n=1)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"the panel has no {kind} '{name}' (it has: {shown or 'none'}){hint}"
