"""Builds the model of an earlier run from its checkpoint alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from hydra.utils import get_class
from torch import Tensor, nn

from segexp.config.experiment import RunConfig
from segexp.config.migration import migrated_stored, migration_note
from segexp.config.schema import ObjectConfig
from segexp.config.stored.check import check_stored
from segexp.config.stored.plain_values import refuse_references
from segexp.errors import ConfigError, DataError, MismatchError, ResourceError, SegexpError, one_line
from segexp.inference.model import Model, threshold_logit
from segexp.inference.stored_weights import load_network_weights, network_weights, refuse_mismatch
from segexp.inference.task_model import TaskModel
from segexp.losses.base import SegmentationLoss
from segexp.metrics.log_odds import probability
from segexp.rasters import DEFAULT_GB, Limit
from segexp.runs.archive import check_archive
from segexp.runs.checkpoints import RunPath, Source, find_sources
from segexp.runs.console import LOG
from segexp.spec import DataSpec, Target
from segexp.system.causes import cause_of, describe_cause
from segexp.tasks.base import BaseTask
from segexp.tasks.dense import DenseTask
from segexp.tasks.ensemble import EnsembleModule
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.speed import resolve_speed
from segexp.tasks.tta import Precision, Tta
from segexp.training.build import build_model, build_task, read_task
from segexp.training.hardware import device_type
from segexp.windows.rescale import Rescale, read_scale, refuse_unlike
from segexp.windows.settings import Inference

BUILT = ("task", "model", "datamodule", "augment", "metric")
"""Sections of a run whose objects are built again when it is used: loss, callbacks and the like are not."""


T_co = TypeVar("T_co", bound=BaseTask, covariant=True)


@dataclass(frozen=True)
class RunModel(Generic[T_co]):
    """One checkpoint: its origin, its config, its task, and the scale that an exported file was given."""

    source: Source
    config: RunConfig
    module: T_co
    scale: float | str | None = None


class NoTraining(nn.Module):
    """Stands where the loss of any task must be: a model that is used is not trained."""


class NoLoss(SegmentationLoss):
    """Stands where a loss must be: a model that is used is not trained."""

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Raises RuntimeError: a loaded model is not trained."""
        raise RuntimeError("a loaded model has no loss")

    def check(self, spec: DataSpec) -> None:
        """Accepts any classes."""


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
    return mask_model([_segmentation(member) for member in members], settings, bands, Limit(image_limit))


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


@dataclass(frozen=True)
class MaskSettings:
    """How a segmentation is asked; see :func:`load`."""

    tta: Tta | None = None
    threshold: float | None = None
    inference: dict[str, Any] | None = None
    precision: Precision = "float32"
    scale: float | str | None = None


def load_members(
    run: RunPath | Sequence[RunPath], checkpoint: str, device: str, trust: Collection[str] = ()
) -> list[RunModel[BaseTask]]:
    """The checkpoints that are named, of any kind of task, on their device; at least one."""
    kind = device_type("gpu" if device == "cuda" else device)
    members = [load_member(source, kind, trust) for source in find_sources(run, checkpoint)]
    for member in members:
        member.module.to(kind)
    return members


def mask_model(
    members: Sequence[RunModel[Segmentation]], settings: MaskSettings, bands: Sequence[int] | None, limit: Limit
) -> Model:
    """The model of a segmentation, or the mean of several.

    Raises:
        ConfigError: A setting cannot be.
        MismatchError: They have different classes or channels.
    """
    _check_alike(members)
    first = members[0]
    module = first.module if len(members) == 1 else EnsembleModule([member.module for member in members], NoLoss())
    module = module.seen_by(
        tta=settings.tta or first.config.tta, precision=settings.precision, inference=settings.inference
    )
    module = module.seen_by(rescale=_rescale(members, settings.scale))
    logit, chosen = _threshold(members, module, settings.threshold)
    module = module.at_threshold(logit)
    module.requires_grad_(requires_grad=False)
    sources = [member.source for member in members]
    return Model(module.to(first.module.scale.mean.device), sources, first.config, chosen, bands, limit)


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


def segmentations(members: Sequence[RunModel[BaseTask]]) -> list[RunModel[Segmentation]] | None:
    """The members as segmentations; None: the first one is of another kind."""
    return [_segmentation(member) for member in members] if isinstance(members[0].module, Segmentation) else None


def _segmentation(member: RunModel[BaseTask]) -> RunModel[Segmentation]:
    """The member as a segmentation.

    Raises:
        ConfigError: It is of another kind.
    """
    if not isinstance(member.module, Segmentation):
        raise ConfigError(
            f"run: {member.source.name} is of kind {member.module.spec.kind}, expected a segmentation; "
            "segexp.load_task loads any kind"
        )
    return RunModel(member.source, member.config, member.module, member.scale)


class StoredNetwork(NamedTuple):
    """The network of one checkpoint: its origin, its config, what it was trained on, its weights, and all else kept."""

    source: Source
    config: RunConfig
    spec: DataSpec
    model: nn.Module
    kept: Mapping[str, Any]


def load_member(source: Source, device: str = "cpu", trust: Collection[str] = ()) -> RunModel[BaseTask]:
    """Builds the task of one checkpoint, in evaluation mode; no published weights are read, no network is touched.

    Raises:
        DataError: It is no checkpoint of segexp, or from before there was ``inference``.
        StoredError: Its config asks for more than data may.
    """
    source, run, spec, model, kept = load_network(source, trust)
    try:
        # Compiling takes longer than most predictions.
        speed = resolve_speed(replace(run.speed, compile=False), device, allocator=False)
        task = _task(run.task, model, spec, speed=speed, inference=Inference(**vars(run.inference)))
        task.take_state(kept)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{source.checkpoint}: is no checkpoint of segexp ({one_line(error)})") from error
    return RunModel(source, run, task.eval(), kept.get("scale"))


def load_network(
    source: Source, trust: Collection[str] = (), changed: Mapping[str, Any] | None = None
) -> StoredNetwork:
    """Builds the network of one checkpoint of any task, in evaluation mode.

    Args:
        source: The checkpoint.
        trust: Packages beside segexp's own whose classes it may name.
        changed: Keys of its block ``model`` that differ, and leave its weights as they are: ``output_stride``.

    Raises:
        DataError: It is no checkpoint of segexp, or from before there was ``inference``.
        StoredError: Its config asks for more than data may.
    """
    try:
        content = _content(source.checkpoint)
        kept, state = content["segexp"], content["state_dict"]
        config = migrated_stored(kept["config"], source.checkpoint)
        spec = DataSpec.from_dict(kept["spec"], partial(_target_class, source.checkpoint, trust))
    except SegexpError:
        raise
    except Exception as error:  # torch.load raises nearly anything for a file that is no checkpoint
        if (cause := cause_of(error)) is not None:
            raise ResourceError(describe_cause(cause, str(source.checkpoint))) from error
        raise DataError(f"{source.checkpoint}: is no checkpoint of segexp ({error})") from error
    if "inference" not in config:
        raise DataError(f"{source.checkpoint}: is from before there were windows (no key inference); train it again")
    check_stored(config, source.checkpoint, trust, built=BUILT)
    if (note := migration_note(kept["config"])) is not None:
        LOG.info(f"run         {note}")
    refuse_references(config, source.checkpoint)
    if "_target_" not in config.get("model", {}):
        raise DataError(f"{source.checkpoint}: is no checkpoint of segexp (its config names no model)")
    weights = network_weights(state, source.checkpoint)
    try:
        run = RunConfig.from_plain(config)
    except (KeyError, TypeError) as error:
        raise DataError(f"{source.checkpoint}: is no checkpoint of segexp ({one_line(error)})") from error
    section = {**run.model, **(changed or {})}
    refuse_mismatch(section, spec, weights, source.checkpoint)
    model = build_model(section, spec, published=False)
    load_network_weights(model, section, weights, source.checkpoint)
    return StoredNetwork(source, run, spec, model.eval(), kept)


def _rescale(members: Sequence[RunModel[Segmentation]], asked: float | str | None) -> Rescale | None:
    """At which size images are seen; ``auto`` takes that of the first member's training images.

    Raises:
        ConfigError: It is no scale, or ``auto`` with members that were trained on images of unlike sizes.
    """
    first = members[0].module.spec
    asked = members[0].scale if asked is None else asked
    found = read_scale(asked, first.sizes, first.pixel_size)
    for other in members[1:] if asked == "auto" else ():
        there = read_scale(asked, other.module.spec.sizes, other.module.spec.pixel_size)
        refuse_unlike(members[0].source.name, found, other.source.name, there)
    return found


def _task(section: ObjectConfig, model: nn.Module, spec: DataSpec, **settings: Any) -> BaseTask:
    """The task of a run for use, without a loss."""
    block = read_task(section)
    loss = NoLoss() if issubclass(block.kind, Segmentation) else NoTraining()
    return build_task(block, model=model, loss=loss, spec=spec, optimizer=torch.optim.SGD, **settings)


def _target_class(source: Path, trust: Collection[str], name: str) -> type[Target]:
    """The class of a target that a task brought, checked before it is imported.

    Raises:
        StoredError: It is no target, or of a package that is not trusted.
    """
    check_stored({"target": {"_target_": name}}, source, trust, built=("target",))
    found: type[Target] = get_class(name)
    return found


def _content(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, or the weights that were exported from one."""
    if path.suffix == ".safetensors":
        from segexp.inference.safetensors_reader import read_safetensors

        return read_safetensors(path)
    check_archive(path)
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def _threshold(
    members: Sequence[RunModel[Segmentation]], module: Segmentation, given: float | None
) -> tuple[float, dict[str, str]]:
    """The threshold as a logit, and by which rule it was chosen on what, for results.json."""
    if not module.spec.is_binary:
        if given is not None:
            raise ConfigError(
                f"threshold: found {given}, but it is for two classes; of {module.spec.num_classes} the most probable "
                "one is taken"
            )
        return 0.0, {}
    if given is not None:
        if not 0 <= given <= 1:
            raise ConfigError(f"threshold: found {given}, expected a probability from 0 to 1")
        return threshold_logit(given), {"rule": "as given", "chosen_on": "nothing"}
    found = [_chosen(member, module.tta) for member in members]
    if len(found) == 1:
        return found[0]
    mean = sum(probability(logit) for logit, _ in found) / len(found)
    return threshold_logit(mean), {"rule": f"mean of those of {len(found)} runs", "chosen_on": found[0][1]["chosen_on"]}


def _chosen(member: RunModel[Segmentation], tta: Tta) -> tuple[float, dict[str, str]]:
    """The run's own threshold: that of its test, if that saw images in the same views, else of the checkpoint."""
    results: dict[str, Any] = member.source.results
    # Anybody may have written the file.
    tested, task = (found if isinstance(found := results.get(key), dict) else {} for key in ("threshold", "task"))
    if isinstance(tested.get("logit"), int | float) and task.get("tta") == tta:
        return float(tested["logit"]), {"rule": str(tested.get("rule")), "chosen_on": str(tested.get("chosen_on"))}
    views = "" if tta == "none" else ", seen in one view"
    rule = f"highest Dice of {member.module.spec.classes[1]}"
    return member.module.threshold, {"rule": rule, "chosen_on": f"validation images{views}"}


def _check_alike(members: Sequence[RunModel[Segmentation]]) -> None:
    """An ensemble speaks of one thing."""
    first = members[0]
    for other in members[1:]:
        for what in ("classes", "in_channels", "bands"):
            here, there = getattr(first.module.spec, what), getattr(other.module.spec, what)
            if here != there:
                raise MismatchError(
                    f"run: {first.source.name} has {what} {_words(here)}, {other.source.name} has {_words(there)}; "
                    "runs of an ensemble must agree"
                )


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
