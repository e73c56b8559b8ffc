"""Shared parts of the definitions on windows with gaps: the window, its moments, and Qlib's threshold.

The rules are those of pyqlib 0.9.7, which are largely those of pandas' `rolling(w, min_periods=1)`; see
`quarva.panel.conventions`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from quarva.engine.reference.defined import NAN, ratio, root

__all__ = ["FLAT", "Part", "standardised_part"]

FLAT = 2e-5
"""In Qlib, corr and rsquare are NaN if the standard deviation of a window is at most this."""


@dataclass(frozen=True)
class Part:
    """Windows of which some days may be missing.

    Attributes
    ----------
    x : Tensor, shape (days, N, w)
        The windows. The last axis runs from the oldest day to today. 0 marks a missing value.
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
        """Create a part from windows of shape (days, N, w) with NaN for missing values."""
        here = ~windows.isnan()
        return cls(torch.where(here, windows, 0.0), here, rows)

    def where(self, also: Tensor) -> "Part":
        """Copy the part, with the values outside the mask `also` marked as missing."""
        here = self.here & also
        return Part(torch.where(here, self.x, 0.0), here, self.rows)

    @property
    def n(self) -> Tensor:
        """Number of values of each window, float (days, N); at least 1, to avoid a division by zero."""
        return self.here.sum(-1).clamp(min=1).to(self.x.dtype)

    @property
    def age(self) -> Tensor:
        """Age in days along the last axis: w − 1 (oldest day) … 0 (today)."""
        w = self.x.shape[-1]
        return torch.arange(w - 1, -1, -1, dtype=self.x.dtype, device=self.x.device)

    def least(self, n: int, value: Tensor) -> Tensor:
        """`value`, shape (days, N), where a window has at least n values, else NaN."""
        return torch.where(self.here.sum(-1) >= n, value, NAN)

    def today(self, value: Tensor) -> Tensor:
        """`value`, shape (days, N), where a window has a value today, else NaN."""
        return torch.where(self.here[..., -1], value, NAN)

    def centre(self, of: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of the values, shape (days, N), and deviations from it, which are 0 for missing values.

        The oldest value is subtracted first, so that the deviations of equal values are exactly 0.
        """
        oldest = of.detach().gather(-1, self.here.to(torch.int8).argmax(-1, keepdim=True))
        shifted = torch.where(self.here, of - oldest, 0.0)
        mean = shifted.sum(-1, keepdim=True) / self.n[..., None]
        return (oldest + mean).squeeze(-1), torch.where(self.here, shifted - mean, 0.0)

    def spread(self) -> Tensor:
        """Standard deviation with n − 1, shape (days, N); 0 for a single value."""
        squares = self.centre(self.x)[1].square().sum(-1)
        return root(squares / (self.n - 1).clamp(min=1))


def standardised_part(part: Part) -> Tensor:
    """(x − mean) / std; 0 for missing values, NaN where std = 0."""
    return ratio(part.centre(part.x)[1], part.spread()[..., None])
