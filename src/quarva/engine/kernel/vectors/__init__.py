"""Vectors and rows as the kernels hold them."""
