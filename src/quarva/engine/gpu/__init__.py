"""The GPU kernel. Import this package, which imports `numba.cuda`, only if a GPU is requested."""
