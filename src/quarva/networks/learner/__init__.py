"""`Learner.fit`: from a task to a fitted network, one or many together."""
