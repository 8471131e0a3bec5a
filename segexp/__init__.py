"""segexp: image-segmentation experiments with PyTorch Lightning and Hydra.

Importing the package imports nothing heavy; ``from segexp import load`` gives the models of earlier runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segexp.moved import install
from segexp.version import VERSION

if TYPE_CHECKING:
    from segexp.inference.load import load

__version__ = VERSION
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """``load``, which needs torch, is imported when it is first asked for."""
    if name == "load":
        # By name, or the walls of the house would take it for an import of every program.
        return import_module("segexp.inference.load").load
    raise AttributeError(f"module 'segexp' has no attribute {name!r}")


install()
