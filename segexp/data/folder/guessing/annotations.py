"""What annotations that are no masks are, by the files that tools leave, and how masks are made of them."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from segexp.data.file_kinds import file_ending
from segexp.data.folder.tree import Tree

OUTLINES = {"json": "JSON", "ndjson": "JSON", "geojson": "GeoJSON", "xml": "XML", "txt": "text", "shp": "shape"}
"""Annotations that are no pictures, by the ending of their files."""
PAGE = "docs/own-data.md, Annotations that are no masks"
HEAD = 4096
"""Bytes of a file that are looked at."""
FEW = 8
"""Files of a kind that are looked at: all are alike."""
_TOOLS: tuple[tuple[str, str, str], ...] = (
    ("json", r'"shape_attributes"|"_via_', f"of VIA: outlines; a script draws masks of them ({PAGE})"),
    ("json", r'"classTitle"', "of Supervisely: export the project as masks there (Export as masks, or to Pascal VOC)"),
    ("json", r'"shapes"', f"of labelme: outlines; its labelme2voc.py or a script draws masks of them ({PAGE})"),
    (
        "json",
        r'"coco_url"|"licenses"|"categories"|"segmentation"|"annotations"',
        f"of COCO: pycocotools draws masks of them ({PAGE})",
    ),
    ("ndjson", r"", "of Labelbox: download the mask of each label by its address in the file"),
    ("geojson", r"", f"of places: rasterio.features.rasterize draws masks of them ({PAGE})"),
    ("csv", r"(?i)^[^\n]*(encodedpixels|rle)", f"of run lengths (RLE): a script turns them into masks ({PAGE})"),
)
"""Ending, what the file begins with, and what it is."""
_TASK = re.compile(r"task-\d+-annotation-\d+-by-\d+-tag-")


def explain_annotations(tree: Tree) -> list[str]:
    """Lines on what the annotations below a root are, and which way leads to masks."""
    lines = list(_known(tree))
    if lines:
        return lines
    images = sum(1 for _ in tree.images)
    kinds = Counter(OUTLINES[kind] for path in tree.files if (kind := file_ending(path).lower()) in OUTLINES)
    if kinds["text"] * 2 < images:
        # A licence, a list of files: no annotations.
        del kinds["text"]
    if not kinds:
        return []
    words = " and ".join(f"{count} {kind}" for kind, count in kinds.most_common(2))
    return [f"  {words} files: annotations as outlines are not read; export them as masks, PNG files of class numbers"]


def _known(tree: Tree) -> Iterator[str]:
    for ending, form, meaning in _TOOLS:
        paths = [path for path in tree.files if file_ending(path).lower() == ending]
        first = next((path for path in paths[:FEW] if re.search(form, _beginning(tree.root / path))), None)
        if first is not None:
            yield f"  {first} is {meaning}"
            if ending == "json":
                break
    yield from explain_names(tree)


def explain_names(tree: Tree) -> Iterator[str]:
    """Lines on masks whose names do not tell their image, as names of some tools do not."""
    yield from _by_names(tree, lambda path: _TASK.search(path) is not None, _LABEL_STUDIO)
    yield from _by_names(tree, lambda path: PurePosixPath(path).parent.name == "PixelLabelData", _MATLAB)


_LABEL_STUDIO = (
    "is of Label Studio: a mask for each label, whose name does not tell its image; put those of a task together into "
    f"one mask that bears the name of the image ({PAGE})"
)
_MATLAB = (
    "is of MATLAB: its number is the place of the image in gTruth.DataSource, whatever the image is called; copy the "
    "masks to the names of their images"
)


def _by_names(tree: Tree, fits: Callable[[str], bool], meaning: str) -> Iterator[str]:
    first = next((path for path in tree.images if fits(path)), None)
    if first is not None:
        yield f"  {first} {meaning}"


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(HEAD).decode("utf-8", "replace")
    except OSError:
        return ""
