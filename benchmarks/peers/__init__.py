"""Code that runs peers, most of it in a Python environment of their own."""
