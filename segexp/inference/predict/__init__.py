"""Prediction of files: streamed from the raster to what is written."""
