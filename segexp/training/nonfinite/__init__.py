"""Training steps whose loss or gradient is nan or infinite: found, explained, kept on the disk, left out."""
