"""What lies beside a path that is not there: the names that may have been meant, and where was looked."""

import difflib
import os
from pathlib import Path

MOST = 3
"""Names that are told."""


def near_paths(place: str | Path) -> str:
    """``. Did you mean leaves? (looked for /data/leavse)``: to follow a message about a path that is not there.

    Where no name is near, those of the folder above it are told; nothing but the place where that is not there either.
    """
    path = Path(os.path.expanduser(place))  # noqa: PTH111 - that of pathlib raises for an unknown user
    looked = "" if path.is_absolute() else f" (looked for {Path.cwd() / path})"
    try:
        names = sorted(found.name for found in path.parent.iterdir() if not found.name.startswith("."))
    except (OSError, ValueError):
        return looked
    if near := difflib.get_close_matches(path.name, names, MOST):
        return f". Did you mean {' or '.join(str(path.parent / name) for name in near)}?{looked}"
    more = " ..." if len(names) > MOST else ""
    return f"; beside it lie {', '.join(names[:MOST])}{more}{looked}" if names else looked
