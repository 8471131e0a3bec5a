"""Writers of generated images, one for each file layout of a real data set."""
