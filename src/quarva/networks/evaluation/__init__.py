"""Evaluation of trained networks with the scores of the task and against baselines."""
