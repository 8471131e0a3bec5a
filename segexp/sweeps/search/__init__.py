"""Hyper-parameter search: ranges of the command line, and the study that Optuna keeps of the trials."""
