"""Neural networks: inputs, small torch modules, training and evaluation."""

from quarva.networks.data.layout import LAYOUTS, Layout
from quarva.networks.data.windows import Windows
from quarva.networks.learner.fitted import Fitted
from quarva.networks.learner.learner import Learner
from quarva.networks.learner.sweep import Sweep, sweep
from quarva.networks.models.checking import check_layout, layout_of
from quarva.networks.models.models import NETWORKS
from quarva.networks.training.losses import LOSSES
from quarva.networks.training.training import Epoch

__all__ = [
    "LAYOUTS",
    "LOSSES",
    "NETWORKS",
    "Epoch",
    "Fitted",
    "Layout",
    "Learner",
    "Sweep",
    "Windows",
    "check_layout",
    "layout_of",
    "sweep",
]
