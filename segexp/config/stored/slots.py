"""The places of a config that hold objects, and from which class of which packages each may come in a stored file."""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from segexp.config.lineage import Definition, annotation, classes_in, definition, is_below
from segexp.config.settled_forms import LIST, OWN_CALLBACKS

PACKAGES = ("segexp", "torch.nn", "torch.optim", "torchmetrics", "lightning.pytorch", "segmentation_models_pytorch")
"""What segexp is made of: their classes are built from a stored config without ``trust=``."""
_IMAGE_NETWORKS = ("arniqa", "dists", "fid", "inception", "kid", "lpip", "mifid", "perceptual_path_length")
LOADERS = (
    "torchmetrics.text", "torchmetrics.multimodal", "torchmetrics.audio", "torchmetrics.video",
    "torchmetrics.functional", *(f"torchmetrics.image.{name}" for name in _IMAGE_NETWORKS),
    "segexp.training.callbacks", "lightning.pytorch.demos",
    *(f"lightning.pytorch.loggers.{name}" for name in ("comet", "litlogger", "mlflow", "neptune", "wandb")),
)  # fmt: skip
"""Not these parts of them: their classes read whole networks from a folder or an address, write where a key says, or
send what a run holds to the account of a key."""
HARMLESS = tuple(str(usual["_target_"]) for usual in OWN_CALLBACKS.values())
"""But these classes of them, which read and write nothing."""


@dataclass(frozen=True)
class Slot:
    """A place for an object.

    Attributes:
        bases: Public names of classes; one in this place is one of them or comes from one.
        packages: Where it may come from without ``trust=``.
        functions: The functions that may stand here all the same.
        inner: Keys of the object that hold objects of the same kind, beside those whose annotation says so.
        words: Whether a word, which names one of Lightning's own, or a list may stand there too.
    """

    bases: tuple[str, ...]
    packages: tuple[str, ...] = PACKAGES
    functions: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    words: bool = False

    @property
    def described(self) -> str:
        """For messages."""
        return f"a class below {' or '.join(self.bases)}"

    def fits(self, found: Definition) -> bool:
        """Returns whether a class or function may stand here, whatever package it is of."""
        if not found.is_class:
            return found.dotted in self.functions
        return is_below(found, _defined(self.bases))

    def stranger(self, target: str, found: Definition, trusted: Collection[str]) -> str | None:
        """The package that has to be trusted first: of the dotted path as it is written, or where the class really is.

        None: none has.
        """
        known = (*self.packages, *trusted)
        paths = [path for path in (target, found.dotted) if not _below(path, known) or self._loads(path, trusted)]
        if not paths:
            return None
        top = paths[0].split(".")[0]
        # All of torch is no answer to one class of it.
        mixed = top in {package.split(".")[0] for package in self.packages}
        return paths[0].rpartition(".")[0] if mixed else top

    def _loads(self, path: str, trusted: Collection[str]) -> bool:
        return _below(path, LOADERS) and not _below(path, (*trusted, *HARMLESS))

    def of_key(self, key: str, found: Definition | None) -> "Slot | None":
        """The place that a key of the object in this one is; None: no object may stand there."""
        said = annotation(found, key) if found is not None else None
        classes = [each.dotted for each in classes_in(*said) if is_below(each, _defined(_ROOTS))] if said else []
        if classes:
            return replace(self, bases=tuple(classes), functions=(), inner=())
        if key in self.inner:
            return TRANSFORMS if self.bases == AUGMENT.bases else self
        return None


def _below(path: str, packages: Collection[str]) -> bool:
    return any(path == package or path.startswith(f"{package}.") for package in packages)


@functools.cache
def _defined(bases: tuple[str, ...]) -> frozenset[str]:
    """The names of the bases where they are defined."""
    return frozenset({*bases, *(found.dotted for base in bases if (found := definition(base)) is not None)})


_ALBUMENTATIONS = (
    "albumentations.core.transforms_interface.BasicTransform",
    "albumentations.core.composition.BaseCompose",
)
TRANSFORMS = Slot(_ALBUMENTATIONS, (*PACKAGES, "albumentations"), inner=("transforms",))
AUGMENT = Slot(("segexp.data.sampling.augment.Augment",), inner=("transforms",))
SCHEDULER = Slot(("torch.optim.lr_scheduler.LRScheduler",), inner=("schedulers",))
CALLBACK = Slot(("lightning.pytorch.Callback",))
LOSS = Slot(("torch.nn.Module",), inner=("terms",))
_PLUGINS = ("lightning.pytorch.plugins.Precision", "lightning.pytorch.plugins.LayerSync")
PLUGIN = Slot(_PLUGINS, words=True)
_LOGGERS = tuple(f"segexp.training.loggers.build.{name}_logger" for name in ("wandb", "tensorboard", "mlflow"))

SLOTS: Mapping[tuple[str, ...], Slot] = {
    ("model",): Slot(("torch.nn.Module",)),
    ("loss",): LOSS,
    ("optimizer",): Slot(("torch.optim.Optimizer",)),
    ("scheduler",): SCHEDULER,
    ("scheduler", "target"): SCHEDULER,
    ("augment",): AUGMENT,
    ("task",): Slot(("segexp.tasks.base.BaseTask", "lightning.pytorch.LightningModule")),
    ("target",): Slot(("segexp.spec.Target",)),
    ("datamodule",): Slot(("segexp.data.base.ImageDataModule", "lightning.pytorch.LightningDataModule")),
    ("metric", "*"): Slot(("segexp.metrics.base.ImageMeasure", "torchmetrics.Metric")),
    ("callbacks", "*"): CALLBACK,
    ("callbacks", "extra", "*"): CALLBACK,
    ("trainer", "strategy"): Slot(("lightning.pytorch.strategies.Strategy",), words=True),
    ("trainer", "profiler"): Slot(("lightning.pytorch.profilers.Profiler",), words=True),
    ("trainer", "plugins"): PLUGIN,
    ("trainer", "plugins", "*"): PLUGIN,
    ("logger", "*"): Slot(("lightning.pytorch.loggers.Logger",), functions=_LOGGERS),
}
"""By the path of the key; ``*``: any name or number."""

_ROOTS = tuple(dict.fromkeys(base for slot in (*SLOTS.values(), TRANSFORMS) for base in slot.bases))


def slot_at(path: tuple[str, ...]) -> Slot | None:
    """The slot that a key is."""
    if path == ("callbacks", LIST):
        return None  # the list of version 0.1, whose items are slots
    for pattern, slot in SLOTS.items():
        if len(pattern) == len(path) and all(want in ("*", have) for want, have in zip(pattern, path, strict=True)):
            return slot
    return None
