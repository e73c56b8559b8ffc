"""Shared by all benchmarks: simulated bars, clocks, processes, a cache of runs, result tables."""
