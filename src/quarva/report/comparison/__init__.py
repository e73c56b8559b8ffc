"""Draws a comparison of searchers: a page, a still picture, a terminal. It knows neither runs nor folders."""

from quarva.report.comparison.data import Band, Compared, Race
from quarva.report.comparison.page import render, write
from quarva.report.comparison.png import write_png
from quarva.report.comparison.terminal import draw

__all__ = ["Band", "Compared", "Race", "draw", "render", "write", "write_png"]
