"""Live evaluation: formulas take one day at a time and return its signals; their state is kept in a file.

This package must not depend on targets, searches or strategies.
"""

from quarva.live.days import Days, read_days
from quarva.live.feed import FeedResult, FeedRules, feed
from quarva.live.lines import days_in_lines
from quarva.live.stream import Stream

__all__ = ["Days", "FeedResult", "FeedRules", "Stream", "days_in_lines", "feed", "read_days"]
