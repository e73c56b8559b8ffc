"""Formulas that live: a day in, its signals out, and a state on disk between. It must not know a target, a
search, or how signals become positions.
"""

from quarva.live.days import Days, read_days
from quarva.live.feed import Answer, Rules, feed
from quarva.live.lines import days_in_lines
from quarva.live.stream import Stream

__all__ = ["Answer", "Days", "Rules", "Stream", "days_in_lines", "feed", "read_days"]
