"""segexp: image-segmentation experiments with PyTorch Lightning and Hydra.

Importing the package imports nothing heavy; ``from segexp import load`` gives the models of earlier runs,
``load_task`` those of any kind of task.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segexp.moved import install
from segexp.version import VERSION

if TYPE_CHECKING:
    from segexp.inference.load import load, load_task

__version__ = VERSION
__all__ = ["__version__", "load", "load_task"]


def __getattr__(name: str) -> Any:
    """``load`` and ``load_task``, which need torch, are imported when they are first asked for."""
    if name in ("load", "load_task"):
        # By name, or the walls of the house would take it for an import of every program.
        return getattr(import_module("segexp.inference.load"), name)
    raise AttributeError(f"module 'segexp' has no attribute {name!r}")


install()
