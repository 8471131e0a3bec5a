"""A local web page on which a model can be tried."""
