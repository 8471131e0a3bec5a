"""segexp: image-segmentation experiments with PyTorch Lightning and Hydra.

Importing the package imports nothing heavy; ``from segexp import load`` gives the models of earlier runs,
``load_task`` those of any kind of task, ``load_autoencoder`` those of reconstructions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segexp.moved import install
from segexp.version import VERSION

if TYPE_CHECKING:
    from segexp.inference.autoencoder import load_autoencoder
    from segexp.inference.load import load, load_task

__version__ = VERSION
__all__ = ["__version__", "load", "load_autoencoder", "load_task"]

_LOADERS = {
    "load": "segexp.inference.load",
    "load_task": "segexp.inference.load",
    "load_autoencoder": "segexp.inference.autoencoder",
}


def __getattr__(name: str) -> Any:
    """What loads models needs torch: it is imported when it is first asked for."""
    if name in _LOADERS:
        # By name, or the walls of the house would take it for an import of every program.
        return getattr(import_module(_LOADERS[name]), name)
    raise AttributeError(f"module 'segexp' has no attribute {name!r}")


install()
