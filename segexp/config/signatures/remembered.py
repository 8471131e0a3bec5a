"""Remembers what was found, and never that nothing was."""

import functools
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def remember_found(look: Callable[[str], Found | None]) -> Callable[[str], Found | None]:
    """Keeps each result of a look-up for the life of the process, but None.

    What is missing may come: in a notebook the refusal of a package that is not found is answered by
    ``sys.path.append`` or a new file, and the same call again has to see it.

    Args:
        look: Takes a name; gives None where there is nothing of that name.
    """
    known: dict[str, Found] = {}

    @functools.wraps(look)
    def looked_up(name: str) -> Found | None:
        if name in known:
            return known[name]
        found = look(name)
        if found is not None:
            known[name] = found
        return found

    return looked_up
