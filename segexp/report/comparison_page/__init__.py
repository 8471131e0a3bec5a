"""Several runs beside each other, read from their folders alone; the entry is ``compare``."""
