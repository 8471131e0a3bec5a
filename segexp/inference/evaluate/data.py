"""The images that a model is evaluated on: a part of the run's own data, or another data set."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from segexp.data.base import ImageDataModule
from segexp.data.checks.problems import refuse
from segexp.data.checks.survey import class_counts
from segexp.data.files import FilesDataModule
from segexp.data.folder import FolderDataModule
from segexp.data.items.item import Item, Mask
from segexp.data.reading import read_or_reuse
from segexp.data.splits.rules import PHASES
from segexp.errors import ConfigError, DataError, MismatchError, one_line
from segexp.inference.evaluate.classes import adopt_classes, propose_mask_values
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel
from segexp.runs.json_yaml import read_json
from segexp.spec import DataSpec, MaskTarget, Target
from segexp.tasks.base import BaseTask
from segexp.training.resuming.run_split import split_of

Phase = Literal["train", "val", "test", "all"]

LOADING = (
    "loader", "cache", "cache_limit", "seed", "crop_size", "crops_per_image", "crops_total", "sampling", "stride",
    "positive_fraction", "positive_classes", "balance", "pad_to_crop", "redraw_crops", "normalize", "eval_size",
)  # fmt: skip
"""Keys of a data set that leave its images and their parts as they are."""
IRRELEVANT = ("split", "duplicates", "crops and batches", "augmentation", "loader")
"""Kinds of problems that only a training has."""


class EvaluationData(ImageDataModule):
    """Items as test images; classes and scaling are the model's."""

    def __init__(self, source: ImageDataModule, items: list[Item], spec: DataSpec, phase: Phase) -> None:
        """Looks at all pixels of the masks.

        Args:
            source: The data set that they come from.
            items: Images with their targets.
            spec: Of the model.
            phase: Which part of the data set they are.

        Raises:
            DataError: A mask holds what is no class, or an image does not fit the model.
        """
        super().__init__(loader=source.loader, eval_size=source.eval_size)
        _check_images(items, spec)
        self.source, self.phase = source, phase
        self._items = {"train": [], "val": [], "test": items}
        self._surveys["test"] = [source.look(item, spec.num_classes) for item in items]
        self.add_notes(source.notes)
        # Distances are in metres where these images say how large a pixel is.
        self._spec = replace(spec, pixel_size=source.pixel_size())
        counts = class_counts(self._surveys["test"]).sum(axis=0)
        if lacking := [name for name, count in zip(spec.classes, counts, strict=True) if not count]:
            names = ", ".join(lacking)
            none = f"no image of {names} among" if self._of_images(self._items) else f"no pixel of {names} in any of"
            self.notes.append(f"{none} the {len(items)} images: the figures say nothing about it")

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Gives names and colours of the model's classes."""
        return self.spec.classes, self.spec.colours

    def target(self) -> Target:
        """Target that the model was trained to give."""
        return self.spec.target

    def read(self) -> dict[Any, list[Item]]:
        """Raises RuntimeError: all items are given at construction."""
        raise RuntimeError("the items of an evaluation are given")

    @property
    def origin(self) -> ImageDataModule:
        """The data set that the images come from."""
        return self.source

    def trained_items(self) -> list[Item]:
        """Training images of that data set, where others than these are evaluated."""
        return self.source.items("train") if self.phase in ("val", "test") else []

    def observers(self) -> Mapping[str, Mapping[str, Mask]]:
        """Other people's masks, which are there of the test part alone."""
        return self.source.observers() if self.phase == "test" else {}

    def scored_region(self) -> str:
        """Describes the region of the images that is scored, in the words of their data set."""
        return self.source.scored_region()


def evaluation_data(
    source: ImageDataModule, task: BaseTask, keys: Mapping[str, Any], phase: Phase, own: Mapping[str, Any]
) -> EvaluationData:
    """Collects the images of a part of a data set, to be tested.

    Args:
        source: Not set up yet.
        task: The model.
        keys: Its section ``task``.
        phase: ``all`` takes every image, whatever part it would belong to; the others split as a training would.
        own: The section ``datamodule`` of the run that the model comes from.

    Raises:
        MismatchError: Its classes are not those of the model.
        DataError: Files are at fault.
    """
    spec = task.spec
    if isinstance(spec.target, MaskTarget):
        _check_classes(source, spec, own)
    items = all_items(source) if phase == "all" else source.items(phase)
    if not isinstance(spec.target, MaskTarget):
        _check_target(source, task, keys)
    if not items:
        raise DataError(f"phase={phase}: the data set has no such image")
    # Distances are in metres where these images say how large a pixel is.
    return EvaluationData(source, items, replace(spec, pixel_size=source.pixel_size()), phase)


def require_other_parts(data: EvaluationData) -> None:
    """Refuses trivial predictors where there is nothing that they may choose on.

    Raises:
        ConfigError: ``phase=all``, or no training or validation images.
    """
    if data.phase == "all" or not (data.origin.items("train") and data.origin.items("val")):
        raise ConfigError(
            "baselines: found true, but what trivial predictors choose they choose on training and validation images, "
            f"and phase={data.phase} of this data set leaves none for that; leave baselines, or give phase=test and a "
            "datamodule.split that makes the three parts"
        )


def has_own_images(model: Model | TaskModel, section: Mapping[str, Any]) -> bool:
    """Tells whether a section ``datamodule`` has the images of the run, in its parts; loading may differ."""
    before, now = ({k: v for k, v in d.items() if k not in LOADING} for d in (model.config.datamodule, section))
    return before == now


def keep_own_split(source: ImageDataModule, model: Model | TaskModel, section: Mapping[str, Any], phase: Phase) -> None:
    """Lets the run's own images be in the parts that they were in, whatever files have come since.

    Args:
        source: Not set up yet.
        model: Of one run, or of several, of which the first counts.
        section: What ``source`` was built from.
        phase: Part that is asked for; ``all`` has images of no part too.
    """
    if phase != "all" and has_own_images(model, section):
        split = split_of(model.sources[0].checkpoint)
        if split is not None:
            source.keep_split(split)


def default_phase(source: ImageDataModule, *, splits: bool) -> Phase:
    """Chooses the test part; of another folder that tells of none, all images: nothing was trained on them.

    Args:
        source: The data set.
        splits: Whether it is the run's own, or its split was asked for.
    """
    if splits or not isinstance(source, FolderDataModule) or source.split_file is not None:
        return "test"
    return "test" if source.found.official else "all"


def all_items(source: ImageDataModule) -> list[Item]:
    """Lists every image of a data set; it need not be large enough to be split.

    Raises:
        DataError: Names every file that is amiss.
    """
    if isinstance(source, FilesDataModule):
        found = source.find()
        refuse([problem for problem in found.problems if problem.kind not in IRRELEVANT])
        source.add_notes([*found.notes, *found.listing.notes])
        items = list(found.items.values())
    else:
        parts = read_or_reuse(source)
        items = [item for phase in PHASES for item in parts[phase]]
    size = source.eval_size
    return items if size is None else [item.resized(size) for item in items]


def note_trained_images(model: Model | TaskModel, names: Sequence[str], target: str) -> list[str]:
    """Writes a note if some of the images have trained the model: the same names in the same kind of data set.

    Args:
        model: With the sources of its members.
        names: Of the images.
        target: Class of the data set.
    """
    if model.config.datamodule["_target_"] != target:
        return []
    known: set[str] = set()
    for source in model.sources:
        split = source.folder / "split.json" if source.folder is not None else None
        if split is not None and split.is_file():
            known |= _trained_on(split)
    both = [name for name in names if name in known]
    if not both:
        return []
    return [f"{len(both)} of {len(names)} images bear names that the model was trained on, such as {both[0]}"]


def _trained_on(split: Path) -> set[str]:
    """Names of the images that a run was trained on.

    Raises:
        DataError: The file is none of a split.
    """
    try:
        return {str(name) for name in read_json(split)["train"]}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{split}: does not tell what the run was trained on ({one_line(error)}); was it edited?"
        ) from error


def _check_target(source: ImageDataModule, task: BaseTask, keys: Mapping[str, Any]) -> None:
    """Compares what a data set has, as the task would learn it, with what the model learnt."""
    given = {key: value for key, value in keys.items() if key != "_target_"}
    found = task.adapted(replace(task.spec, target=source.target()), **given).target
    if found != task.spec.target:
        raise MismatchError(
            f"datamodule: its target is {_words(found)}, that of the model {_words(task.spec.target)}; give data of "
            "the same kind and classes"
        )


def _words(target: Target) -> str:
    return f"{target.kind} ({', '.join(f'{key}: {value}' for key, value in vars(target).items())})"


def _check_classes(source: ImageDataModule, spec: DataSpec, own: Mapping[str, Any]) -> None:
    if isinstance(source, FolderDataModule):
        adopt_classes(source, spec, own)
    names = source.classes()[0]
    if names != spec.classes:
        line = propose_mask_values(source, spec, own) if isinstance(source, FolderDataModule) else ""
        advice = f"Say which value is which of them: {line}" if line else "Give data of the model's classes"
        raise MismatchError(
            f"datamodule: its classes are {', '.join(names)}, those of the model {', '.join(spec.classes)}. {advice}"
        )


def _check_images(items: Sequence[Item], spec: DataSpec) -> None:
    for item in items:
        if item.channels != spec.in_channels:
            raise MismatchError(
                f"{item.name}: {item.channels} channels, but the model was trained on {spec.in_channels}; "
                "datamodule=folder brings images to datamodule.channels=rgb or grey, or picks bands (datamodule.bands)"
            )
        if spec.scaling == "fixed" and spec.dtype is not None and item.dtype != spec.dtype:
            raise MismatchError(
                f"{item.name}: {item.dtype} pixels, but the model was trained on {spec.dtype}; bring them to that range"
            )
