"""One finished run as the comparison sees it."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from segexp.report.comparison_page.configurations import settings
from segexp.report.comparison_page.configurations.figures import Figures, figures_of
from segexp.report.comparison_page.configurations.image_set import ImageSet, image_set
from segexp.report.data_set import data_set_name
from segexp.runs import entries
from segexp.runs.contents import RunContents, numbers_of, read_rows

ImageValues = dict[str, dict[str, float]]
"""By column of per_image.csv: value by image, where defined."""


@dataclass(frozen=True)
class ComparedRun:
    """A finished run; everything is read from its folder."""

    contents: RunContents

    def read_all(self) -> None:
        """Reads and checks every file that a comparison takes from its folder."""
        _ = self.config, self.options, self.figures, self.images, self.tested, self.rate

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.contents.path

    @cached_property
    def data_set(self) -> str:
        """Name of its data set, the one that its own report has."""
        return data_set_name(self.contents)

    @property
    def results(self) -> Mapping[str, Any]:
        """Content of results.json."""
        return self.contents.results

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.yaml as flat keys."""
        return settings.flat_config(self.contents.config)

    @cached_property
    def options(self) -> dict[str, str]:
        """The option that was chosen in each group."""
        chosen = self.contents.run.get("choices")
        found = chosen.items() if isinstance(chosen, Mapping) else ()
        return {str(group): str(name) for group, name in found if str(name) != "None"}

    @property
    def overridden(self) -> list[str]:
        """Keys and groups that the command line set, in its order."""
        given = self.contents.run.get("overrides")
        texts = [str(text) for text in given] if isinstance(given, list) else []
        return [text.lstrip("+~").partition("=")[0].partition("@")[0] for text in texts]

    @property
    def seed(self) -> str:
        """The seed as text; with a seed of the data of its own, both."""
        found = [settings.text_of(self.config[key]) for key in settings.SEEDS if key in self.config]
        found = found or [entries.to_text(self.contents.run.get("seed"))]
        return "/".join(dict.fromkeys(found))

    @property
    def fold(self) -> int | None:
        """The fold that it tested; None without cross-validation."""
        fold = self.config.get(settings.FOLD)
        return fold if settings.folded(self.config) and isinstance(fold, int) else None

    @cached_property
    def figures(self) -> Figures:
        """Test figures of the model."""
        return figures_of(entries.model_row(self.results))

    @cached_property
    def images(self) -> ImageValues:
        """Figures of the model of each test image."""
        return self.images_of(entries.to_text(entries.model_row(self.results).get("name")))

    def images_of(self, name: str) -> ImageValues:
        """Figures of a predictor beside the model."""
        return image_values(self.contents.images, name, self.path / "per_image.csv")

    @cached_property
    def tested(self) -> ImageSet:
        """The image set that the run was tested on."""
        return image_set(self.contents)

    @property
    def parameters(self) -> int | None:
        """Number of weights."""
        found = entries.get_in(self.contents.run, "model", "parameters")
        return found if isinstance(found, int) else None

    @property
    def seconds(self) -> float | None:
        """Training time."""
        found = self.contents.run.get("train_seconds")
        return float(found) if isinstance(found, int | float) else None

    @cached_property
    def rate(self) -> float | None:
        """Training samples per second: samples of an epoch over the median time of an epoch, validation included."""
        samples = entries.get_in(self.contents.run, "data", "train", "samples")
        times = _epoch_seconds(self.path / "metrics.csv")
        # The first epoch waits for the data and for the libraries.
        steady = times[1:] or times
        return samples / statistics.median(steady) if isinstance(samples, int) and steady else None

    @property
    def machine(self) -> str:
        """Device and processor: only times of one machine can be compared."""
        run = self.contents.run
        parts = (
            entries.to_text(run.get("device")),
            entries.to_text(entries.get_in(run, "machine", "processor")),
        )
        return ", ".join(part for part in parts if part)

    @property
    def threads(self) -> str:
        """Number of threads that the run used; empty where that is not known."""
        return entries.to_text(self.contents.run.get("threads"))


NAMES = ("image", "row", "true", "predicted")
"""Columns of per_image.csv that hold names: of image and predictor, and of a classification the two classes."""


def image_values(rows: list[dict[str, str]], name: str, path: Path) -> ImageValues:
    """Figures by column and image of the predictor ``name`` in per_image.csv.

    Raises:
        DataError: A figure is no number.
    """
    own = [row for row in rows if row.get("row", name) == name]
    cells = [{column: text for column, text in row.items() if column not in NAMES} for row in own]
    found: ImageValues = {}
    for row, figures in zip(own, numbers_of(cells, path), strict=True):
        for column, value in figures.items():
            if not math.isnan(value):
                found.setdefault(column, {})[row.get("image", "")] = value
    return found


def _epoch_seconds(path: Path) -> list[float]:
    rows = [{"seconds": row.get("seconds", "")} for row in read_rows(path)]
    # nan is no more than 0 either.
    return [row["seconds"] for row in numbers_of(rows, path) if row["seconds"] > 0]
