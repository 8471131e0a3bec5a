"""For the test environment of the zoo only: lets torchvision's build for CUDA be imported beside a CPU build of torch.

Its compiled part does not load there, and its Python part then fails at ``operator torchvision::nms does not exist``.
With the schemas of its two operators declared, the rest works (models, transforms of tensors); the operators
themselves stay without code. ``make zoo`` copies this file beside the packages, where a .pth file imports it in
every process; it does nothing until torchvision is asked for.
"""

import importlib.abc
import sys
from collections.abc import Sequence
from typing import Any

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class DeclareFirst(importlib.abc.MetaPathFinder):
    """Finds nothing itself; declares the operators when torchvision is first looked for."""

    def __init__(self) -> None:
        self.libraries: list[Any] = []  # a declaration lives as long as its object

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> None:
        """Called for every import that is not in ``sys.modules`` yet."""
        if fullname != "torchvision" or self.libraries:
            return
        import torch

        if torch.version.cuda is None:
            library = torch.library.Library("torchvision", "FRAGMENT")
            self.libraries.append(library)
            for schema in SCHEMAS:
                library.define(schema)


sys.meta_path.insert(0, DeclareFirst())
