"""segexp: image-segmentation experiments with PyTorch Lightning and Hydra.

Importing the package imports nothing heavy. ``from segexp import compose, train, Run``: experiments from Python, and
runs as objects; ``load`` gives the models of earlier runs, ``load_task`` those of any kind of task,
``load_autoencoder`` those of reconstructions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segexp.moved import install
from segexp.version import VERSION

if TYPE_CHECKING:
    from segexp.api.compose import compose
    from segexp.api.run import Run
    from segexp.api.train import train
    from segexp.inference.autoencoder import load_autoencoder
    from segexp.inference.load import load, load_task

__version__ = VERSION
__all__ = ["Run", "__version__", "compose", "load", "load_autoencoder", "load_task", "train"]

_MODULES = {
    "compose": "segexp.api.compose",
    "train": "segexp.api.train",
    "Run": "segexp.api.run",
    "load": "segexp.inference.load",
    "load_task": "segexp.inference.load",
    "load_autoencoder": "segexp.inference.autoencoder",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is first asked for: what loads models needs torch."""
    if name in _MODULES:
        # By name, or the walls of the house would take it for an import of every program.
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'segexp' has no attribute {name!r}")


install()
