"""Image files with the same content: found by their sizes and a few of their bytes before anything is read whole."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from segexp.data.listing import Listing, Pair
from segexp.data.splits.rules import PHASES, Split
from segexp.errors import UserError
from segexp.rasters import open_raster

T = TypeVar("T")

PIECE = 1 << 14
"""Bytes read at the start, in the middle and at the end of a file; headers alone agree too often."""


def find_copies(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Pairs whose images are the same file, byte for byte, in groups of two or more.

    Images of one colour are left out: blank ones are equal by nature. So are files that hold several images.
    """
    owners: dict[Path, list[Pair]] = defaultdict(list)
    for pair in pairs:
        owners[pair.image].append(pair)
    groups = [sorted(path for path, of_path in owners.items() if len(of_path) == 1)]
    for key in (_size, _pieces, _digest):
        groups = [group for found in groups for group in _grouped(found, key)]
    return [[owners[path][0] for path in group] for group in groups if _has_content(group[0])]


def unite_copies(listing: Listing, groups: Sequence[Sequence[Pair]]) -> Listing:
    """The listing with copies, and all units that they belong to, in one unit: a random split keeps them together."""
    names = {pair.name for group in groups for pair in group}
    label = {
        p.name: p.split_by or f"copies of {p.name}" for p in listing.pairs if p.split_by is not None or p.name in names
    }
    for group in groups:
        joined = sorted({label[pair.name] for pair in group})
        label = {name: joined[0] if unit in joined else unit for name, unit in label.items()}
    return replace(listing, pairs=[replace(pair, split_by=label.get(pair.name)) for pair in listing.pairs])


def find_split_copies(groups: Sequence[Sequence[Pair]], split: Split) -> Iterable[tuple[Pair, Pair, str]]:
    """Copies in two parts: the one of the earlier part, the other, and the sentence that says so."""
    phase_of = {name: phase for phase in PHASES for name in split[phase]}
    for group in groups:
        used = sorted((pair for pair in group if pair.name in phase_of), key=lambda p: PHASES.index(phase_of[p.name]))
        last = used[-1] if used else None
        for pair in used:
            if last is not None and phase_of[pair.name] != phase_of[last.name]:
                yield pair, last, _sentence(pair.image, phase_of[pair.name], last.image, phase_of[last.name])


def _sentence(one: Path, phase: str, other: Path, later: str) -> str:
    return (
        f"{one} ({phase}) and {other} ({later}) are the same image, byte for byte, so that figures would be of an "
        "image that the model knows; take one out of the data or of the split (datamodule.on_bad=skip leaves out the "
        f"one for {phase})"
    )


def _grouped(things: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Things with equal keys, where there are two or more; None is equal to nothing."""
    found: dict[Hashable, list[T]] = defaultdict(list)
    for thing in things:
        found[key(thing)].append(thing)
    return [group for value, group in found.items() if value is not None and len(group) > 1]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size or None
    except OSError:
        return None


def _pieces(path: Path) -> bytes | None:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.blake2b(file.read(PIECE))
            for place in (size // 2, max(0, size - PIECE)):
                file.seek(place)
                digest.update(file.read(PIECE))
        return digest.digest()
    except OSError:
        return None


def _digest(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").digest()
    except OSError:
        return None


def _has_content(path: Path) -> bool:
    """Tells whether an image has more than one colour; a file that cannot be read is nobody's copy."""
    try:
        return any(bool((strip != strip[:1, :1]).any()) for strip in open_raster(path).strips())
    except UserError:
        return False
