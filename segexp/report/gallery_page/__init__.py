"""One page of all runs below a folder: found by data set, model, task, tag, state and measure."""
