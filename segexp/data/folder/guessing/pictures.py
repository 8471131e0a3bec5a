"""Files beside images that are no labels: superpixels, flows of a program, marks for tracking."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from segexp.data.folder.guessing.roles import PICTURES, split_words
from segexp.data.folder.tree import Tree

DERIVED = PICTURES | {"superpixel", "superpixels", "flow", "flows", "outlines"}
"""Last words of names of files that a program made of an image: superpixels of ISIC, flows of Cellpose."""
TRACKS = re.compile(r"man_track\d+")
"""Marks that follow cells through a film (Cell Tracking Challenge), smaller than the cells: no masks."""


def without_pictures(tree: Tree) -> Tree:
    """The tree without files that bear the name of another file of their folder and such a word, and without marks."""
    derived = find_derived(tree.images)
    return replace(tree, files=tuple(path for path in tree.files if path not in derived))


def find_derived(paths: Iterable[str]) -> set[str]:
    """Those files that bear the name of another one of their folder and such a word, or mark tracks."""
    every = {path: PurePosixPath(path) for path in paths}
    stems: dict[PurePosixPath, set[str]] = defaultdict(set)
    for pure in every.values():
        stems[pure.parent].add(pure.stem)
    return {path for path, pure in every.items() if _is_derived(pure.stem, stems[pure.parent])}


def _is_derived(stem: str, stems: set[str]) -> bool:
    if TRACKS.fullmatch(stem):
        return True
    found = re.fullmatch(r"(.+)[\s_.-]+([^\s_.-]+)", stem)
    return found is not None and found[1] in stems and bool(DERIVED & set(split_words(found[2])))
