"""TIFF files: their header, their strips and tiles, and the libraries that decode them."""
