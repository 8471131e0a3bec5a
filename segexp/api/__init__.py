"""segexp from Python: compose and train an experiment as the command line does, and look at runs."""
