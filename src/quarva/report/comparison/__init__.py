"""Renders a comparison of searchers as an HTML page, a PNG or terminal output."""

from quarva.report.comparison.data import ComparisonData, ConvergencePlot, Curve
from quarva.report.comparison.page import render, write
from quarva.report.comparison.png import write_png
from quarva.report.comparison.terminal import draw

__all__ = ["ComparisonData", "ConvergencePlot", "Curve", "draw", "render", "write", "write_png"]
