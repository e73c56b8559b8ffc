"""Searchers beside each other and beside iMCTS: speed, planted formulas, exact recovery."""
