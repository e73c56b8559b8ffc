"""Layout of a formula's tree: operators above their arguments, without overlaps."""

from dataclasses import dataclass, field

from quarva.report.data import Node

__all__ = ["Box", "Drawing", "draw"]

CHARACTER = 7.9  # pixels: advance of a 13 px monospace character
PADDING = 11.0  # on each side of a label
HEIGHT = 28.0
GAP = 14.0  # between neighbouring nodes
LEVEL = 62.0  # vertical distance of two levels


@dataclass(frozen=True, slots=True)
class Box:
    """A drawn node: centre, width, label and kind."""

    x: float
    y: float
    width: float
    label: str
    kind: str


@dataclass(slots=True)
class Drawing:
    """Boxes and the paths between them, in pixels from the top left corner."""

    width: float
    height: float
    boxes: list[Box] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    box_height: float = HEIGHT


@dataclass(slots=True)
class _Subtree:
    """Layout of a subtree with its root at 0; `left` and `right` are its contour by level."""

    node: Node
    width: float
    children: list["_Subtree"]
    offsets: list[float]
    left: list[float]
    right: list[float]


def _lay_out(node: Node) -> _Subtree:
    """Place children as close as their contours allow and the parent above their centre.

    References
    ----------
    Reingold, E. M. and Tilford, J. S. (1981). Tidier drawings of trees. IEEE Transactions on Software
    Engineering 7(2), 223-228.
    """
    width = max(HEIGHT, len(node.label) * CHARACTER + 2 * PADDING)
    children = [_lay_out(child) for child in node.children]
    offsets: list[float] = []
    left: list[float] = []
    right: list[float] = []
    for child in children:
        shift = (
            max((r - a + GAP for r, a in zip(right, child.left, strict=False)), default=0.0)
            if offsets
            else 0.0
        )
        offsets.append(shift)
        for level, (a, b) in enumerate(zip(child.left, child.right, strict=True)):
            if level < len(right):
                right[level] = shift + b
            else:
                left.append(shift + a)
                right.append(shift + b)
    middle = (offsets[0] + offsets[-1]) / 2 if offsets else 0.0
    return _Subtree(
        node,
        width,
        children,
        [offset - middle for offset in offsets],
        [-width / 2] + [a - middle for a in left],
        [width / 2] + [b - middle for b in right],
    )


def draw(root: Node) -> Drawing:
    """Lay out the tree under `root` so that no two boxes overlap."""
    placed = _lay_out(root)
    left, right = min(placed.left), max(placed.right)
    drawing = Drawing(right - left + 4, (len(placed.left) - 1) * LEVEL + HEIGHT + 4)
    stack = [(placed, 2 - left, 2 + HEIGHT / 2)]
    while stack:
        part, x, y = stack.pop()
        drawing.boxes.append(Box(x, y, part.width, part.node.label, part.node.kind))
        for child, offset in zip(part.children, part.offsets, strict=True):
            below, down = x + offset, y + LEVEL
            top, bottom = y + HEIGHT / 2, down - HEIGHT / 2
            half = (top + bottom) / 2
            drawing.edges.append(
                f"M{x:.1f} {top:.1f}C{x:.1f} {half:.1f} {below:.1f} {half:.1f} {below:.1f} {bottom:.1f}"
            )
            stack.append((child, below, down))
    return drawing
