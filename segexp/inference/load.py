"""Builds the model of an earlier run from its checkpoint alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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
from segexp.losses.base import SegmentationLoss
from segexp.metrics.log_odds import probability
from segexp.rasters import DEFAULT_GB, Limit
from segexp.runs.archive import check_archive
from segexp.runs.checkpoints import RunPath, Source, find_sources
from segexp.runs.console import LOG
from segexp.runs.entries import RECONSTRUCTION
from segexp.spec import DataSpec, Target
from segexp.system.causes import cause_of, describe_cause
from segexp.tasks.ensemble import EnsembleModule
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.speed import resolve_speed
from segexp.tasks.tta import Precision, Tta
from segexp.training.build import TaskBlock, build_model, build_task, read_task
from segexp.training.hardware import device_type
from segexp.windows.rescale import Rescale, read_scale, refuse_unlike
from segexp.windows.settings import Inference

BUILT = ("task", "model", "datamodule", "augment", "metric")
"""Sections of a run whose objects are built again when it is used: loss, callbacks and the like are not."""


class RunModel(NamedTuple):
    """One checkpoint: its origin, its config, its module, and the scale that an exported file was given."""

    source: Source
    config: RunConfig
    module: Segmentation
    scale: float | str | None = None


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
    kind = device_type("gpu" if device == "cuda" else device)
    members = [load_member(source, kind, trust) for source in find_sources(run, checkpoint)]
    _check_alike(members)
    first = members[0]
    module = first.module if len(members) == 1 else EnsembleModule([member.module for member in members], NoLoss())
    module = module.seen_by(tta=tta or first.config.tta, precision=precision, inference=inference)
    module = module.seen_by(rescale=_rescale(members, scale))
    logit, chosen = _threshold(members, module, threshold)
    module = module.at_threshold(logit)
    module.requires_grad_(requires_grad=False)
    sources = [member.source for member in members]
    return Model(module.to(kind), sources, first.config, chosen, bands, Limit(image_limit))


class StoredNetwork(NamedTuple):
    """The network of one checkpoint: its origin, its config, what it was trained on, its weights, and all else kept."""

    source: Source
    config: RunConfig
    spec: DataSpec
    model: nn.Module
    kept: Mapping[str, Any]


def load_member(source: Source, device: str = "cpu", trust: Collection[str] = ()) -> RunModel:
    """Builds the module of one checkpoint, in evaluation mode; no published weights are read, no network is touched.

    Raises:
        DataError: It is no checkpoint of segexp, or from before there was ``inference``.
        StoredError: Its config asks for more than data may.
    """
    source, run, spec, model, kept = load_network(source, trust)
    block = _segmentation_block(run.task, spec)
    try:
        # Compiling takes longer than most predictions.
        speed = resolve_speed(replace(run.speed, compile=False), device, allocator=False)
        module = _segmentation(
            block, model, spec, speed=speed, inference=Inference(**vars(run.inference)),
            threshold=float(kept["threshold_logit"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{source.checkpoint}: is no checkpoint of segexp ({one_line(error)})") from error
    return RunModel(source, run, module.eval(), kept.get("scale"))


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


def _rescale(members: Sequence[RunModel], asked: float | str | None) -> Rescale | None:
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


def _segmentation_block(section: ObjectConfig, spec: DataSpec) -> TaskBlock:
    """The block ``task`` of a run.

    Raises:
        ConfigError: It gives no masks.
    """
    block = read_task(section)
    if not issubclass(block.kind, Segmentation):
        instead = "; use encode and decode" if spec.kind == RECONSTRUCTION else ""
        raise ConfigError(
            f"run: was trained with {block.kind.__name__}, expected a run of task=segmentation: evaluate, predict, "
            f"export, demo and segexp.load speak of masks{instead}"
        )
    return block


def _segmentation(block: TaskBlock, model: nn.Module, spec: DataSpec, **settings: Any) -> Segmentation:
    """The task of a run for use, without a loss."""
    parts = {"model": model, "loss": NoLoss(), "spec": spec, "optimizer": torch.optim.SGD}
    task = build_task(block, **parts, **settings)
    if not isinstance(task, Segmentation):
        raise ConfigError(f"task: gives a {type(task).__name__}, expected a segmentation")
    return task


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


def _threshold(members: Sequence[RunModel], module: Segmentation, given: float | None) -> tuple[float, dict[str, str]]:
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


def _chosen(member: RunModel, tta: Tta) -> tuple[float, dict[str, str]]:
    """The run's own threshold: that of its test, if that saw images in the same views, else of the checkpoint."""
    results: dict[str, Any] = member.source.results
    # Anybody may have written the file.
    tested, task = (found if isinstance(found := results.get(key), dict) else {} for key in ("threshold", "task"))
    if isinstance(tested.get("logit"), int | float) and task.get("tta") == tta:
        return float(tested["logit"]), {"rule": str(tested.get("rule")), "chosen_on": str(tested.get("chosen_on"))}
    views = "" if tta == "none" else ", seen in one view"
    rule = f"highest Dice of {member.module.spec.classes[1]}"
    return member.module.threshold, {"rule": rule, "chosen_on": f"validation images{views}"}


def _check_alike(members: Sequence[RunModel]) -> None:
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
