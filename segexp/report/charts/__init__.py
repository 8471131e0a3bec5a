"""Charts of numbers and texts: one definition (Vega-Lite), drawn by a script on a page, and into files without one."""
