"""Training on from earlier weights of whatever network: what is taken over, and what of it is frozen."""
