"""Which test goes with a task."""

from typing import Any

from segexp.evaluation.image_test import ImageTest
from segexp.evaluation.label_test import LabelTest
from segexp.evaluation.mask_test import MaskTest
from segexp.evaluation.task_test import TaskTest
from segexp.tasks.base import BaseTask
from segexp.tasks.classification import Classification
from segexp.tasks.reconstruction import Reconstruction
from segexp.tasks.segmentation import Segmentation

_KINDS: tuple[tuple[type[BaseTask], type[TaskTest[Any, Any]]], ...] = (
    (Segmentation, MaskTest),
    (Classification, LabelTest),
    (Reconstruction, ImageTest),
)


def test_of(task: BaseTask) -> type[TaskTest[Any, Any]]:
    """The kind of test of a task, for a task of another kind one of its figures alone."""
    return next((test for kind, test in _KINDS if isinstance(task, kind)), TaskTest)
