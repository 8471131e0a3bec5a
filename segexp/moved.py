"""Where modules of version 0.1 lie now: their old names are imported, and read in configs, for one more version."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

MODULES = {
    "segexp.allocator": "segexp.system.allocator",
    "segexp.data.arrays": "segexp.data.datasets.arrays",
    "segexp.data.augment": "segexp.data.sampling.augment",
    "segexp.data.cells": "segexp.data.datasets.cells",
    "segexp.data.drive": "segexp.data.datasets.drive",
    "segexp.data.inria": "segexp.data.datasets.inria",
    "segexp.data.rasters": "segexp.rasters",
    "segexp.data.salt": "segexp.data.datasets.salt",
    "segexp.data.scenes": "segexp.data.synthetic.scenes",
    "segexp.inference.plan": "segexp.windows.plan",
    "segexp.inference.sliding": "segexp.windows.sliding",
    "segexp.metrics.names": "segexp.config.signatures.measure_names",
    "segexp.modules": "segexp.tasks",
    "segexp.reporting.compare": "segexp.report.comparison_page.compare",
    "segexp.run": "segexp.runs",
    "segexp.use.export": "segexp.inference.export",
    "segexp.use.load": "segexp.inference.load",
    "segexp.use.model": "segexp.inference.model",
}
"""Old and new name; what lies below a name moved with it."""

TARGETS = {
    "segexp.data.base.SegmentationDataModule": "segexp.data.base.ImageDataModule",
    "segexp.data.synthetic.SyntheticDataModule": "segexp.data.datasets.synthetic.SyntheticDataModule",
    "segexp.training.loggers.mlflow_logger": "segexp.training.loggers.build.mlflow_logger",
    "segexp.training.loggers.tensorboard_logger": "segexp.training.loggers.build.tensorboard_logger",
    "segexp.training.loggers.wandb_logger": "segexp.training.loggers.build.wandb_logger",
}
"""The same of classes and functions: renamed, or of a module that has become a package."""

KEYS = {
    "segexp.data.folder.FolderDataModule": {"stray": "unknown_values", "unit": "split_by"},
    "segexp.data.datasets.cells.CellsDataModule": {"stray": "unknown_values"},
}
"""Class by its name of today: keys of its section that version 0.1 called otherwise, old and new name."""


def new_name(name: str) -> str:
    """The name that a dotted name of version 0.1 has now; any other name is as it is."""
    if name in TARGETS:
        return TARGETS[name]
    parts = name.split(".")
    for end in range(len(parts), 1, -1):
        if (found := MODULES.get(".".join(parts[:end]))) is not None:
            return ".".join([found, *parts[end:]])
    return name


class _Moved(Loader):
    """Gives the module under its new name, so that its classes exist once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # of the new name; the import of the old one has replaced it


class Finder(MetaPathFinder):
    """Finds modules of version 0.1, and says once where each is now."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """The module under its new name; None for every name that has not moved."""
        if not fullname.startswith("segexp."):
            return None
        name = _PARENTS.get(fullname) or new_name(fullname)
        if name == fullname:
            return None
        if fullname not in _PARENTS:
            line = f"{fullname} is {name} since version 0.2, and is found under its old name until version 0.3"
            warnings.warn(line, FutureWarning, stacklevel=2)
        return spec_from_loader(fullname, _Moved(name))


_PARENTS = {"segexp.use": "segexp.inference", "segexp.reporting": "segexp.report"}
"""Packages that are imported on the way to one of :data:`MODULES`."""


def install() -> None:
    """Lets Python find modules by their old names, too; before its own finders, which would load some of them twice."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


def renamed(old: str, new: str) -> None:
    """Warns, where it is used, that something of version 0.1 has another name now."""
    line = f"{old} is called {new} since version 0.2, and is found under its old name until version 0.3"
    warnings.warn(line, FutureWarning, stacklevel=3)


def warn_of_directions(cls: type) -> None:
    """Warns of a measure or task that names its figures as version 0.1 did, ``directions = {"mae": "min"}``."""
    if "directions" in vars(cls):
        warnings.warn(
            f"{cls.__qualname__}.directions is read until version 0.3; since version 0.2 a measure or task says "
            'figure_specs = {"name": FigureSpec("max", label="Name", unit="", meaning="what it says")}',
            FutureWarning,
            stacklevel=3,
        )
