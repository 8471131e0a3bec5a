"""What is said when a layout cannot be guessed: what there is, and lines to choose from."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Protocol

from segexp.data.file_kinds import ending
from segexp.data.folder.roles import Place
from segexp.data.folder.tree import Tree
from segexp.data.folder.words import overrides

OFFERED = 6
"""Choices named in a refusal."""
WRITTEN = {"json": "JSON", "geojson": "GeoJSON", "xml": "XML", "txt": "text", "shp": "shape"}
"""Annotations that are no pictures, by the ending of their files."""


class Choice(Protocol):
    """A layout that is possible."""

    @property
    def pairs(self) -> int:
        """Images that have a mask in it."""

    def lines(self) -> dict[str, Any]:
        """Keys and values that choose it."""


def refusal(tree: Tree, found: Sequence[Place], choices: Sequence[Choice]) -> str:
    """The message; each line to choose from is one to add to the command."""
    holds = f"datamodule.root: {tree.root} holds {tree.says()}"
    if choices:
        lines = [f"  {overrides(choice.lines())}    ({choice.pairs} pairs)" for choice in choices[:OFFERED]]
        more = [f"  and {len(choices) - OFFERED} more"] if len(choices) > OFFERED else []
        head = "which files are images and which their masks is open; add one of these lines to the command"
        return "\n".join([f"{holds}: {head}, or give another datamodule.root", *lines, *more])
    return "\n".join(
        [
            f"{holds}: names do not tell which files are images and which their masks; say it, for example",
            f"  {overrides(_example(found))}",
            *_strangers(found),
            *_other_kinds(tree),
        ]
    )


def _example(found: Sequence[Place]) -> dict[str, str]:
    """Patterns for the place with the most files, as something to start from."""
    by_role = {role: [place for place in found if place.role == role] for role in ("image", "other", "mask")}
    images = max(by_role["image"] or by_role["other"] or by_role["mask"], key=lambda place: len(place.files))
    masks = max(by_role["mask"], key=lambda place: len(place.files), default=None)
    kind = Counter(file.ending for file in images.files).most_common(1)[0][0]
    mask = f"{masks.pattern}{{stem}}.{masks.files[0].ending}" if masks else f"{images.pattern}{{stem}}_mask.png"
    return {"images": f"{images.pattern}*.{kind}", "masks": mask}


def _strangers(found: Sequence[Place]) -> list[str]:
    """Names that were compared in vain."""
    images = next((place for place in found if place.role == "image"), None)
    masks = next((place for place in found if place.role == "mask"), None)
    if images is None or masks is None:
        return []
    one, other = (PurePosixPath(place.files[0].path).name for place in (images, masks))
    return [f"  {images.text} and {masks.text} hold names that do not pair, as {one} and {other}"]


def _other_kinds(tree: Tree) -> list[str]:
    """A hint where annotations seem to be no pictures."""
    kinds = Counter(WRITTEN[kind] for path in tree.files if (kind := ending(path).lower()) in WRITTEN)
    if not kinds:
        return []
    words = " and ".join(f"{count} {kind}" for kind, count in kinds.most_common(2))
    return [f"  {words} files: annotations as outlines are not read; export them as masks, PNG files of class numbers"]
