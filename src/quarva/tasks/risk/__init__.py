"""Risk models: split a return into the part that exposures explain and a residual."""

from quarva.tasks.risk.residual import Residual
from quarva.tasks.risk.risk_model import RiskModel

__all__ = ["Residual", "RiskModel"]
