"""Operators over all assets of a day: ranks, groups and quantiles."""
