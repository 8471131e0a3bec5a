"""Sweeps: many jobs, one process each, that can be stopped and gone on with at any moment."""
