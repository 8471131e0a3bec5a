"""Notes on what a user may not have thought of."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from segexp.data.file_kinds import describe_kinds, is_beside, is_image
from segexp.data.folder.guessing.siblings import PATIENT, are_units
from segexp.data.folder.override import format_override
from segexp.data.folder.patterns import FilePattern

SUB = "sub1"
"""What a guess calls the folders below that of the images."""
FEW = 3
"""So many files are named one by one."""
SHARE = 0.5
"""With fewer beginnings than this per image, beginnings are shared."""


def note_unused_images(images: Iterable[str], used: Collection[str], most: int = 5) -> list[str]:
    """Image files that belong to no pair: their names where they are few, else their folders.

    Args:
        images: All image files.
        used: Those that are image, mask or valid mask of something, or named elsewhere.
        most: Files or folders that are named.
    """
    unused = [path for path in images if path not in used]
    if 0 < len(unused) <= FEW:
        return [f"not used: {', '.join(unused)}"]
    folders = Counter(str(PurePosixPath(path).parent) for path in unused)
    words = [f"{'the folder itself' if name == '.' else name} ({_files(count)})" for name, count in folders.items()]
    more = f" and {len(words) - most} more folders" if len(words) > most else ""
    return [f"not used: {', '.join(words[:most])}{more}"] if words else []


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def note_other_files(paths: Iterable[str]) -> list[str]:
    """Files that end as no images do: so that nobody takes them for read."""
    others = [path for path in paths if not is_image(path) and not is_beside(path)]
    return [f"passed over, by their endings no images: {describe_kinds(others)}"] if others else []


def suggest_units(names: Sequence[str]) -> list[str]:
    """Notes that images seem to be parts of fewer things (crops of a tile), which a random split would tear apart."""
    beginnings = Counter(found[0] for name in names if (found := re.match(r"[^\s_]+(?=[\s_])", name)))
    if sum(beginnings.values()) < len(names) or not 2 <= len(beginnings) <= SHARE * len(names):
        return []
    often = ", ".join(f"{name} ({count})" for name, count in beginnings.most_common(3))
    return [
        f"names of images begin alike: {often}, ...; if such images show the same thing (crops of a tile, slices of a "
        f"patient), no part of the split should share it: {format_override('split_by', '{stem:[^_ ]+}')}"
    ]


def suggest_patients(images: FilePattern, paths: Sequence[str]) -> list[str]:
    """Notes that images lie in folders that a random split would tear apart, as those of patients."""
    part = next((name for name in (SUB, PATIENT) if name in images.names), SUB)
    found = [match.fields[part] for path in paths if (match := images.match(path)) and part in match.fields]
    names = sorted(set(found))
    if not 3 <= len(names) < len(found):
        return []
    line = (
        f"images lie in {len(names)} folders; if each is one patient, video or slide, no part of the split should "
        f"share it: {format_override('split_by', f'{{{part}}}')}"
    )
    if are_units(names):
        return [line]
    kinds = format_override("stratum", f"{{{part}}}")
    return [f"{line}; if each is a kind of image ({', '.join(names)}), every part can have its share of each: {kinds}"]


def note_replaced_values(changed: Mapping[str, Mapping[int | str, int]], most: int = 3) -> list[str]:
    """Notes how many pixels held no class and were set to the nearest value that is one.

    Args:
        changed: By file and value, how many pixels.
        most: Files that are named.
    """
    if not changed:
        return []
    counts = {path: sum(values.values()) for path, values in changed.items()}
    worst = ", ".join(f"{path} ({counts[path]})" for path in sorted(counts, key=lambda path: -counts[path])[:most])
    return [
        f"datamodule.unknown_values=nearest: {sum(counts.values())} pixels of {len(counts)} masks held no class and "
        f"were set to the nearest; most of them in {worst}"
    ]
