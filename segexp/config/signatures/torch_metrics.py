"""Measures of torchmetrics in the section ``metric``, read from source: what they are called, which way is better.

A block ``metric.f1`` of such a class is logged as ``val/f1`` and ``test/f1``, or where it gives one number for each
class as ``val/f1/<class>``.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from segexp.config.lineage import Definition, ancestors, definition, is_below
from segexp.spec import Direction

BASE = frozenset({"torchmetrics.metric.Metric"})
FILLED = ("task", "num_classes")
"""Keys of such a class that the program takes from the data where they are ``auto`` or left out."""
_CHOOSER = "torchmetrics.classification.base._ClassificationTaskWrapper"
"""Base of classes that stand for another one, by the kind of task: ``torchmetrics.F1Score``."""
_FLAG = "higher_is_better"


def is_torch_metric(section: Any) -> bool:
    """Returns whether a block names a class of torchmetrics, or one below its ``Metric``."""
    target = section.get("_target_") if isinstance(section, Mapping) else None
    if not isinstance(target, str) or target.startswith("segexp."):
        return False
    found = definition(target)
    return found is not None and found.is_class and is_below(found, BASE)


def torch_metrics(sections: Mapping[str, Any] | None) -> dict[str, Direction | None]:
    """The blocks of torchmetrics in a section ``metric`` by name, and which way is better; None: it does not say."""
    found = {str(name): section for name, section in (sections or {}).items() if is_torch_metric(section)}
    return {name: metric_direction(section) for name, section in found.items()}


def metric_name(logged: str) -> str:
    """The block that a logged name, ``val/f1`` or ``val/f1/<class>``, may be of: ``f1``."""
    return logged.partition("/")[2].partition("/")[0]


def metric_direction(section: Mapping[str, Any]) -> Direction | None:
    """Better direction of a block, as ``higher_is_better`` of its class, or of the one that it wraps, says."""
    found = definition(str(section.get("_target_")))
    if found is None:
        return None
    said = next((value for each in _spoken_for(found) if (value := _flag(each)) is not None), None)
    if said is not None:
        return "max" if said else "min"
    inner = [value for value in section.values() if is_torch_metric(value)]
    return metric_direction(inner[0]) if inner else None


def _spoken_for(found: Definition) -> Iterator[Definition]:
    """The class, and for one that gives another by its key ``task`` the one for two classes beside it."""
    yield found
    if is_below(found, frozenset({_CHOOSER})) and (other := definition(f"{found.module}.Binary{found.node.name}")):
        yield other


def _flag(found: Definition) -> bool | None:
    """The first value of ``higher_is_better`` among a class and those above it, that is true or false."""
    return next((said for each in ancestors(found) if (said := _written(each)) is not None), None)


def _written(found: Definition) -> bool | None:
    for node in found.node.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(ast.unparse(target) == _FLAG for target in targets) and isinstance(node.value, ast.Constant):
            return node.value.value if isinstance(node.value.value, bool) else None
    return None
