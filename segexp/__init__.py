"""segexp: image-segmentation experiments with PyTorch Lightning and Hydra.

Importing the package imports nothing heavy.
"""

__version__ = "0.1.0"
