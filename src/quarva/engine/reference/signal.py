"""The signal of an expression on a panel, as the operator table defines it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.engine.reference.constants import check_constants, fold
from quarva.engine.reference.cross import cross, group
from quarva.engine.reference.defined import NAN, representable
from quarva.engine.reference.elementwise import elementwise
from quarva.engine.reference.rolling import rolling
from quarva.errors import FormulaError
from quarva.karva.expression import Expression, Symbol

__all__ = ["PanelLike", "signals"]


class PanelLike(Protocol):
    """What is read of a panel: `values` float32 [F, T, N], `fields` their F names, `groups` name → object
    with `codes` int [N] (−1: no group), `universe` bool [T, N] or None."""

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
    operators see NaN outside it and the signal is NaN there; elementwise and rolling operators read
    everything. No NaN cell sends a NaN gradient back.

    Raises FormulaError: an unknown field or group, a window that is missing or too short, a wrong number of
    arguments, a `?` without a value.
    """
    values = torch.as_tensor([] if constants is None else constants, dtype=dtype, device=device).reshape(-1)
    check_constants(expression, len(values))
    open_values = list(values.unbind())
    universe = None if panel.universe is None else torch.tensor(panel.universe, device=device)
    shape = tuple(panel.values.shape[1:])

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
            out = _operator(symbol, args, panel, universe)
        out = torch.where(representable(out), out, NAN)
        return out if storage is None else out.to(storage).to(dtype)

    signal = fold(expression, value)
    return signal if universe is None else torch.where(universe, signal, NAN)


def _operator(symbol: Symbol, args: list[Tensor], panel: PanelLike, universe: Tensor | None) -> Tensor:
    """The operator of a checked symbol on its arguments (each [T, N]): [T, N]."""
    operator = symbol.operator
    assert operator is not None
    if operator.kind == "elementwise":
        return elementwise(operator.name, args)
    if operator.kind == "rolling":
        assert symbol.window is not None
        return rolling(operator.name, args, symbol.window)
    if operator.kind == "cross":
        return cross(operator.name, args[0], universe)
    assert symbol.group is not None
    codes = torch.tensor(panel.groups[symbol.group].codes, device=args[0].device)
    return group(operator.name, args[0], codes, universe)


def _check(symbol: Symbol, n_args: int, panel: PanelLike) -> None:
    """Raise FormulaError if the symbol can not be computed on the panel."""
    if n_args != symbol.arity:
        raise FormulaError(f"'{symbol.name}' takes {symbol.arity} arguments, the formula gives {n_args}")
    if symbol.field is not None and symbol.field not in panel.fields:
        raise FormulaError(_unknown("field", symbol.field, panel.fields))
    operator = symbol.operator
    if operator is None:
        return
    if operator.windowed and (symbol.window is None or symbol.window < operator.min_window):
        raise FormulaError(
            f"'{operator.name}' needs a window of at least {operator.min_window} days, the formula gives "
            f"{'none' if symbol.window is None else symbol.window}"
        )
    if operator.kind == "group" and (symbol.group is None or symbol.group not in panel.groups):
        raise FormulaError(_unknown("group", str(symbol.group), list(panel.groups)))


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
    return f"the panel has no {what} '{name}' (it has: {', '.join(known) or 'none'}){hint}"
