"""Engines: where files are predicted, on this machine or on a cluster."""
