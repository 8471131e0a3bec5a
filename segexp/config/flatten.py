"""Trees of sections as flat keys: ``optimizer.lr`` in place of a mapping in a mapping."""

from collections.abc import Iterator, Mapping
from typing import Any


def flatten(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Gives the dotted key and the value of every leaf of a tree, in its order; lists are leaves.

    Args:
        tree: Mappings in mappings, of any depth; an empty one has no leaf.
        path: Key of the tree itself.
    """
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from flatten(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, tree
