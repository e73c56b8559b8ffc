"""What the definitions on windows with gaps share: the window, its moments, and Qlib's threshold.

The rules are those of pyqlib 0.9.7, which are largely those of pandas' `rolling(w, min_periods=1)`; see
`quarva.panel.conventions`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio, root

__all__ = ["FLAT", "Part", "standardised_part"]

FLAT = 2e-5
"""Qlib gives no corr and no rsquare where the standard deviation of a window is at most this."""


@dataclass(frozen=True)
class Part:
    """Windows of which some days may be missing.

    Attributes
    ----------
    x : Tensor, shape (days, N, w)
        The last axis runs from the oldest day to today; 0 where there is no value.
    here : Tensor of bool, shape (days, N, w)
        True where there is a value.
    rows : Tensor of int, shape (days, N)
        Number of rows of the window since the asset began, 0 … w.
    """

    x: Tensor
    here: Tensor
    rows: Tensor

    @classmethod
    def of(cls, windows: Tensor, rows: Tensor) -> "Part":
        """From windows [days, N, w] with NaN where there is no value."""
        here = ~windows.isnan()
        return cls(torch.where(here, windows, 0.0), here, rows)

    def where(self, also: Tensor) -> "Part":
        """The same with values only where `also`, bool of the same shape."""
        here = self.here & also
        return Part(torch.where(here, self.x, 0.0), here, self.rows)

    @property
    def n(self) -> Tensor:
        """How many values there are, as a float [days, N]; 1 where there are none, and nothing is asked."""
        return self.here.sum(-1).clamp(min=1).to(self.x.dtype)

    @property
    def age(self) -> Tensor:
        """k of x_k along the last axis: w − 1 (oldest) … 0 (today)."""
        w = self.x.shape[-1]
        return torch.arange(w - 1, -1, -1, dtype=self.x.dtype, device=self.x.device)

    def least(self, n: int, value: Tensor) -> Tensor:
        """`value` [days, N] where there are at least n values, else NaN."""
        return torch.where(self.here.sum(-1) >= n, value, NAN)

    def today(self, value: Tensor) -> Tensor:
        """`value` [days, N] where there is one today, else NaN."""
        return torch.where(self.here[..., -1], value, NAN)

    def centre(self, of: Tensor) -> tuple[Tensor, Tensor]:
        """Mean [days, N] of the values there, and deviations from it, 0 elsewhere.

        Taken about the oldest value: deviations are exactly 0 where all values are equal.
        """
        oldest = of.detach().gather(-1, self.here.to(torch.int8).argmax(-1, keepdim=True))
        shifted = torch.where(self.here, of - oldest, 0.0)
        mean = shifted.sum(-1, keepdim=True) / self.n[..., None]
        return (oldest + mean).squeeze(-1), torch.where(self.here, shifted - mean, 0.0)

    def spread(self) -> Tensor:
        """std [days, N], with n − 1; 0 for one value."""
        squares = self.centre(self.x)[1].square().sum(-1)
        return root(squares / (self.n - 1).clamp(min=1))


def standardised_part(part: Part) -> Tensor:
    """(x − mean) / std, 0 where there is no value; NaN where std = 0."""
    return ratio(part.centre(part.x)[1], part.spread()[..., None])
