"""What the test of a classification writes."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from segexp.data.items.item import Item
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.label_pictures import label_pictures
from segexp.evaluation.outcome import Panels
from segexp.evaluation.pictures import Picture
from segexp.evaluation.task_test import TaskTest
from segexp.evaluation.test_pictures import select_images
from segexp.evaluation.test_report import TestReport
from segexp.report.run_page.charts.files import save_chart
from segexp.runs.folder import RunFolder
from segexp.tasks.classification import Classification
from segexp.tasks.label_result import LabelResult


class LabelTest(TaskTest[Classification, LabelResult]):
    """A classification that was tested."""

    def content(self, rows: Sequence[LabelResult], resamples: int) -> dict[str, Any]:
        """Content of results.json but for its panels, with the confusion matrix of the model in images."""
        found = super().content(rows, resamples)
        return found | {
            "task": {**found["task"], "classes": list(self.task.spec.classes)},
            "confusion": rows[0].confusion.tolist(),
        }

    def draw(self, folder: RunFolder, row: LabelResult, count: int, after: Afterwards) -> Panels:
        """Draws the course of the training, the confusion matrix, and images from worst to best."""
        super().draw(folder, row, count, after)
        after.make("confusion.png", lambda: save_chart(folder.path, "confusion.png"), from_files=True)
        panels = []
        for number, (rank, index) in enumerate(select_images(row.of_truth().tolist(), count), start=1):
            item = self.datamodule.items("test")[index]
            entry = after.make(f"the panel of {item.name}", partial(self._panel, folder, item, number, rank))
            panels += [entry] if entry is not None else []
        return panels

    def _panel(self, folder: RunFolder, item: Item, number: int, rank: str) -> dict[str, Any]:
        """Draws a test image; gives its entry."""
        (picture,) = label_pictures(self.task, [item])
        file = f"panels/{number:02d}_{rank}_{picture.stem}.png"
        picture.save(folder.path / file)
        return {
            "file": file,
            "image": item.name,
            "size": list(item.shape),
            "rank": rank,
            "figures": dict(picture.figures),
        }

    @staticmethod
    def validation_pictures(task: Classification, items: Iterable[Item]) -> Sequence[Picture]:
        """Pictures of validation images while training."""
        return label_pictures(task, items)

    def report(self, content: Mapping[str, Any], per_image: Path, step: int) -> TestReport:
        """Gives the loggers figures and pictures; images of the lowest probability of their class first."""
        with per_image.open(newline="", encoding="utf-8") as stream:
            lines = [line for line in csv.DictReader(stream) if line["row"] == "model"]
        lines.sort(key=lambda line: float(line[f"probability/{line['true']}"]))
        items = {item.name: item for item in self.datamodule.items("test")}
        pictures = label_pictures(self.task, [items[entry["image"]] for entry in content["panels"]])
        return TestReport(content, lines, pictures, [], [], step)
