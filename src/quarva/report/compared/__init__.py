"""Draws a comparison of searchers: a page, a still picture, a terminal. It knows neither runs nor folders."""

from quarva.report.compared.data import Band, Compared, Race
from quarva.report.compared.page import render, write
from quarva.report.compared.png import write_png
from quarva.report.compared.terminal import draw

__all__ = ["Band", "Compared", "Race", "draw", "render", "write", "write_png"]
