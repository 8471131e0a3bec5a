"""Postprocessing: objects of a mask made clean, exact for rasters of any size."""
