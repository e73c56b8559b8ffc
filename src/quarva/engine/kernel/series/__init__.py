"""Rolling operators: the last w days of one asset, for a tile of assets and a chunk of days at a time.

This room knows an operand as rows of numbers in memory; it must not know programs, panels or dates.
"""
