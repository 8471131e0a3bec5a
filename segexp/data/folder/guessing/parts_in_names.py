"""An official split that the names of files tell: ``train_1.bmp`` and ``testA_1.bmp`` in one folder (GlaS)."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from segexp.data.folder.parts import PARTS
from segexp.data.folder.patterns import PART

WORD = re.compile(r"([A-Za-z]+)([\s_.-]+)")
"""The first word of a name, and what parts it from the rest."""
FIELD = f"{{{PART}:[A-Za-z]+}}"


def name_parts(images: str, masks: str, paths: Sequence[str]) -> tuple[str, str, dict[str, list[str]]] | None:
    """Patterns with ``{split}``, and the words of each part.

    Args:
        images: Pattern of the images, without ``{split}``.
        masks: Pattern of their masks.
        paths: All images.

    Returns:
        None where not every name begins with the word of a part, or all with that of one.
    """
    found = [WORD.match(PurePosixPath(path).name) for path in paths]
    words = sorted({(match[1], match[2]) for match in found if match})
    phases = {word: _phase(word) for word, _ in words}
    if None in found or None in phases.values() or len(set(phases.values())) < 2 or len({s for _, s in words}) > 1:
        return None
    folder, slash, name = images.rpartition("/")
    if f"{{{PART}" in images or not name.startswith(("*", "{id}")) or "train" not in phases.values():
        return None
    between = words[0][1]
    parts: dict[str, list[str]] = {}
    for word, phase in phases.items():
        parts.setdefault(str(phase), []).append(word)
    # The core of a name is longer by the word.
    return f"{folder}{slash}{FIELD}{between}{name}", masks.replace("{id}", f"{{{PART}}}{between}{{id}}"), parts


def _phase(word: str) -> str | None:
    """``test`` of ``test`` and of ``testA``."""
    return PARTS.get(word.lower()) or (PARTS.get(word[:-1].lower()) if word[-1:].isupper() else None)
