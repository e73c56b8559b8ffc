"""Operators that need all assets of a day: ranks, groups, quantiles."""
