"""Fitting of networks to tasks: `Learner`, `Fitted` and `sweep`."""
