"""Translation of formulas to instructions: the shared graph, the schedule, and the pieces of a population."""
