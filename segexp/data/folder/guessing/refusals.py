"""What is said when a layout cannot be guessed: what there is, and lines to choose from, made of files that exist."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Protocol

from segexp.data.file_kinds import file_ending
from segexp.data.folder.guessing.roles import File, FolderGroup
from segexp.data.folder.guessing.siblings import merge_siblings
from segexp.data.folder.override import format_overrides
from segexp.data.folder.tree import Tree

OFFERED = 6
"""Choices named in a refusal."""
OUTLINES = {"json": "JSON", "geojson": "GeoJSON", "xml": "XML", "txt": "text", "shp": "shape"}
"""Annotations that are no pictures, by the ending of their files."""
_ARRAYS = "save each array as a file of its own, as PNG, TIFF or .npy"
OTHERS = {
    "npz": "archives of several arrays; save each array as a file of its own with numpy.save, as images/a.npy and "
    "masks/a.npy",
    "mat": f"MATLAB files; {_ARRAYS}",
    "h5": f"HDF5 files; {_ARRAYS}",
    "hdf5": f"HDF5 files; {_ARRAYS}",
    "nii": "NIfTI volumes; save each slice as a file of its own, as 16-bit PNG, TIFF or .npy",
    "gz": "compressed files; unpack them, and save slices of volumes as PNG, TIFF or .npy",
    "dcm": "DICOM files; save each as 16-bit PNG or TIFF",
    "heic": "HEIC photographs; save them as PNG or JPEG",
    "zip": "archives; unpack them first",
    "tar": "archives; unpack them first",
    "tfrecord": "records of TensorFlow; save each image and mask as a file of its own",
    "parquet": "tables; save each image and mask as a file of its own",
}
"""Files that hold images and are not read, and the way out."""


NO_MASKS = "a trained model needs none to predict: python -m segexp predict run=<run folder> input=<images>"
"""What images without masks are good for."""


class PossibleLayout(Protocol):
    """A layout that is possible."""

    @property
    def pairs(self) -> int:
        """Images that have a mask in it."""

    @property
    def unpaired(self) -> str | None:
        """``skip`` where images without mask have to be left out."""

    def lines(self) -> dict[str, Any]:
        """Keys and values that choose it."""


def explain_no_images(tree: Tree) -> str:
    """The message where no file ends as images do."""
    lines = [f"datamodule.root: {tree.root} holds no image files, but {tree.says() or 'nothing'}"]
    return "\n".join([*lines, *_other_kinds(tree)])


def explain_choices(tree: Tree, found: Sequence[FolderGroup], choices: Sequence[PossibleLayout]) -> str:
    """The message; each line to choose from is one to add to the command."""
    holds = f"datamodule.root: {tree.root} holds {tree.says()}"
    if not choices:
        if (place := _alone(found)) is not None:
            return "\n".join([f"{holds}: found no masks, {_no_masks(place)}", *_other_kinds(tree)])
        if (alone := _masks_alone(found)) is not None:
            beside = PurePosixPath(alone.text).with_name("images")
            words = f"expected a folder of them beside it, such as {beside}, with the names of the masks"
            return "\n".join(
                [f"{holds}: {alone.text} holds masks, but no images were found; {words}", *_other_kinds(tree)]
            )
        head = "names do not tell which files are images and which their masks, and none pair"
        return "\n".join([f"{holds}: {head}", *(_objects(found) or _strangers(found)), *_other_kinds(tree)])
    lines = [f"  {format_overrides(choice.lines())}    ({_count(choice)})" for choice in choices[:OFFERED]]
    more = [f"  and {len(choices) - OFFERED} more"] if len(choices) > OFFERED else []
    head = "which files are images and which their masks is open; add one of these lines to the command"
    if all(choice.unpaired for choice in choices):
        head = "many images have no mask; to leave those out, add one of these lines to the command"
    return "\n".join([f"{holds}: {head}, or give another datamodule.root", *lines, *more, *_objects(found)])


def _alone(found: Sequence[FolderGroup]) -> FolderGroup | None:
    """The one place that holds files, where its name says that they are images; None: it is not so."""
    return found[0] if len(found) == 1 and found[0].role == "image" else None


def _masks_alone(found: Sequence[FolderGroup]) -> FolderGroup | None:
    """The first place of masks, where no place can hold images; None: there is one, or no masks."""
    masks = [place for place in found if place.role == "mask"]
    return masks[0] if masks and not any(place.role in ("image", "other") for place in found) else None


def _no_masks(place: FolderGroup) -> str:
    """Where masks were looked for, and what needs none."""
    beside = PurePosixPath(place.text).with_name("masks")
    return (
        f"expected a folder of them beside {place.text}, such as {beside}, with the names of the images, or "
        f"datamodule.masks=<pattern of their files>; {NO_MASKS}"
    )


def _count(choice: PossibleLayout) -> str:
    return f"{choice.pairs} pairs" + ("; images without mask are left out" if choice.unpaired else "")


def _strangers(found: Sequence[FolderGroup]) -> list[str]:
    """Names that were compared in vain, and how to say what belongs together."""
    images = next((place for place in found if place.role == "image"), None)
    masks = next((place for place in found if place.role == "mask"), None)
    how = "  say it by patterns of their names (docs/own-data.md): datamodule.images and datamodule.masks"
    if images is None or masks is None:
        return [how]
    one, other = (PurePosixPath(place.files[0].path).name for place in (images, masks))
    return [f"  {images.text} and {masks.text} hold names that do not pair, as {one} and {other}", how]


def _objects(found: Sequence[FolderGroup]) -> list[str]:
    """A hint where each object has a mask file of its own."""
    together, _ = merge_siblings(found)
    for masks in (place for place in together if place.role == "mask"):
        for images in (place for place in together if place.role == "image"):
            if _several(images.files, masks.files):
                return [
                    f"  {masks.text} holds several files for an image, such as {masks.files[0].path}: one mask for "
                    "each object, as in the Data Science Bowl, is not read; put those of an image together into one "
                    "mask that bears its name, 255 wherever an object is (docs/own-data.md has a script)"
                ]
    return []


def _several(images: Sequence[File], masks: Sequence[File]) -> bool:
    """Tells whether most images have several masks: in a folder beside them, or under their name and a word."""
    if len(masks) < 2 * len(images):
        return False
    folders = Counter(file.inside for file in masks)
    alone = Counter(file.inside for file in images)
    if len(alone) > 1 and all(count == 1 for count in alone.values()):
        return sum(folders[place] > 1 for place in alone) > len(alone) / 2
    stems = {file.stem for file in images}
    owners = Counter(next(_owners(file.stem, stems), "") for file in masks)
    return sum(owners[stem] > 1 for stem in stems) > len(stems) / 2


def _owners(stem: str, images: set[str]) -> Iterator[str]:
    """Images whose name and a number make the name of a mask."""
    for cut in range(len(stem) - 1, 0, -1):
        if stem[:cut] in images and re.fullmatch(r"[\s_.-]*[0-9a-f]*\d[0-9a-f]*", stem[cut:]):
            yield stem[:cut]


def _other_kinds(tree: Tree) -> list[str]:
    """A hint where images or annotations seem to be of kinds that are not read."""
    counts = Counter(file_ending(path).lower() for path in tree.files)
    lines = [f"  {counts[kind]} {kind} files are not read: {OTHERS[kind]}" for kind in OTHERS if counts[kind]]
    kinds = Counter(OUTLINES[kind] for path in tree.files if (kind := file_ending(path).lower()) in OUTLINES)
    if kinds:
        words = " and ".join(f"{count} {kind}" for kind, count in kinds.most_common(2))
        lines.append(
            f"  {words} files: annotations as outlines are not read; export them as masks, PNG files of class numbers"
        )
    return lines
