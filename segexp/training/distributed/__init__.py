"""One training on several processes: who they are, how they start, and how all of them end together."""
