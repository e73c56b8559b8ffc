"""Risk models: what part of a return is paid for exposures, and what is left of it."""

from quarva.tasks.risk.residual import Residual
from quarva.tasks.risk.risk_model import RiskModel

__all__ = ["Residual", "RiskModel"]
