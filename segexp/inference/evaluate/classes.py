"""The classes of a folder that a model is evaluated on: the model's, whichever of them its masks show."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segexp.data.folder import FolderDataModule
from segexp.data.folder.masks.classes import IGNORED_NAME, covers_values
from segexp.data.folder.masks.guess_classes import key_of_value
from segexp.data.folder.masks.sample import MaskSample
from segexp.data.folder.override import format_override
from segexp.errors import UserError
from segexp.spec import IGNORED, DataSpec

Values = Mapping[int | str, int | str]


def adopt_classes(source: FolderDataModule, spec: DataSpec, own: Mapping[str, Any]) -> None:
    """Gives a folder the classes of the model, where mask values are given by their names, or are those of the run.

    Args:
        source: Whose masks were not looked at yet.
        spec: Of the model.
        own: The section ``datamodule`` of the run that the model comes from.
    """
    keys = source.label_keys
    if keys.classes is not None:
        return
    values: Values | None = keys.mask_values
    if values is None and (values := _of_run(own)) is not None and not _covered(source, values):
        values = None
    if values is None or not all(_is_known(entry, spec) for entry in values.values()):
        return
    source.read_labels_by(replace(keys, mask_values=values, classes=spec.classes, complete=False))
    if keys.mask_values is None:
        source.add_notes(
            ["mask values mean what they meant in training: " + format_override("mask_values", dict(values))]
        )


def propose_mask_values(source: FolderDataModule, spec: DataSpec, own: Mapping[str, Any]) -> str:
    """Proposes the override that makes the mask values classes of the model: those the run knows, then in order."""
    sample = _sample(source)
    if sample is None:
        return format_override("mask_values", {0: spec.classes[0], 255: spec.classes[-1]})
    known = _of_run(own) or {}
    keys = [key_of_value(value) for value in sample.counts]
    named = {key: known[key] for key in keys if key in known}
    left = [name for name in spec.classes if name not in named.values()]
    rest = [key for key in keys if key not in named]
    named |= dict(zip(rest, [*left, *[IGNORED_NAME] * len(rest)], strict=False))
    return format_override("mask_values", {key: named[key] for key in keys})


def _of_run(own: Mapping[str, Any]) -> Values | None:
    is_folder = str(own["_target_"]).rsplit(".", 1)[-1] == FolderDataModule.__name__
    found: Values | None = own.get("mask_values") if is_folder else None
    return found


def _covered(source: FolderDataModule, values: Values) -> bool:
    sample = _sample(source)
    return sample is not None and covers_values({**values, **dict.fromkeys(source.label_keys.ignored)}, sample)


def _sample(source: FolderDataModule) -> MaskSample | None:
    try:
        return source.sample
    except UserError:
        # Said when the files are read.
        return None


def _is_known(entry: int | str, spec: DataSpec) -> bool:
    return entry in (*spec.classes, IGNORED_NAME, IGNORED) or (isinstance(entry, int) and entry < spec.num_classes)
