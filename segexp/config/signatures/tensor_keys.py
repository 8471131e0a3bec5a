"""Keys of losses of PyTorch that take a tensor, which numbers of a YAML become: ``weight: [1, 2]``."""

import ast
import functools
from collections.abc import Mapping
from typing import Any

from segexp.config.signatures.source import find

LOSSES = "torch.nn."
"""Begins the names of the classes whose keys are looked at."""


@functools.cache
def tensor_keys(target: str) -> frozenset[str]:
    """Names of the parameters of a class below ``torch.nn`` whose annotation allows a tensor, read from its source."""
    module, _, name = target.rpartition(".")
    node = find(module, name).node if target.startswith(LOSSES) else None
    if not isinstance(node, ast.ClassDef):
        return frozenset()
    constructors = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    arguments = [arg for each in constructors for arg in (*each.args.args, *each.args.kwonlyargs)]
    return frozenset(arg.arg for arg in arguments if arg.annotation and "Tensor" in ast.unparse(arg.annotation))


def is_tensor(target: str, key: str, value: Any) -> bool:
    """Returns whether a key of a class takes a tensor, and the value is a number or a list of them."""
    numbers = value if isinstance(value, list) else [value]
    plain = all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
    return plain and key in tensor_keys(target)


def with_tensors(section: Any) -> Any:
    """Gives a block in which numbers for tensors are blocks that make them, in blocks inside it too.

    Args:
        section: A block with ``_target_`` and what lies in it; anything else stays as it is.
    """
    if not isinstance(section, Mapping):
        return section
    target = str(section.get("_target_"))
    return {
        key: {"_target_": "torch.tensor", "data": _floats(value)}
        if is_tensor(target, str(key), value)
        else with_tensors(value)
        for key, value in section.items()
    }


def _floats(value: Any) -> Any:
    return [float(number) for number in value] if isinstance(value, list) else float(value)
