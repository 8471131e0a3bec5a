"""A run that goes on, in its own folder or from a checkpoint: what is there, whether it fits, what comes along."""
