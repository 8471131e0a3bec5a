"""What the test of any task writes; a kind of task that has more to say has a class below this one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from segexp.data.base import ImageDataModule
from segexp.data.items.item import Item
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.outcome import Panels
from segexp.evaluation.pictures import Picture
from segexp.evaluation.results import bootstrap_weights, figure_texts, image_notes, trained_on
from segexp.evaluation.test_report import TestReport, worst_first
from segexp.report.run_page.charts.files import save_chart
from segexp.runs.folder import RunFolder
from segexp.spec import FigureSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.predictor_result import PredictorResult

R = TypeVar("R", bound=PredictorResult)
T = TypeVar("T", bound=BaseTask)

ANY_AVERAGING = {
    "dataset": "all test images together, then one value",
    "image": "one value per test image, then the mean over the images where it is defined",
    "interval": "95 % bootstrap intervals: test images are drawn again with replacement, measures made anew of each "
    "draw, and the central 95 % of them taken. They speak of other images like these, not of training again",
}


class TaskTest(Generic[T, R]):
    """A task that was tested, and what is written of that: rows of figures, content of results.json, pictures."""

    def __init__(
        self, task: T, datamodule: ImageDataModule, checkpoint: Mapping[str, Any], name: str, seed: int
    ) -> None:
        """Keeps them.

        Args:
            task: With the best weights, after a test.
            datamodule: With the test images.
            checkpoint: Path, epoch, measure and value of the weights.
            name: Of the data set.
            seed: Of the bootstrap samples.
        """
        self.task = task
        self.datamodule = datamodule
        self.checkpoint = checkpoint
        self.name = name
        self.seed = seed

    @property
    def names(self) -> list[str]:
        """Names of the test images."""
        return [item.name for item in self.datamodule.items("test")]

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds that each costly measure took of the test."""
        return {}

    def rows(self) -> Sequence[R]:
        """Rows of results.json: those of the model, with the figures of torchmetrics."""
        rows: Sequence[R] = self.task.predictor_results()  # type: ignore[assignment] # what its kind of test takes
        more = self.task.metrics.families(len(self.names))
        return [replace(row, families={**row.families, **more}) for row in rows] if more else rows

    def trivial_rows(self) -> Mapping[str, Callable[[], Sequence[R]]]:
        """Makes the rows of trivial predictors, by what they are in words."""
        make: Callable[[], Sequence[R]] = lambda: self.task.trivial_results(self.datamodule)  # type: ignore[assignment, return-value] # noqa: E731
        return {"the rows of trivial predictors": make}

    def other_rows(self) -> Mapping[str, Callable[[], Sequence[R]]]:
        """Makes further rows that stand beside the model."""
        return {}

    def content(self, rows: Sequence[R], resamples: int) -> dict[str, Any]:
        """Content of results.json but for its panels.

        Args:
            rows: Of all predictors, the model's first.
            resamples: Bootstrap samples.
        """
        images = len(self.names)
        weights = bootstrap_weights(images, resamples, self.seed)
        return {
            "kind": self.task.spec.kind,
            "task": {"datamodule": self.name, "where": "test images"},
            "checkpoint": dict(self.checkpoint),
            "trained_on": trained_on(self.task),
            "split": {"name": "test", "images": images},
            "averaging": ANY_AVERAGING | self.task.metrics.averaging(),
            **figure_texts(self._figures()),
            "rows": [row.to_dict(weights) for row in rows],
            "notes": [*self.datamodule.notes, *image_notes(self.names, resamples)],
        }

    def _figures(self) -> dict[str, FigureSpec]:
        """What the task says of its figures, by their names in results.json: what is of each class stands once."""
        own = {name.partition("/")[0]: spec for name, spec in self.task.described_figures().items()}
        return own | self.task.metrics.described()

    def draw(self, folder: RunFolder, row: R, count: int, after: Afterwards) -> Panels:
        """Draws pictures into the run folder, each by itself; gives the entries of panels.

        Args:
            folder: The run folder, with metrics.csv and results.json.
            row: The model's.
            count: Number of panels.
            after: Keeps what could not be drawn.
        """
        # The evaluation of a run has no course of a training.
        if (folder.path / "metrics.csv").is_file():
            after.make("curves.png", lambda: save_chart(folder.path, "curves.png"), from_files=True)
        return []

    @staticmethod
    def validation_pictures(task: T, items: Iterable[Item]) -> Sequence[Picture]:
        """Pictures of validation images while training; none where the task draws none."""
        return []

    def report(self, content: Mapping[str, Any], per_image: Path, step: int) -> TestReport:
        """Gives the loggers the figures of the test.

        Args:
            content: Of results.json.
            per_image: The file per_image.csv.
            step: Optimiser steps of the training.
        """
        described = self._figures().items()
        figure, way = next(((name, spec.direction) for name, spec in described), ("", "max"))
        return TestReport(content, worst_first(per_image, figure, way), [], [], [], step)
