"""Plots of the report as inline SVG, which follows light and dark and stays sharp; from plain files, no matplotlib."""
