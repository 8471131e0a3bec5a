"""What the test of a reconstruction writes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from segexp.data.items.item import Item
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.image_pictures import (
    grid_picture,
    image_picture,
    image_pictures,
    point_picture,
    sheet_picture,
)
from segexp.evaluation.latents import Latents
from segexp.evaluation.outcome import Panels
from segexp.evaluation.pictures import Picture
from segexp.evaluation.task_test import TaskTest
from segexp.evaluation.test_pictures import select_images
from segexp.evaluation.test_report import TestReport
from segexp.metrics.figures import Array, Family
from segexp.report.run_page.charts.files import save_chart
from segexp.report.run_page.charts.latents import place_in_plane
from segexp.runs.folder import RunFolder
from segexp.spec import FigureSpec
from segexp.tasks.predictor_result import PredictorResult
from segexp.tasks.reconstruction import Reconstruction

MOST_NUMBERS = 64
"""Numbers of a code up to which results.json holds the directions of the plane; latents.csv holds all numbers."""


class ImageTest(TaskTest[Reconstruction, PredictorResult]):
    """A reconstruction that was tested."""

    @cached_property
    def latents(self) -> Latents | None:
        """Codes of the images; None where the model has none, or images have several sizes."""
        found = Latents(self.task, self.datamodule) if self.task.has_codes else None
        return found if found is not None and found.alike else None

    def rows(self) -> Sequence[PredictorResult]:
        """Row of the model; where classes are known, with the accuracy of its codes' nearest neighbours."""
        (model,) = self.task.predictor_results()
        if self.task.has_codes:
            model = replace(model, note=code_words(self.task.autoencoder.latent, self.latents))
        if self.latents is None or not self.latents.compares:
            return [model]
        right = self.latents.right()
        family = Family(np.stack([np.ones_like(right), right], axis=1), _accuracy, ())
        return [replace(model, families={**model.families, "neighbours": family})]

    def content(self, rows: Sequence[PredictorResult], resamples: int) -> dict[str, Any]:
        """Content of results.json but for its panels, with what the plane of the codes is."""
        found = super().content(rows, resamples)
        return found if self.latents is None else found | {"latents": self._plane(self.latents)}

    def _figures(self) -> dict[str, FigureSpec]:
        """Those of the task, and the accuracy of the nearest neighbours where classes are known."""
        specs = super()._figures()
        if self.latents is not None and self.latents.compares:
            asked, known = self.task.neighbours, len(self.latents.trained)
            meaning = (
                f"share of the test images whose {asked} nearest codes, of the {known} training images, are mostly of "
                "their class"
            )
            specs["knn_accuracy"] = FigureSpec("max", f"{asked}-NN accuracy of codes", "", meaning)
        return specs

    def _plane(self, latents: Latents) -> dict[str, Any]:
        """What the plane of the codes is, for results.json; of long codes without its directions."""
        plane, numbers = latents.plane, int(latents.codes.shape[1])
        short = {"origin": plane.mean.tolist(), "directions": plane.axes.tolist()} if numbers <= MOST_NUMBERS else {}
        asked = self.task.latent
        return {
            "numbers": numbers,
            "axes": list(plane.names),
            **short,
            "share": None if plane.share is None else plane.share.tolist(),
            "shown": len(latents.shown),
            "of": len(self.datamodule.items("test")),
            "classes": latents.classes,
            "point": None if asked is None else {"latent": list(asked), "place": place_in_plane(asked, short)},
        }

    def draw(self, folder: RunFolder, row: PredictorResult, count: int, after: Afterwards) -> Panels:
        """Draws the course of the training, images beside what comes back of them, and the plane of the codes."""
        super().draw(folder, row, count, after)
        for picture, what in self._more(after):
            # latent-grid lies in panels/latents/grid.png: the page has a section of its own for the codes.
            after.make(what, partial(picture.save, folder.panels / f"{picture.stem.replace('-', '/')}.png"))
        if (latents := self.latents) is not None:
            after.make("latents.csv", lambda: folder.write_csv("latents.csv", self._table(latents)))
            after.make("latents.png", lambda: save_chart(folder.path, "latents.png"), from_files=True)
        errors = row.families["errors"].of_images()["mse"]
        panels = []
        for number, (rank, index) in enumerate(select_images((-errors).tolist(), count), start=1):
            item = self.datamodule.items("test")[index]
            entry = after.make(f"the panel of {item.name}", partial(self._panel, folder, item, number, rank))
            panels += [entry] if entry is not None else []
        return panels

    def _more(self, after: Afterwards) -> list[tuple[Picture, str]]:
        """Pictures of no single image: a sheet of images, a grid over the plane of the codes, a decoded code."""
        task, latents = self.task, self.latents
        made = [("a sheet of reconstructions", lambda: sheet_picture(task, self.datamodule.items("test")))]
        if latents is not None:
            made.append(("the grid over the codes", lambda: grid_picture(latents)))
        if (asked := task.latent) is not None:
            made.append(("the image of task.latent", lambda: point_picture(task, asked)))
        found = [(after.make(what, make), what) for what, make in made]
        return [(picture, what) for picture, what in found if picture is not None]

    def _table(self, latents: Latents) -> list[dict[str, Any]]:
        """Lines of latents.csv: image, class, place in the plane, numbers of the code."""
        places, items = latents.plane.project(latents.codes), self.datamodule.items("test")
        return [
            {
                "image": items[number].name,
                "class": (latents.class_of(items[number]) or "") if latents.classes else "",
                "x": round(float(place[0]), 6),
                "y": round(float(place[1]), 6),
                **{f"code_{n + 1}": round(float(value), 6) for n, value in enumerate(code)},
            }
            for number, place, code in zip(latents.shown, places, latents.codes, strict=True)
        ]

    def _panel(self, folder: RunFolder, item: Item, number: int, rank: str) -> dict[str, Any]:
        """Draws a test image; gives its entry."""
        picture = image_picture(self.task, item)
        file = f"panels/{number:02d}_{rank}_{picture.stem}.png"
        picture.save(folder.path / file)
        entry = {"file": file, "image": item.name, "size": list(item.shape), "rank": rank}
        return {**entry, "figures": dict(picture.figures)}

    @staticmethod
    def validation_pictures(task: Reconstruction, items: Iterable[Item]) -> Sequence[Picture]:
        """Pictures of validation images while training."""
        return image_pictures(task, items)

    def report(self, content: Mapping[str, Any], per_image: Path, step: int) -> TestReport:
        """Gives the loggers their figures and pictures, once the pictures are on the disk."""
        report = super().report(content, per_image, step)
        items = {item.name: item for item in self.datamodule.items("test")}
        shown = image_pictures(self.task, [items[entry["image"]] for entry in content["panels"]])
        more = [picture for picture, _ in self._more(Afterwards(per_image.parent, ""))]
        chart = per_image.parent / "latents.png"
        return replace(report, pictures=[*shown, *more, *([chart_picture(chart)] if chart.is_file() else [])])


def chart_picture(path: Path) -> Picture:
    """A chart that lies on the disk as PNG, for the loggers."""
    import cv2

    drawn = cv2.cvtColor(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
    return Picture(path.stem, {}, np.asarray(drawn, np.uint8))


def code_words(latent: int, latents: Latents | None) -> str:
    """Says what images come back through: a code, or a map of codes, which larger images have.

    Args:
        latent: Numbers of a code.
        latents: Of the images; None: these have several sizes, and so have their maps of codes.
    """
    if latents is None:
        return f"through codes of {latent} numbers, of larger images more codes"
    _, height, width = latents.code_shape
    if height * width == 1:
        return f"through a code of {latent} numbers"
    return f"through {height}x{width} codes of {latent} numbers, together {height * width * latent}"


def _accuracy(sums: Array) -> dict[str, Array]:
    return {"knn_accuracy": sums[:, 1] / sums[:, 0]}
