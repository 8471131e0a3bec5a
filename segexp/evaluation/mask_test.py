"""What the test of a segmentation writes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.data.items.item import Item
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.outcome import Panels
from segexp.evaluation.pictures import MaskPicture, pictures_of, test_pictures
from segexp.evaluation.predictors import baseline_rows, observer_rows
from segexp.evaluation.results import results
from segexp.evaluation.task_test import TaskTest
from segexp.evaluation.test_pictures import draw_mask_pictures
from segexp.evaluation.test_report import TestReport, points, worst_first
from segexp.runs.folder import RunFolder
from segexp.tasks.mask_result import MaskResult
from segexp.tasks.segmentation import Segmentation


class MaskTest(TaskTest[Segmentation, MaskResult]):
    """A segmentation that was tested."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds that each costly measure took."""
        return self.task.tested.seconds

    def trivial_rows(self) -> Mapping[str, Callable[[], Sequence[MaskResult]]]:
        """Makes the rows of one class everywhere and of Otsu's thresholds."""
        return {"the rows of trivial predictors": lambda: baseline_rows(self.datamodule, self.task.measures)}

    def other_rows(self) -> Mapping[str, Callable[[], Sequence[MaskResult]]]:
        """Makes the rows of other people's masks."""
        return {"the rows of other people": lambda: observer_rows(self.datamodule, self.task.measures)}

    def content(self, rows: Sequence[MaskResult], resamples: int) -> dict[str, Any]:
        """Content of results.json but for its panels."""
        return results(rows, self.datamodule, self.task, self.checkpoint, self.name, resamples, self.seed)

    def draw(self, folder: RunFolder, row: MaskResult, count: int, after: Afterwards) -> Panels:
        """Draws the course of the training, curves over thresholds, the confusion matrix, and panels."""
        super().draw(folder, row, count, after)
        return draw_mask_pictures(folder, self.task, self.datamodule, row, count, after)

    @staticmethod
    def validation_pictures(task: Segmentation, items: Iterable[Item]) -> Sequence[MaskPicture]:
        """Pictures of validation images while training, at probability 0.5 as the validation figures are."""
        return pictures_of(task, items, 0.0)

    def report(self, content: Mapping[str, Any], per_image: Path, step: int) -> TestReport:
        """Gives the loggers the figures of the test, with pictures and curves."""
        classes = self.task.spec.classes
        curve = self.task.tested.scores.curve() if self.task.spec.is_binary else None
        return TestReport(
            content,
            worst_first(per_image, f"dice/{classes[1]}" if len(classes) == 2 else "iou/mean", "max"),
            test_pictures(self.task, self.datamodule, content["panels"]),
            points(curve.roc() if curve else None, "fpr", "tpr"),
            points(curve.pr() if curve else None, "recall", "precision"),
            step,
        )
