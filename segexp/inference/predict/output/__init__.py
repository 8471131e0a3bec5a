"""Outputs of a prediction: maps, their files, polygons and places."""
