"""`Formula`, the public form of an expression: parsed from text, evaluated on panels."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from quarva.engine.evaluate import signals
from quarva.engine.program import Program
from quarva.karva.expression import Expression
from quarva.karva.notation import expression_of, parse, render
from quarva.panel import Panel, as_frame, check_panel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Formula"]


@dataclass(frozen=True, init=False, repr=False)
class Formula:
    """A function of the past of a panel, written as an expression.

    Parameters
    ----------
    expression : str, Expression or Formula
        Text is in infix notation; `Formula.parse` parses other notations and checks the names.

    Raises
    ------
    FormulaError
        A text cannot be parsed, or the argument is of another type.
    """

    expression: Expression

    def __init__(self, expression: "str | Expression | Formula") -> None:
        object.__setattr__(self, "expression", expression_of(expression))

    @classmethod
    def parse(cls, text: str, notation: str = "infix", panel: Panel | None = None) -> "Formula":
        """Parse a formula.

        Parameters
        ----------
        text : str
            The formula.
        notation : str, default "infix"
            One of `quarva.karva.NOTATIONS`.
        panel : Panel, optional
            If given, fields, groups and assets must be those of the panel.

        Raises
        ------
        FormulaError
            The text is invalid. The message gives the column of the error.
        """
        if panel is None:
            return cls(parse(text, notation))
        return cls(
            parse(text, notation, fields=panel.fields, groups=tuple(panel.groups), assets=panel.assets)
        )

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """Compute the signal on a panel.

        Parameters
        ----------
        panel : Panel
            The panel of T days and N assets.

        Returns
        -------
        pandas.DataFrame, shape (T, N)
            By date and asset, in the precision of the panel. NaN means no opinion.

        Raises
        ------
        FormulaError
            The formula reads a field, group or asset that the panel lacks.
        PanelError
            The argument is not a Panel.
        """
        check_panel(panel, "a formula's signal")
        values = signals(Program.from_expressions([self.expression]), panel, threads=1)[0]
        return as_frame(values, panel)

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
