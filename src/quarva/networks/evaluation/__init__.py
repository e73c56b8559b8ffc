"""Networks evaluated by the task's own scores, beside their baselines."""
