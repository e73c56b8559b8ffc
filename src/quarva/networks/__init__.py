"""Functions that learn: what networks are shown, small networks of torch's own layers, and their training."""

from quarva.networks.checking import check_layout, layout_of
from quarva.networks.fitted import Fitted
from quarva.networks.layout import LAYOUTS, Layout
from quarva.networks.learner import Learner
from quarva.networks.losses import LOSSES
from quarva.networks.models import NETWORKS
from quarva.networks.sweeping import Sweep, sweep
from quarva.networks.training import Epoch
from quarva.networks.windows import Windows

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
