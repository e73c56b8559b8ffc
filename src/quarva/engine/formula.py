"""A formula as a user holds it: text in, signal out."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from quarva.engine.evaluate import signals
from quarva.engine.program import Program
from quarva.karva.expression import Expression
from quarva.karva.notation import expression_of, parse, render
from quarva.panel import Panel, check_panel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Formula"]


@dataclass(frozen=True, init=False, repr=False)
class Formula:
    """A function of the past of a panel, written as an expression.

    Parameters
    ----------
    expression : str, Expression or Formula
        Text is read in infix notation; `Formula.parse` reads other notations and checks the names.

    Raises
    ------
    FormulaError
        A text that cannot be read, or anything else.
    """

    expression: Expression

    def __init__(self, expression: "str | Expression | Formula") -> None:
        object.__setattr__(self, "expression", expression_of(expression))

    @classmethod
    def parse(cls, text: str, notation: str = "infix", panel: Panel | None = None) -> "Formula":
        """Read a formula; with a panel, its fields and groups are checked.

        Raises:
            FormulaError: the text can not be read; the message marks the place.
        """
        if panel is None:
            return cls(parse(text, notation))
        return cls(
            parse(text, notation, fields=panel.fields, groups=tuple(panel.groups), assets=panel.assets)
        )

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """The signal on a panel, in its precision: dates × assets, NaN = no opinion.

        Raises:
            FormulaError: the formula reads a field or group that the panel lacks.
        """
        import pandas as pd

        check_panel(panel, "a formula's signal")
        values = signals(Program.from_expressions([self.expression]), panel, threads=1)[0]
        index = pd.DatetimeIndex(panel.dates, name="date")
        return pd.DataFrame(values, index=index, columns=pd.Index(panel.assets, name="asset"))

    @cached_property
    def text(self) -> str:
        """The formula in infix notation."""
        return render(self.expression, "infix")

    @property
    def karva(self) -> str:
        """The formula as a K-expression."""
        return render(self.expression, "karva")

    @property
    def qlib(self) -> str:
        """The formula in Qlib's notation."""
        return render(self.expression, "qlib")

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return render(self.expression, "latex")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    def __len__(self) -> int:
        return len(self.expression)
