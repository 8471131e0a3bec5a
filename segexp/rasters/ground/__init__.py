"""Places on the ground: read from an image or the files beside it, compared, and written."""
