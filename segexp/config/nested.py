"""Trees of nested blocks, as configs are."""

from collections.abc import Iterator, Mapping
from typing import Any


def flatten(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the dotted key and the value of every leaf of nested blocks, in their order; lists are leaves.

    Args:
        tree: A block, or a value.
        path: Dotted key of ``tree`` itself.
    """
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from flatten(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, tree
