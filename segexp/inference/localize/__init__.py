"""``localize``: where in an image a classifier sees a class, by class activation maps."""
