"""Mutated price files: what the reader makes of them."""
