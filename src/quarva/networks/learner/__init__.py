"""From a task to a fitted network: `Learner`, `Fitted` and `sweep`."""
