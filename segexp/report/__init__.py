"""Figures, tables and the HTML report of a run: from plain files, without torch and lightning."""
