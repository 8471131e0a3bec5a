"""Names of images: as short as tells them apart."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from segexp.errors import DataError
from segexp.runs.text import printable


def unique_names(paths: Sequence[str], stems: Sequence[str]) -> list[str]:
    """The shortest kind of name that tells all images apart: the stem, else with folders before it; escaped."""
    pure = [PurePosixPath(path) for path in paths]
    varying = _varying([path.parent.parts for path in pure])
    kinds = (
        list(stems),
        [path.stem for path in pure],
        ["_".join([*folders, path.stem]) for folders, path in zip(varying, pure, strict=True)],
        ["_".join(path.with_suffix("").parts) for path in pure],
        ["_".join(path.parts) for path in pure],
    )
    for names in (list(map(printable, kind)) for kind in kinds):
        if len(set(names)) == len(names):
            return names
    raise DataError("datamodule.images: two images have one name when / is read as _; rename one of them")


def _varying(folders: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Of each path the folders that are not the same for all; all of them where depths differ."""
    if len({len(parts) for parts in folders}) != 1:
        return list(folders)
    places = [place for place, names in enumerate(zip(*folders, strict=True)) if len(set(names)) > 1]
    return [tuple(parts[place] for place in places) for parts in folders]
