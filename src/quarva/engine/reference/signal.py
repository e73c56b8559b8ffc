"""The signal of an expression on a panel, as the operator table defines it."""

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
from quarva.karva.operators import MAX_COUNT, Operator, Parameter
from quarva.panel import first_rows

__all__ = ["PanelLike", "signals"]


class PanelLike(Protocol):
    """What is read of a panel: `values` float32 [F, T, N], `fields` their F names, `groups` name → object
    with `codes` int [N] (−1: no group), `universe` bool [T, N] or None.

    Read where they are: `assets`, N names, for `of_asset`; `conventions`, "quarva" (also where the panel
    has none) or "qlib", see `quarva.panel.conventions`."""

    @property
    def values(self) -> NDArray[Any]: ...
    @property
    def fields(self) -> Sequence[str]: ...
    @property
    def groups(self) -> Mapping[str, Any]: ...
    @property
    def universe(self) -> NDArray[Any] | None: ...


def signals(
    expression: Expression,
    panel: PanelLike,
    *,
    dtype: torch.dtype = torch.float64,
    constants: Tensor | Sequence[float] | None = None,
    storage: torch.dtype | None = None,
    device: str | torch.device = "cpu",
) -> Tensor:
    """The signal of `expression` on `panel`: `dtype` [T, N] on `device`.

    constants: [K], the values of the K `?` in level order; a tensor that requires a gradient gets one
    (`open_numbers` turns the numbers of an expression into `?`). storage: round the value of every node to
    this type, as a kernel does that stores float32; None keeps `dtype` throughout.

    NaN after every node where the value is no finite float32. With a universe, cross-sectional and group
    operators see NaN outside it and the signal is NaN there; elementwise and rolling operators, and
    `of_asset`, read everything. No NaN cell sends a NaN gradient back. By the conventions "qlib" every node
    is NaN before the first day on which its asset has a value in any field.

    Raises FormulaError: an unknown field, group or asset, a window, share or count that is missing or out of
    range, a wrong number of arguments, a `?` without a value.
    """
    values = torch.as_tensor([] if constants is None else constants, dtype=dtype, device=device).reshape(-1)
    check_constants(expression, len(values))
    open_values = list(values.unbind())
    universe = None if panel.universe is None else torch.tensor(panel.universe, device=device)
    shape = tuple(panel.values.shape[1:])
    begins = None
    if getattr(panel, "conventions", "quarva") == "qlib":
        begins = torch.tensor(first_rows(panel.values), device=device)
        begun = torch.arange(shape[0], device=device)[:, None] >= begins

    def value(symbol: Symbol, args: list[Tensor]) -> Tensor:
        _check(symbol, len(args), panel)
        if symbol.field is not None:
            known = panel.values[list(panel.fields).index(symbol.field)]
            out = torch.tensor(known, dtype=dtype, device=device)
        elif symbol.number is not None:
            out = torch.full(shape, symbol.number, dtype=dtype, device=device)
        elif symbol.operator is None:
            out = open_values.pop().expand(shape)  # nodes come last first, and so do the values
        else:
            out = _operator(symbol, args, panel, universe, begins)
        out = torch.where(representable(out), out, NAN)
        if begins is not None:
            out = torch.where(begun, out, NAN)
        return out if storage is None else out.to(storage).to(dtype)

    signal = fold(expression, value)
    return signal if universe is None else torch.where(universe, signal, NAN)


def _operator(
    symbol: Symbol, args: list[Tensor], panel: PanelLike, universe: Tensor | None, begins: Tensor | None
) -> Tensor:
    """The operator of a checked symbol on its arguments (each [T, N]): [T, N].

    begins: int [N], first row of each asset, where the panel's conventions are Qlib's.
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
    """Raise FormulaError if the symbol can not be computed on the panel."""
    if n_args != symbol.arity:
        raise FormulaError(f"'{symbol.name}' takes {symbol.arity} arguments, the formula gives {n_args}")
    if symbol.field is not None and symbol.field not in panel.fields:
        raise FormulaError(_unknown("field", symbol.field, panel.fields))
    operator = symbol.operator
    if operator is None:
        return
    for parameter in operator.parameters:
        _check_parameter(operator, parameter, getattr(symbol, parameter), panel)


def _check_parameter(operator: Operator, parameter: Parameter, given: Any, panel: PanelLike) -> None:
    """Raise FormulaError if what a symbol carries beside its arguments is missing, or out of range."""
    if parameter == "group" and given not in panel.groups:
        raise FormulaError(_unknown("group", str(given), list(panel.groups)))
    if parameter == "asset" and given not in _assets(panel):
        raise FormulaError(_unknown("asset", str(given), _assets(panel)))
    stated = "none" if given is None else given
    if parameter == "window" and (given is None or given < operator.min_window):
        raise FormulaError(
            f"'{operator.name}' needs a window of at least {operator.min_window} days, "
            f"the formula gives {stated}"
        )
    if parameter == "share" and (given is None or not operator.allows_share(given)):
        raise FormulaError(f"'{operator.name}' needs a share {operator.shares}, the formula gives {stated}")
    if parameter == "count" and (given is None or not 2 <= given <= MAX_COUNT):
        raise FormulaError(f"'{operator.name}' needs a count of 2 to {MAX_COUNT}, the formula gives {stated}")


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"the panel has no {what} '{name}' (it has: {shown or 'none'}){hint}"
