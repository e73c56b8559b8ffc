"""Windows with gaps: rolling operators that skip NaN and answer from an asset's first value on.

The rules are those of `quarva.panel.conventions`, "qlib". This room must not know why one may want them.
"""
