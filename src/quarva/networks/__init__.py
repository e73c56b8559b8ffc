"""Functions that learn: what networks are shown, and small networks of torch's own layers."""

from quarva.networks.checking import check_layout, layout_of
from quarva.networks.layout import LAYOUTS, Layout
from quarva.networks.models import NETWORKS
from quarva.networks.windows import Windows

__all__ = ["LAYOUTS", "NETWORKS", "Layout", "Windows", "check_layout", "layout_of"]
