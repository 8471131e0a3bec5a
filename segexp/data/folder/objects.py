"""Arrays of Python objects among the files of a folder: pickles, which may run anything and are never opened."""

from pathlib import Path

from numpy.lib import format as npy_format

from segexp.data.file_kinds import file_ending
from segexp.data.folder.tree import Tree

CELLPOSE = "_seg.npy"
"""What Cellpose calls its own files; the masks in them are saved as ``_cp_masks.png`` too, if it is asked to."""


def leave_out_pickles(tree: Tree) -> tuple[Tree, list[str]]:
    """The tree without such arrays, and a note if there are some."""
    arrays = [path for path in tree.files if file_ending(path).lower() == "npy"]
    objects = {path for path in arrays if path.endswith(CELLPOSE) or _holds_objects(tree.root / path)}
    if not objects:
        return tree, []
    kept = Tree(tree.root, tuple(path for path in tree.files if path not in objects))
    cellpose = sum(path.endswith(CELLPOSE) for path in objects)
    advice = "; Cellpose saves its masks as _cp_masks.png too" if cellpose else ""
    return kept, [f"passed over: {len(objects)} .npy files that hold Python objects, as {min(objects)}{advice}"]


def _holds_objects(path: Path) -> bool:
    """By its header; what cannot be read is named later."""
    try:
        with path.open("rb") as file:
            version = npy_format.read_magic(file)
            read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
            return bool(read(file)[2].hasobject)
    except (OSError, ValueError, EOFError):
        return False
