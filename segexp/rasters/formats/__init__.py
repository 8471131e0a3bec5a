"""File formats: each is a raster of which the header is read at once and pixels when they are asked for."""
