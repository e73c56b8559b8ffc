"""Draws what a search found as one HTML page. It must not know how to search, and writes only the page."""

from quarva.report.data import ReportData
from quarva.report.page import render, write

__all__ = ["ReportData", "render", "write"]
