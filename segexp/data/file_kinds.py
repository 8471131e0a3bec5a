"""Which files of a folder are images by their names: one list for every command. Nothing is opened."""

from collections import Counter
from collections.abc import Iterable

ENDINGS = frozenset(
    "png apng jpg jpeg jpe jfif mpo tif tiff gif bmp dib ppm pgm pnm pbm webp npy".split()  # noqa: SIM905
)
"""What image files end with, in lower case; what is in them decides how they are read, and whether they can be."""
CLUTTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir", "__pycache__"})
"""What file managers leave behind; hidden files and folders are passed over as well."""
BESIDE = frozenset("tfw tifw tiffw jgw jpgw jpegw pgw pngw gfw bpw wld prj ovr aux.xml tab".split())  # noqa: SIM905
"""What belongs to an image of the same name and is read with it, or by other programs: not worth a word."""


def file_ending(path: str) -> str:
    """Gives what stands after the last dot of a name, as it is written; empty where there is none."""
    name = path.rpartition("/")[2]
    before, _, after = name.rpartition(".")
    return after if before else ""


def is_image(path: str) -> bool:
    """Tells whether a file ends as images do, in upper or lower case."""
    return file_ending(path).lower() in ENDINGS


def is_clutter(name: str) -> bool:
    """Tells whether a file or folder of this name is none of the data and not worth a word."""
    return name.startswith(".") or name.lower() in CLUTTER


def is_beside(path: str) -> bool:
    """Tells whether a file says where an image lies, or is an overview of it."""
    return path.lower().endswith(tuple(f".{kind}" for kind in BESIDE))


def describe_kinds(paths: Iterable[str], most: int = 4) -> str:
    """``12 txt, 3 json, 1 without ending``, most first."""
    counts = Counter(file_ending(path).lower() or "without ending" for path in paths)
    words = [f"{count} {kind}" for kind, count in counts.most_common(most)]
    return ", ".join(words) + (f" and {len(counts) - most} more kinds" if len(counts) > most else "")
