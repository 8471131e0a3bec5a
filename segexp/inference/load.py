"""Builds the model of an earlier run from its checkpoint alone."""

from collections.abc import Collection, Sequence
from typing import Any

from segexp.errors import ConfigError
from segexp.inference.mask_model import MaskSettings, mask_model
from segexp.inference.members import NoLoss, RunModel, load_member, load_members, only_segmentation, segmentations
from segexp.inference.model import Model
from segexp.inference.stored_network import StoredNetwork, load_network
from segexp.inference.task_model import TaskModel
from segexp.rasters import DEFAULT_GB, Limit
from segexp.runs.checkpoints import RunPath
from segexp.tasks.base import BaseTask
from segexp.tasks.dense import DenseTask
from segexp.tasks.tta import Precision, Tta

__all__ = [
    "MaskSettings",
    "NoLoss",
    "RunModel",
    "StoredNetwork",
    "load",
    "load_member",
    "load_members",
    "load_network",
    "load_task",
    "mask_model",
    "segmentations",
    "task_model",
]


def load(
    run: RunPath | Sequence[RunPath],
    checkpoint: str = "best",
    *,
    tta: Tta | None = None,
    threshold: float | None = None,
    device: str = "auto",
    inference: dict[str, Any] | None = None,
    precision: Precision = "float32",
    image_limit: float = DEFAULT_GB,
    trust: Collection[str] = (),
    bands: Sequence[int] | None = None,
    scale: float | str | None = None,
) -> Model:
    """Loads the model of a run, ready to predict; several runs make an ensemble (mean of their probabilities).

    ::

        from segexp import load

        model = load("outputs/drive_cunet/2026-11-24_20-20-50_1a2b")
        mask = model.predict("image.png")  # uint8 (H, W)

    Everything needed is in the checkpoint. A checkpoint from somebody else runs no code: only classes of segexp, torch
    and the like are built. One of your own must be importable, and its package named: ``trust=["my_package"]``.

    Args:
        run: Run folder, checkpoint file, file of ``export format=safetensors``, glob of such, or a list of them.
        checkpoint: ``best``, ``last``, or a path inside the run folder.
        tta: Test-time augmentation, ``none``, ``flips`` or ``d4``; None: as in the test of the run.
        threshold: Probability at and above which a pixel is of the second of two classes; None: the one that the run
            chose on its validation images; of an ensemble the mean of those.
        device: ``auto``, ``cpu``, ``gpu`` (or ``cuda``), ``mps``.
        inference: Keys of the section ``inference`` that differ from those of the run: ``window``, ``overlap``,
            ``blend``, ``batch_size``.
        precision: ``float32``, as in the test of a run, or ``bfloat16``: on many machines faster by half and more,
            while probabilities differ in the third digit.
        image_limit: GB of memory that one image may take: a small file may declare pixels that fill the machine.
        trust: Packages beside segexp's own whose classes the run may name; those of the environment variable
            SEGEXP_TRUST count too.
        bands: Which bands of files are the model's channels, in their order, numbered from 1; None: as in training.
        scale: At which size images are seen: a factor such as 0.5; a longer side in pixels, ``"128px"`` or a whole
            number from 16 on; ``"auto"``: that of the training images. Probabilities are resampled back to the image's
            own size. None: as the exported file says, else as they are.

    Raises:
        StoredError: The checkpoint asks for more than data may: another package, a function, the environment.
        DataError: There is no such run or checkpoint, or the file is none of segexp's.
        ConfigError: A setting cannot be.
        MismatchError: The runs of an ensemble have different classes or channels.
    """
    settings = MaskSettings(tta, threshold, inference, precision, scale)
    members = load_members(run, checkpoint, device, trust)
    return mask_model([only_segmentation(member) for member in members], settings, bands, Limit(image_limit))


def load_task(
    run: RunPath,
    checkpoint: str = "best",
    *,
    device: str = "auto",
    image_limit: float = DEFAULT_GB,
    trust: Collection[str] = (),
    bands: Sequence[int] | None = None,
) -> TaskModel:
    """Loads the model of a run of any kind of task, ready to predict.

    ::

        from segexp import load_task

        model = load_task("outputs/mnist_cae/2026-11-24_20-20-50_1a2b")
        outputs = model.outputs("image.png")  # float32 (K, ...)
        said = model.predict("image.png")  # .values and .image, where the task says what its outputs mean

    Args:
        run: Run folder or checkpoint file.
        checkpoint: As for :func:`load`.
        device: As for :func:`load`.
        image_limit: As for :func:`load`.
        trust: As for :func:`load`: packages whose task, target and model the run may name.
        bands: As for :func:`load`.

    Raises:
        StoredError: The checkpoint asks for more than data may.
        DataError: There is no such run or checkpoint, or several, or the file is none of segexp's.
    """
    return task_model(load_members(run, checkpoint, device, trust), bands, Limit(image_limit))


def task_model(
    members: Sequence[RunModel[BaseTask]],
    bands: Sequence[int] | None,
    limit: Limit,
    settings: MaskSettings | None = None,
) -> TaskModel:
    """The model of one run of any kind, asked as its test asked it.

    Args:
        members: One checkpoint.
        bands: As for :func:`load`.
        limit: What one image may take of the memory.
        settings: Of a command; those that its kind does not have are refused.

    Raises:
        ConfigError: There are several runs, or a setting is for other kinds of task.
    """
    first, *others = members
    kind, settings = first.module.spec.kind, settings or MaskSettings()
    if others:
        raise ConfigError(
            f"run: found {len(members)} runs, but {first.source.name} is of kind {kind}, and segmentations alone make "
            "an ensemble; give one"
        )
    for key in ("threshold", "scale"):
        if (value := getattr(settings, key)) is not None:
            raise ConfigError(f"{key}: found {value}, but {first.source.name} is of kind {kind}; leave it")
    module = first.module
    if isinstance(module, DenseTask):
        module = module.seen_by(
            tta=settings.tta or first.config.tta, precision=settings.precision, inference=settings.inference
        )
    elif settings.tta not in (None, "none") or settings.precision != "float32" or settings.inference:
        raise ConfigError(
            f"run: {first.source.name} is of kind {kind}, whose outputs are not of pixels: tta, precision and "
            "inference are not for it; leave them"
        )
    module.requires_grad_(requires_grad=False)
    return TaskModel(module, first.source, first.config, bands, limit)
